import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { systemClock } from '../time/clock.ts';
import { executable, onPath, PRLIMIT } from './program.ts';
import { type DecoderProgram, Transcode, type TranscodeInput } from './transcode.ts';

/** An ffmpeg that was seen to work. */
export interface Decoder {
  readonly path: string;
  /** util-linux's prlimit, where it is installed and works with this ffmpeg. */
  readonly prlimit: string | undefined;
  /** As ffmpeg names itself, such as `5.1.9-0+deb12u1`. */
  readonly version: string;
  readonly origin: DecoderOrigin;
}

export type DecoderOrigin = 'FFMPEG_PATH' | 'ffmpeg-static' | '@ffmpeg-installer/ffmpeg' | 'PATH';

/** An ffmpeg that was looked for or tried, and why it is not used. */
export interface RefusedDecoder {
  readonly origin: DecoderOrigin;
  readonly path: string | undefined;
  readonly why: string;
}

export interface DecoderChoice {
  /** Undefined: none works. Only wav at the conference's own rate can be played then. */
  readonly decoder: Decoder | undefined;
  readonly refused: readonly RefusedDecoder[];
}

/** Generous: a machine that is busy starting things up is no reason to go without a decoder. */
const PROOF_MS = 10_000;
const PROOF_RATE = 16_000;
const WANTED_RATE = 8_000;
const PROOF_SECONDS = 0.25;
/** A silent MPEG-1 layer III frame: 48 kHz, 32 kbit/s, mono; after the header all zeros, which is valid silence. */
const SILENT_FRAME = Object.assign(new Uint8Array(96), [0xff, 0xfb, 0x14, 0xc4]);
const SILENT_FRAMES = 12;

/**
 * Finds an ffmpeg: the configured one, then the static ones that npm installs (they start several times sooner than a
 * distribution's), then the one on PATH. Each must run, resample samples as they stand in a wav, and decode an mp3; both are built in here.
 */
export async function chooseDecoder(
  configured: string | undefined,
  search: readonly Candidate[] = candidates(configured),
): Promise<DecoderChoice> {
  const refused: RefusedDecoder[] = [];
  for (const { origin, find } of search) {
    const path = await find();
    if (path === undefined) {
      refused.push({ origin, path: undefined, why: 'not installed' });
      continue;
    }
    const proven = await prove(path);
    if (typeof proven !== 'string') return { decoder: { ...proven, origin }, refused };
    refused.push({ origin, path, why: proven });
  }
  return { decoder: undefined, refused };
}

/** One place where an ffmpeg may be. */
export interface Candidate {
  readonly origin: DecoderOrigin;
  readonly find: () => string | undefined | Promise<string | undefined>;
}

/** Where `chooseDecoder` looks, in order. */
export function candidates(configured: string | undefined): readonly Candidate[] {
  const require = createRequire(import.meta.url);
  return [
    ...(configured === undefined || configured === ''
      ? []
      : [{ origin: 'FFMPEG_PATH', find: () => resolve(configured) } as const]),
    { origin: 'ffmpeg-static', find: () => installed(() => require('ffmpeg-static')) },
    { origin: '@ffmpeg-installer/ffmpeg', find: () => installed(() => require('@ffmpeg-installer/ffmpeg')) },
    { origin: 'PATH', find: () => onPath('ffmpeg') },
  ];
}

/** Both packages are optional, and both throw when they are there but their program is not. */
function installed(load: () => unknown): string | undefined {
  try {
    const found = load();
    if (typeof found === 'string') return found;
    return isRecord(found) && typeof found.path === 'string' ? found.path : undefined;
  } catch {
    return undefined;
  }
}

/** Runs the program as every clip will run it. A string says what went wrong. */
async function prove(path: string): Promise<Omit<Decoder, 'origin'> | string> {
  if (!(await executable(path))) return 'no executable file';
  const version = await versionOf(path);
  if (version === undefined) return 'does not say its version: not an ffmpeg';
  if (await executable(PRLIMIT)) {
    if ((await proveDecoding(path, PRLIMIT)) === undefined) return { path, prlimit: PRLIMIT, version };
  }
  return (await proveDecoding(path, undefined)) ?? { path, prlimit: undefined, version };
}

function versionOf(path: string): Promise<string | undefined> {
  return new Promise((done) => {
    execFile(path, ['-version'], { timeout: PROOF_MS, killSignal: 'SIGKILL', env: {} }, (error, stdout) => {
      done(error ? undefined : /^ffmpeg version (\S{1,100})/.exec(stdout)?.[1]);
    });
  });
}

async function proveDecoding(path: string, prlimit: string | undefined): Promise<string | undefined> {
  const samples = Buffer.alloc(PROOF_RATE * PROOF_SECONDS * 2, 0x20);
  const mp3 = Buffer.concat(Array.from({ length: SILENT_FRAMES }, () => SILENT_FRAME));
  const program = { path, prlimit };
  const problems = await Promise.all([
    decodes({ format: 's16le', sampleRate: PROOF_RATE }, samples, program),
    decodes({ format: 'mp3' }, mp3, program),
  ]);
  return problems.find((problem) => problem !== undefined);
}

async function decodes(input: TranscodeInput, file: Uint8Array, program: DecoderProgram): Promise<string | undefined> {
  let bytes = 0;
  const transcode = new Transcode({
    program,
    input,
    sampleRate: WANTED_RATE,
    maxSeconds: 1,
    deadlineMs: PROOF_MS,
    cpuSeconds: 5,
    memoryBytes: 256 * 1024 * 1024,
    clock: systemClock,
    onPcm: (pcm) => {
      bytes += pcm.length;
    },
  });
  await transcode.write(file);
  transcode.end();
  const end = await transcode.done;
  if (end.status !== 'finished') return `cannot decode ${input.format} (${'detail' in end ? end.detail : end.status})`;
  // Resamplers and mp3 keep a little back at either end.
  const expected = WANTED_RATE * PROOF_SECONDS * 2;
  return bytes > expected / 2 && bytes < expected * 2 ? undefined : `decodes ${input.format} to ${bytes} bytes`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
