import { createServer } from 'node:http';
import { type AllowedSource, parseFetchAllow } from '../media/clip/index.ts';

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
const HEADER_BYTES = 44;
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
  const file = new DataView(new ArrayBuffer(HEADER_BYTES + sampleCount * 2));
  writeHeader(file, sampleCount * 2);
  for (let i = 0; i < sampleCount; i += 1) {
    let sum = 0;
    for (const [index, frequency] of NOTES_HZ.entries()) sum += note(frequency, i / SAMPLE_RATE - index * NOTE_SECONDS);
    file.setInt16(HEADER_BYTES + i * 2, Math.round(Math.max(-1, Math.min(1, sum)) * PEAK), true);
  }
  return new Uint8Array(file.buffer);
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

/** RIFF, one `fmt ` chunk of PCM, one `data` chunk. */
function writeHeader(file: DataView, dataBytes: number): void {
  const text = (at: number, word: string): void => {
    for (let i = 0; i < word.length; i += 1) file.setUint8(at + i, word.charCodeAt(i));
  };
  text(0, 'RIFF');
  file.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  text(8, 'WAVEfmt ');
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true);
  file.setUint16(22, 1, true);
  file.setUint32(24, SAMPLE_RATE, true);
  file.setUint32(28, SAMPLE_RATE * 2, true);
  file.setUint16(32, 2, true);
  file.setUint16(34, 16, true);
  text(36, 'data');
  file.setUint32(40, dataBytes, true);
}
