/** Reads Prometheus' text format as far as the benchmark needs it. */

/** One histogram, all label sets added up. Bounds in seconds, rising, the last one infinite; counts cumulative. */
export interface ScrapedHistogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface Scrape {
  /** Sum over all label sets that contain `labels`. */
  total(name: string, labels?: Readonly<Record<string, string>>): number;
  histogram(name: string, labels?: Readonly<Record<string, string>>): ScrapedHistogram;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function parseScrape(text: string): Scrape {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (!match || line.startsWith('#')) continue;
    const labels = Object.fromEntries([...(match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k, v]));
    samples.push({ name: match[1] ?? '', labels, value: Number(match[3]) });
  }
  const select = (name: string, labels: Readonly<Record<string, string>> = {}): Sample[] =>
    samples.filter((s) => s.name === name && Object.entries(labels).every(([key, value]) => s.labels[key] === value));
  return {
    total: (name, labels) => select(name, labels).reduce((sum, { value }) => sum + value, 0),
    histogram(name, labels) {
      const buckets = new Map<number, number>();
      for (const { labels: of, value } of select(`${name}_bucket`, labels)) {
        const bound = of.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(of.le);
        buckets.set(bound, (buckets.get(bound) ?? 0) + value);
      }
      const bounds = [...buckets.keys()].sort((a, b) => a - b);
      const counts = bounds.map((bound) => buckets.get(bound) ?? 0);
      return { bounds, counts, sum: select(`${name}_sum`, labels).reduce((sum, { value }) => sum + value, 0) };
    },
  };
}

/** What was observed between two scrapes of one histogram. */
export function between(before: ScrapedHistogram, after: ScrapedHistogram): ScrapedHistogram {
  const counts = after.counts.map((count, i) => count - (before.counts[i] ?? 0));
  return { bounds: after.bounds, counts, sum: after.sum - before.sum };
}

/** The value below which `share` lies, interpolated within its bucket as Prometheus does; NaN when empty. */
export function quantile(histogram: ScrapedHistogram, share: number): number {
  const { bounds, counts } = histogram;
  const rank = share * (counts.at(-1) ?? 0);
  const at = counts.findIndex((count) => count >= rank && count > 0);
  if (at < 0) return Number.NaN;
  const low = at === 0 ? 0 : (bounds[at - 1] ?? 0);
  const high = bounds[at] ?? low;
  if (high === Number.POSITIVE_INFINITY) return low;
  const below = at === 0 ? 0 : (counts[at - 1] ?? 0);
  const inside = (counts[at] ?? 0) - below;
  return inside === 0 ? high : low + ((high - low) * (rank - below)) / inside;
}

/** Upper bound of the highest bucket that holds anything; NaN when empty. */
export function highest(histogram: ScrapedHistogram): number {
  for (let i = histogram.counts.length - 1; i >= 0; i--)
    if ((histogram.counts[i] ?? 0) > (i === 0 ? 0 : (histogram.counts[i - 1] ?? 0)))
      return histogram.bounds[i] ?? Number.NaN;
  return Number.NaN;
}
