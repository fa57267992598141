import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { killGroup } from '../clip/index.ts';
import type { Clock } from '../time/clock.ts';

export interface SpeakingJob {
  /** Program and arguments, none of them from outside. */
  readonly command: readonly string[];
  /** Its standard input. */
  readonly text: string;
  /** Wall clock, in ms. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** Nobody wants it any more. */
  readonly signal: AbortSignal;
}

export type SpeakingEnd =
  /** `bytes` came out of it. */
  | { readonly status: 'finished'; readonly bytes: number }
  /** With an exit code, a signal that was not ours, or the reason why it could not be started. */
  | { readonly status: 'failed'; readonly with: string }
  | { readonly status: 'hung' }
  | { readonly status: 'killed' };

/** One run of a speech program: text in, a wav file out. It sees two pipes, no environment, no shell, and no end but ours. */
export class Speaking {
  readonly end: Promise<SpeakingEnd>;
  readonly #child: ChildProcess;
  readonly #output: Readable;
  #bytes = 0;
  #stopped: 'hung' | 'killed' | undefined;

  constructor(job: SpeakingJob) {
    const [program = '', ...args] = job.command;
    const child = spawn(program, args, { env: {}, cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child = child;
    this.#output = child.stdout;
    const onAbort = (): void => this.kill();
    const cancelDeadline = job.clock.setTimeout(() => this.#stop('hung'), job.deadlineMs);
    this.end = new Promise<SpeakingEnd>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        resolve({ status: 'failed', with: error.code ?? error.message }),
      );
      child.once('exit', (code, signal) => {
        if (this.#stopped !== undefined) resolve({ status: this.#stopped });
        else if (code !== 0) resolve({ status: 'failed', with: signal ?? `code ${code}` });
        else this.#whenRead(() => resolve({ status: 'finished', bytes: this.#bytes }));
      });
    }).finally(() => {
      cancelDeadline();
      job.signal.removeEventListener('abort', onAbort);
    });
    // A program that ends before it has read everything breaks the pipe; its exit code says what there is to say.
    child.stdin.on('error', () => {});
    child.stdin.end(job.text);
    if (job.signal.aborted) this.kill();
    else job.signal.addEventListener('abort', onAbort, { once: true });
  }

  /** What it says, as it says it. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#output as AsyncIterable<Buffer>) {
      this.#bytes += piece.length;
      yield piece;
    }
  }

  /** Ends the process at once. Idempotent. */
  kill(): void {
    this.#stop('killed');
  }

  #stop(how: 'hung' | 'killed'): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    this.#stopped ??= how;
    killGroup(pid);
  }

  #whenRead(done: () => void): void {
    if (this.#output.readableEnded || this.#output.destroyed) done();
    else this.#output.once('close', done);
  }
}
