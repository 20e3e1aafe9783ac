// A histogram of the broker as Prometheus reads it. The buckets are counted where the work is done;
// this only adds them up when somebody asks.
import type { Histogram as PrometheusHistogram } from "prom-client";

/** What the broker counted, in its own unit. */
export interface Buckets {
  readonly bounds: readonly number[];
  /** Values per bound, each counted once; one more for those above all bounds. */
  readonly counts: Float64Array;
  readonly sum: number;
}

export interface BucketHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly buckets: Buckets;
  /** Units of the broker in one of the metric: 1000 for milliseconds to seconds. */
  readonly divisor: number;
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** @returns something that a registry takes like a histogram of its own */
export function bucketHistogram(options: BucketHistogramOptions): PrometheusHistogram {
  const { name, help, buckets, divisor } = options;
  const metric = {
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    get: () =>
      Promise.resolve({
        name,
        help,
        type: "histogram",
        aggregator: "sum",
        values: samplesOf(name, buckets, divisor),
      }),
    reset: () => {},
  };
  return metric as unknown as PrometheusHistogram;
}

function samplesOf(name: string, { bounds, counts, sum }: Buckets, divisor: number): Sample[] {
  const samples: Sample[] = [];
  let total = 0;
  bounds.forEach((bound, at) => {
    total += counts[at] as number;
    samples.push({ metricName: `${name}_bucket`, labels: { le: bound / divisor }, value: total });
  });
  total += counts[bounds.length] as number;
  samples.push({ metricName: `${name}_bucket`, labels: { le: "+Inf" }, value: total });
  samples.push({ metricName: `${name}_sum`, labels: {}, value: sum / divisor });
  samples.push({ metricName: `${name}_count`, labels: {}, value: total });
  return samples;
}
