import { createServer } from 'node:http';
import { type AllowedSource, parseFetchAllow, wavFile } from '../media/clip/index.ts';

/*
 * A chime that is always there to be played: the first play of a new server should not depend on somebody else's web
 * site. It has a listener of its own, on loopback and on a port of the system's choice, because that one address is
 * open to plays and the API's must not be.
 */

const SAMPLE_RATE = 8000;
const NOTES_HZ = [523.25, 659.26, 783.99, 1046.5, 783.99, 1046.5];
const NOTE_SECONDS = 0.3;
const TAIL_SECONDS = 1.2;
const PEAK = 12_000;
/** A struck bar rings shorter in its overtones. */
const PARTIALS = [
  { ratio: 1, level: 0.75, decay: 3.5 },
  { ratio: 2, level: 0.2, decay: 6 },
  { ratio: 3.01, level: 0.05, decay: 9 },
] as const;
const PATH = '/chime.wav';

/** The listener of the sample sound. */
export interface SampleSound {
  readonly url: string;
  /** What lets plays fetch it. */
  readonly allow: readonly AllowedSource[];
  close(): Promise<void>;
}

export async function serveSampleSound(): Promise<SampleSound> {
  const sound = chimeWav();
  const server = createServer(
    { maxHeaderSize: 4096, requestTimeout: 5000, headersTimeout: 5000 },
    (request, response) => {
      const found = request.url === PATH && (request.method === 'GET' || request.method === 'HEAD');
      response.writeHead(
        found ? 200 : 404,
        found ? { 'Content-Type': 'audio/wav', 'Content-Length': sound.length } : {},
      );
      response.end(found && request.method === 'GET' ? sound : undefined);
    },
  );
  server.maxConnections = 100;
  const host = '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const allowed = parseFetchAllow(`${host}:${port}`);
  if (!allowed.ok) throw new Error(allowed.message);
  return {
    url: `http://${host}:${port}${PATH}`,
    allow: allowed.allow,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The chime as a wav file: 16 bit, mono. */
export function chimeWav(): Uint8Array {
  const sampleCount = Math.round((NOTES_HZ.length * NOTE_SECONDS + TAIL_SECONDS) * SAMPLE_RATE);
  const samples = Int16Array.from({ length: sampleCount }, (_, i) => {
    let sum = 0;
    for (const [index, frequency] of NOTES_HZ.entries()) sum += note(frequency, i / SAMPLE_RATE - index * NOTE_SECONDS);
    return Math.round(Math.max(-1, Math.min(1, sum)) * PEAK);
  });
  return wavFile(samples, SAMPLE_RATE);
}

/** One struck note, `seconds` after the stroke; silent before. */
function note(frequency: number, seconds: number): number {
  if (seconds < 0) return 0;
  const attack = Math.min(1, seconds / 0.004);
  let sum = 0;
  for (const { ratio, level, decay } of PARTIALS)
    sum += level * Math.exp(-decay * seconds) * Math.sin(2 * Math.PI * frequency * ratio * seconds);
  return attack * sum * 0.8;
}
