import { spawn } from 'node:child_process';
import { lastLine, stepBack } from '../../media/clip/index.ts';

/** Turns a wav into an mp3 beside it. */
export interface Mp3Encoder {
  /** Undefined: done. A text says what went wrong, fit for logs; whatever is at `to` then is to be thrown away. */
  encode(job: EncodeJob): Promise<string | undefined>;
}

export interface EncodeJob {
  readonly from: string;
  readonly to: string;
  readonly sampleRate: number;
  /** Of sound, in ms. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

/** Bits a second that speech at these rates needs; mp3 knows steps only. */
const BIT_RATES: ReadonlyMap<number, string> = new Map([
  [8000, '32k'],
  [16_000, '48k'],
  [48_000, '64k'],
]);
const PROOF_MS = 10_000;
/** However busy the machine is, it is faster than a quarter of real time. */
const GRACE_MS = 60_000;
const TIMES_REAL = 4;
/** What is kept of what it says; the last line tells why it failed. */
const SAID_LENGTH = 1000;
/** Behind decoders of clips, for which somebody waits. */
const NICENESS = 10;

/** Whether an ffmpeg can write mp3; a text says why not. */
export async function findMp3Encoder(ffmpeg: string | undefined): Promise<Mp3Encoder | string> {
  if (ffmpeg === undefined) return 'there is no ffmpeg';
  const proof = ['-f', 's16le', '-ar', '8000', '-i', 'pipe:0', ...outputOf(8000), 'pipe:1'];
  const problem = await run(ffmpeg, proof, PROOF_MS, new AbortController().signal, Buffer.alloc(3200));
  if (problem !== undefined) return `${ffmpeg} cannot write mp3 (${problem})`;
  return {
    encode: ({ from, to, sampleRate, durationMs, signal }) =>
      run(
        ffmpeg,
        ['-f', 'wav', '-i', `file:${from}`, ...outputOf(sampleRate), '-y', `file:${to}`],
        deadline(durationMs),
        signal,
      ),
  };
}

function deadline(durationMs: number): number {
  return GRACE_MS + durationMs / TIMES_REAL;
}

function outputOf(sampleRate: number): string[] {
  const bitRate = BIT_RATES.get(sampleRate) ?? '64k';
  return ['-map', '0:a:0', '-map_metadata', '-1', '-codec:a', 'libmp3lame', '-b:a', bitRate, '-f', 'mp3'];
}

/** Files of ours only, no shell, no environment, behind everything else that wants the processor. */
function run(
  ffmpeg: string,
  args: readonly string[],
  limitMs: number,
  signal: AbortSignal,
  input?: Uint8Array,
): Promise<string | undefined> {
  const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-protocol_whitelist', 'file,pipe', '-threads', '1'];
  return new Promise((done) => {
    const child = spawn(ffmpeg, [...quiet, ...args], {
      env: {},
      detached: true,
      stdio: [input ? 'pipe' : 'ignore', input ? 'pipe' : 'ignore', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
      timeout: limitMs,
    });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-SAID_LENGTH);
    });
    child.stdout?.resume();
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    stepBack(child.pid, NICENESS);
    child.once('error', (error) => done(error.message));
    child.once('close', (code, killed) => {
      if (code === 0) return done(undefined);
      done(killed === null ? lastLine(said) || `exit code ${code}` : `ended by ${killed}`);
    });
  });
}
