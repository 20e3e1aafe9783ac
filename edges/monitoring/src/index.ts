// HTTP monitoring of a broker.
export {};
