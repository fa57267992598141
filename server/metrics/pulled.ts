import type { HistogramSnapshot } from '../../media/index.ts';
import { METRICS, type MetricName } from './table.ts';

/** One line of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Differs from the metric's own name for the parts of a histogram. */
  readonly metricName?: string;
}

/** A metric counted elsewhere: it is asked for at each scrape, in the form prom-client's registry prints. */
export class PulledMetric {
  readonly name: MetricName;
  readonly help: string;
  readonly type: string;
  readonly #pull: () => readonly Sample[];

  constructor(name: MetricName, pull: () => readonly Sample[]) {
    this.name = name;
    this.help = METRICS[name].help;
    this.type = METRICS[name].kind;
    this.#pull = pull;
  }

  async get(): Promise<{ name: string; help: string; type: string; values: readonly Sample[]; aggregator: 'sum' }> {
    return { name: this.name, help: this.help, type: this.type, values: this.#pull(), aggregator: 'sum' };
  }

  /** The counts are not ours to reset. */
  reset(): void {}
}

/** A histogram's lines as Prometheus wants them: cumulative buckets, their sum and their count. */
export function histogramSamples(
  name: MetricName,
  labels: Readonly<Record<string, string | number>>,
  snapshot: HistogramSnapshot,
): readonly Sample[] {
  const samples: Sample[] = [];
  let count = 0;
  for (const [index, bound] of snapshot.bounds.entries()) {
    count += snapshot.counts[index] ?? 0;
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: count });
  }
  count += snapshot.counts[snapshot.bounds.length] ?? 0;
  samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count });
  samples.push({ metricName: `${name}_sum`, labels, value: snapshot.sum });
  samples.push({ metricName: `${name}_count`, labels, value: count });
  return samples;
}
