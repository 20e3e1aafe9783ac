// HTTP monitoring of a broker. Whoever runs a broker starts it when a port for it is configured.
export { createMonitoringEdge, type MonitoringEdge, type MonitoringOptions } from "./edge.ts";
