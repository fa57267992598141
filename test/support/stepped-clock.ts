import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The wall clock of one server, which a test may step; its monotonic clock stays as it is. Needs `cc`. */
export class SteppedClock {
  /** Goes into the server's environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'partyline-clock-'));
  readonly #file: number;
  #offsetMs = 0;

  constructor() {
    const [library, file] = [join(this.#folder, 'clock.so'), join(this.#folder, 'step')];
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, 'test/support/stepped-clock.c', '-ldl']);
    this.#file = openSync(file, 'w');
    writeSync(this.#file, Buffer.alloc(24));
    this.env = { LD_PRELOAD: library, STEPPED_CLOCK: file };
  }

  /** From now on it is so far from the true time, in ms. */
  stepTo(offsetMs: number): void {
    const bytes = Buffer.alloc(24);
    const numbers = [this.#offsetMs, offsetMs, Date.now()];
    for (const [i, ms] of numbers.entries()) bytes.writeBigInt64LE(BigInt(ms) * 1_000_000n, 8 * i);
    writeSync(this.#file, bytes, 0, 24, 0);
    this.#offsetMs = offsetMs;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
