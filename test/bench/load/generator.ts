import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Percentiles in ms. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What was heard in one window, over all legs. */
export interface LoadReport {
  readonly seconds: number;
  readonly legs: number;
  /** Legs that got no packet at all. */
  readonly silentLegs: number;
  /** Packets that should have come, by each leg's ideal clock. */
  readonly expected: number;
  readonly received: number;
  readonly missing: number;
  /** More than 20 ms behind the leg's ideal clock. */
  readonly late: number;
  readonly sequenceGaps: number;
  readonly reordered: number;
  readonly duplicate: number;
  readonly badTimestamps: number;
  readonly ssrcChanges: number;
  readonly malformed: number;
  readonly framesChecked: number;
  /** Frames in which a tone was missing or was heard that should not be. */
  readonly framesWrong: number;
  readonly sent: number;
  readonly sendErrors: number;
  readonly stalls: number;
  /** What the generator itself used. */
  readonly cpuSeconds: number;
  /** Arrival against the ideal clock, every packet. */
  readonly lateness: Spread;
  /** The generator's own lateness. */
  readonly sendLateness: Spread;
  /** Interarrival jitter (RFC 3550) per leg, in ms. */
  readonly jitter: { readonly p50: number; readonly p99: number };
  readonly faulty: readonly {
    readonly leg: number;
    readonly wrong: number;
    readonly checked: number;
    readonly missing: string;
    readonly extra: string;
  }[];
}

/** A sound that began: `s` at a speaker, when its packet was sent; `r` at a listener. ms of CLOCK_MONOTONIC. */
export type Onset = readonly [leg: number, kind: 's' | 'r', at: number];

type Answer =
  | { readonly type: 'ready'; readonly pinned: boolean; readonly realtime: boolean }
  | { readonly type: 'opened'; readonly ports: readonly number[] }
  | ({ readonly type: 'report' } & LoadReport)
  | { readonly type: 'onsets'; readonly list: readonly Onset[] }
  | { readonly type: 'error'; readonly what: string };

export const TONES = 64;
/** Tone `i` sounds at this many Hz. */
export const toneHz = (tone: number): number => 300 + 50 * tone;
/** Speaks silence, or watches for any sound. */
export const NO_TONE = -1;

const SOURCES = ['generator.c', 'wire.c', 'stream.c', 'report.c', 'tones.c'];
const HEADERS = ['wire.h', 'stream.h', 'report.h', 'tones.h'];
const FOLDER = import.meta.dirname;
const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-O3', '-march=native', '-ffast-math', '-Wall', '-Wextra'];
const ANSWER_MS = 20_000;

/** Compiles the generator once per version of its source; undefined where there is no C compiler. */
export function buildGenerator(folder: string): string | undefined {
  const hash = createHash('sha256').update(FLAGS.join());
  for (const name of [...SOURCES, ...HEADERS]) hash.update(readFileSync(join(FOLDER, name)));
  const path = join(folder, `load-generator-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const half = `${path}.${process.pid}`;
  try {
    execFileSync('cc', [...FLAGS, '-o', half, ...SOURCES.map((name) => join(FOLDER, name)), '-lm'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  // Whole or not at all: another run may be building it as well.
  renameSync(half, path);
  return path;
}

/** The process that speaks and listens for all legs. Legs are numbered from 0 in the order of `open`. */
export class Generator {
  readonly pinned: boolean;
  /** Whether the kernel runs it before all ordinary processes. */
  readonly realtime: boolean;
  readonly #child: ChildProcess;
  readonly #answers: Answers;

  private constructor(child: ChildProcess, answers: Answers, ready: { pinned: boolean; realtime: boolean }) {
    this.#child = child;
    this.#answers = answers;
    this.pinned = ready.pinned;
    this.realtime = ready.realtime;
  }

  static async start(path: string, core: number | undefined): Promise<Generator> {
    const child = spawn(path, [String(core ?? -1)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = new Answers(child);
    return new Generator(child, answers, await answers.next('ready'));
  }

  /** Opens so many more legs; returns their local ports. */
  async open(count: number): Promise<readonly number[]> {
    this.#say(`open ${count}`);
    return (await this.#answers.next('opened')).ports;
  }

  /** `gated`: sounds for 200 ms of every second instead of always. */
  speak(leg: number, port: number, tone: number, db: number, gated: boolean): void {
    this.#say(`speak ${leg} ${port} ${tone} ${db} ${Number(gated)}`);
  }

  expect(leg: number, tones: bigint): void {
    this.#say(`expect ${leg} ${leg} ${tones.toString(16)}`);
  }

  watch(leg: number, tone: number): void {
    this.#say(`watch ${leg} ${tone}`);
  }

  /** Looks at one packet in `every`; a tone is heard from `floorDb` dBFS on; tones outside `judged` may sound or not. */
  judge(every: number, floorDb: number, judged: bigint): void {
    this.#say(`judge ${every} ${floorDb} ${judged.toString(16)}`);
  }

  /** Learns the ideal clock of every stream anew, until `begin`. */
  settle(): void {
    this.#say('settle');
  }

  begin(): void {
    this.#say('begin');
  }

  /** Ends the window at once; the report follows a moment later. */
  end(): Promise<LoadReport> {
    this.#say('end');
    return this.#answers.next('report');
  }

  /** What began since the last time this was asked. */
  async onsets(): Promise<readonly Onset[]> {
    this.#say('onsets');
    return (await this.#answers.next('onsets')).list;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#say('quit');
    await exited;
  }

  #say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}

/** The generator's answers, awaited one kind at a time. */
class Answers {
  readonly #waiting: { readonly type: string; resolve(answer: Answer): void; reject(error: Error): void }[] = [];

  constructor(child: ChildProcess) {
    if (!child.stdout) throw new Error('the generator has no output');
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(JSON.parse(line) as Answer));
    child.on('error', (error) => this.#fail(error));
    child.on('exit', (code, signal) => this.#fail(new Error(`the load generator ended with ${code ?? signal}`)));
    child.stdin?.on('error', (error) => this.#fail(error));
  }

  async next<T extends Answer['type']>(type: T): Promise<Extract<Answer, { type: T }>> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the load generator did not say "${type}"`)), ANSWER_MS);
      this.#waiting.push({
        type,
        resolve: (found) => {
          clearTimeout(timer);
          resolve(found);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
    return answer as Extract<Answer, { type: T }>;
  }

  #take(answer: Answer): void {
    if (answer.type === 'error') return this.#fail(new Error(`load generator: ${answer.what}`));
    const at = this.#waiting.findIndex(({ type }) => type === answer.type);
    this.#waiting.splice(at, 1)[0]?.resolve(answer);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
