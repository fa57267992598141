/** What a server's metrics say at one moment: each one's sum over all its labels, and each series under its full name. */
export type Scrape = ReadonlyMap<string, number>;

/** Reads Prometheus' text format. */
export function scrape(text: string): Scrape {
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^(\w+)(\{[^}]*\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
    if (labels !== '') sums.set(name + labels, Number(value));
  }
  return sums;
}
