import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type Scrape, scrape } from '../support/scrape.ts';
import type { TestServer } from '../support/server.ts';

/** A server from outside, at one moment. */
export interface Vitals {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly rssMb: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly children: number;
  readonly metrics: Scrape;
}

const MIB = 2 ** 20;
const PAGE_BYTES = 4096;

/** Reads them all. Linux only. */
export async function readVitals(server: TestServer, at: number): Promise<Vitals> {
  const { pid } = server;
  const links = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
  return {
    at,
    rssMb: (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / MIB,
    descriptors: links.length,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    children: childrenOf(pid),
    metrics: scrape(await server.metrics()),
  };
}

/** The slope of the least-squares line through the points, per unit of x; 0 for fewer than two. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / Math.max(1, points.length);
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
}

function childrenOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))
    .reduce((sum, text) => sum + text.split(' ').filter(Boolean).length, 0);
}
