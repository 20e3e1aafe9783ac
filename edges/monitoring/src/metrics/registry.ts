// All metrics of a broker for Prometheus. Nothing is counted here: a scrape copies what the broker
// counted. Labels are bounded, and never the name of a mailbox, a client or an agent.
import type { MonitorView } from "@mq9/broker";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { bucketHistogram } from "./bucket-histogram.ts";
import { type Family, families, histograms } from "./families.ts";

/** Makes the registry of one broker, with the metrics of the process. */
export function createMetrics(view: MonitorView): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const family of families) addFamily(registry, view, family);
  for (const { name, help, of, divisor } of histograms) {
    registry.registerMetric(bucketHistogram({ name, help, buckets: of(view.meters), divisor }));
  }
  return registry;
}

function addFamily(registry: Registry, view: MonitorView, family: Family): void {
  const { name, help, label, type } = family;
  const registers = [registry];
  const labelNames = label === undefined ? [] : [label];
  if (type === "gauge") {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: () => {
        gauge.reset();
        fill(gauge, family, view, (labels, value) => gauge.set(labels, value));
      },
    });
    return;
  }
  const counter: Counter = new Counter({
    name,
    help,
    labelNames,
    registers,
    collect: () => {
      counter.reset(); // and is raised to what was counted elsewhere
      fill(counter, family, view, (labels, value) => counter.inc(labels, value));
    },
  });
}

type Put = (labels: Record<string, string>, value: number) => void;

function fill(
  metric: { remove(): void },
  { label = "of", read }: Family,
  view: MonitorView,
  put: Put,
): void {
  const found = read(view);
  if (found === undefined)
    metric.remove(); // nothing is said of what is not known
  else if (typeof found === "number") put({}, found);
  else for (const [of, value] of found) put({ [label]: of }, value);
}
