import type { ChildProcess } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import ffmpeg from 'fluent-ffmpeg';
import type { Clock } from '../time/clock.ts';
import { killGroup, lastLine, stepBack } from './program.ts';

/** A decoder as it is started: ffmpeg itself, and util-linux's prlimit in front of it where there is one. */
export interface DecoderProgram {
  readonly path: string;
  readonly prlimit: string | undefined;
}

/**
 * What goes in, decided by us; ffmpeg is never left to guess. Wav arrives here as mono 16-bit samples, little-endian,
 * its header already read: ffmpeg's own wav reader would wait for 64 kB of them before it let the first one go.
 */
export type TranscodeInput = { readonly format: 'mp3' } | { readonly format: 's16le'; readonly sampleRate: number };

export interface TranscodeJob {
  readonly program: DecoderProgram;
  readonly input: TranscodeInput;
  /** Of the mono 16-bit samples that come out, in Hz. */
  readonly sampleRate: number;
  /** No more sound than this comes out. */
  readonly maxSeconds: number;
  /** Wall clock, in ms. */
  readonly deadlineMs: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly clock: Clock;
  /** Takes samples as they are decoded: little-endian, cut anywhere. Valid during the call only. */
  readonly onPcm: (bytes: Uint8Array) => void;
}

export type TranscodeEnd =
  | { readonly status: 'finished' }
  /** ffmpeg gave up on the input; `detail` is its last word, fit for logs. */
  | { readonly status: 'rejected'; readonly code: number; readonly detail: string }
  /** Killed by a signal that was not ours: a crash or a limit. */
  | { readonly status: 'crashed'; readonly signal: string }
  | { readonly status: 'hung' }
  | { readonly status: 'killed' }
  /** Could not be started at all. */
  | { readonly status: 'unstartable'; readonly detail: string };

/** A third of the mixers' weight: behind them where they compete, yet quick to the first sample on a busy machine. */
const NICENESS = 5;
const BLOCK_MS = 100;
const STDERR_LINES = 20;
/** What prlimit, like a shell, exits with when it cannot execute its program. */
const NOT_EXECUTED: ReadonlySet<number> = new Set([126, 127]);

/** fluent-ffmpeg's own steps that are replaced on each command; see `Transcode`. */
interface Internals {
  _prepare(done: (error: Error | null, args: string[]) => void): void;
  _getFfmpegPath(done: (error: Error | null, path: string) => void): void;
  _spawnFfmpeg(args: string[], options: object, started: Started, ended: Ended): void;
}
type Started = (child: ChildProcess, stdout: LineRing, stderr: LineRing) => void;
type Ended = (error: Error | null, stdout?: LineRing, stderr?: LineRing) => void;
interface LineRing {
  get(): string;
}
const NO_LINES: LineRing = { get: () => '' };

/**
 * One run of ffmpeg: bytes in, mono PCM out, gone without a trace afterwards. It sees a pipe and nothing else: no URL, no
 * file name, no environment, no shell. This is the only module that knows fluent-ffmpeg, whose defaults do not suit
 * a server; what is done about them:
 *
 * - It asks ffmpeg for its formats and codecs before the first run, in text that differs by version: skipped, the
 *   program was proven at start.
 * - The program's path is one for the whole process: given per command.
 * - It passes our environment on, and kills one process only: empty environment, own process group, all of it killed.
 * - It reports the end while output may still be on its way: the end here is the child's `close`.
 * - It calls a null pointer when the program cannot be started, and mistakes a finished output for a lost one when the
 *   process lingers for 20 ms: both are kept from it.
 */
export class Transcode {
  readonly done: Promise<TranscodeEnd>;
  private readonly job: TranscodeJob;
  private readonly input = new PassThrough();
  private child: ChildProcess | undefined;
  private ending: 'hung' | 'killed' | undefined;
  private gone = false;

  constructor(job: TranscodeJob) {
    this.job = job;
    const cancelDeadline = job.clock.setTimeout(() => this.stop('hung'), job.deadlineMs);
    this.done = this.run().finally(() => {
      this.gone = true;
      cancelDeadline();
      this.input.destroy();
    });
  }

  /** The process has ended. */
  get over(): boolean {
    return this.gone;
  }

  /** Hands bytes over; resolves once ffmpeg can take more, or is gone. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.gone || this.input.write(bytes)) return;
    const { input } = this;
    await new Promise<void>((resolve) => {
      input.once('drain', done);
      input.once('close', done);
      function done(): void {
        input.off('drain', done);
        input.off('close', done);
        resolve();
      }
    });
  }

  /** No more input; `done` follows when the rest is decoded. */
  end(): void {
    if (!this.gone) this.input.end();
  }

  /** Ends the process at once. Idempotent. */
  kill(): void {
    this.stop('killed');
  }

  private stop(ending: 'hung' | 'killed'): void {
    if (this.gone) return;
    this.ending ??= ending;
    const child = this.child;
    if (child?.pid === undefined) return;
    killGroup(child.pid);
    // If anything of it is left now, it is the pipes.
    if (child.exitCode !== null || child.signalCode !== null) abandonPipes(child);
  }

  private async run(): Promise<TranscodeEnd> {
    let detail = '';
    let exit: { code: number | null; signal: string | null } | undefined;
    let closed: Promise<unknown> = Promise.resolve();
    const command = this.command((child) => {
      this.child = child;
      child.once('exit', (code, signal) => {
        exit = { code, signal };
        if (this.ending !== undefined) abandonPipes(child);
      });
      closed = new Promise((resolve) => child.once('close', resolve));
      stepBack(child.pid, NICENESS);
    });
    const reported = new Promise<void>((resolve) => {
      command.on('end', () => resolve());
      command.on('error', (error, _stdout, stderr) => {
        detail = lastLine(stderr || error.message);
        resolve();
      });
    });
    try {
      command.run();
    } catch (error) {
      return { status: 'unstartable', detail: lastLine(String(error)) };
    }
    await reported;
    if (this.child?.pid === undefined) return { status: 'unstartable', detail };
    await closed;
    if (this.ending !== undefined) return { status: this.ending };
    if (exit?.signal) return { status: 'crashed', signal: exit.signal };
    if (exit?.code === 0) return { status: 'finished' };
    const code = exit?.code ?? -1;
    return NOT_EXECUTED.has(code) ? { status: 'unstartable', detail } : { status: 'rejected', code, detail };
  }

  private command(onStart: (child: ChildProcess) => void): ffmpeg.FfmpegCommand {
    const { job } = this;
    const output = new Writable({
      // fluent-ffmpeg takes a close for a loss.
      emitClose: false,
      write: (bytes: Buffer, _encoding, done) => {
        job.onPcm(bytes);
        done();
      },
    });
    const command = ffmpeg({ stdoutLines: STDERR_LINES })
      .input(this.input)
      .inputOptions('-nostdin', '-hide_banner', '-nostats', '-loglevel', 'error', '-protocol_whitelist', 'pipe')
      // Without these ffmpeg waits for seconds of sound before it lets the first sample go.
      .inputOptions('-probesize', '32', '-analyzeduration', '0', '-threads', '1', ...formatOf(job.input))
      .outputOptions('-vn', '-sn', '-dn', '-map', '0:a:0', '-map_metadata', '-1', '-threads', '1')
      .outputOptions('-t', String(job.maxSeconds), '-af', filtersOf(job), '-c:a', 'pcm_s16le')
      // Each block leaves at once instead of waiting for 32 kB of company.
      .outputOptions('-f', 's16le', '-flush_packets', '1')
      .output(output);
    const internals = command as unknown as Internals;
    const { prlimit, path } = job.program;
    internals._prepare = (done) => done(null, command._getArguments());
    internals._getFfmpegPath = (done) => done(null, prlimit ?? path);
    const spawnFfmpeg = internals._spawnFfmpeg.bind(command);
    internals._spawnFfmpeg = (args, options, started, ended) =>
      spawnFfmpeg(
        prlimit === undefined ? args : [...limitsOf(job), path, ...args],
        { ...options, env: {}, cwd: '/', detached: true },
        (child, stdout, stderr) => {
          onStart(child);
          started(child, stdout, stderr);
        },
        (error, stdout = NO_LINES, stderr = NO_LINES) => ended(error, stdout, stderr),
      );
    return command;
  }
}

/** Whatever a killed decoder left behind may hold its pipes open for ever; `close` is not to wait for that. */
function abandonPipes(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function formatOf(input: TranscodeInput): string[] {
  return ['-f', input.format, ...(input.format === 's16le' ? ['-ar', String(input.sampleRate)] : [])];
}

/**
 * Resamples and mixes down in one step. Stereo becomes (left + right) / 2: full scale in both is full scale in the
 * result, and no sum can overflow. Blocks of 100 ms cost a quarter of the wake-ups that single mp3 frames would.
 */
function filtersOf({ sampleRate }: TranscodeJob): string {
  const block = (sampleRate * BLOCK_MS) / 1000;
  return `aformat=sample_fmts=s16:sample_rates=${sampleRate}:channel_layouts=mono,asetnsamples=n=${block}:p=0`;
}

/** No files, no core dumps, few descriptors, and bounded memory (heap, stacks and other private pages) and CPU time. */
function limitsOf({ memoryBytes, cpuSeconds }: TranscodeJob): string[] {
  return [`--data=${memoryBytes}`, `--cpu=${cpuSeconds}`, '--fsize=0', '--core=0', '--nofile=32', '--'];
}
