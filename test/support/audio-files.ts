import { readFileSync } from 'node:fs';

/** Files that tests put together byte by byte: wav of every kind, honest or lying, and ID3 tags. */

export interface WavRecipe {
  readonly tag: number;
  readonly bits: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** The samples as they stand in the file. */
  readonly data: Uint8Array;
  /** Wraps the tag into WAVEFORMATEXTENSIBLE. */
  readonly extensible?: boolean;
  /** What the data chunk's length field says instead of the truth. */
  readonly dataLength?: number;
  readonly blockBytes?: number;
  /** Chunks between the RIFF header and the format, and between the format and the data. */
  readonly before?: readonly Uint8Array[];
  readonly between?: readonly Uint8Array[];
  readonly after?: readonly Uint8Array[];
}

const GUID_TAIL = Buffer.from('000000001000800000aa00389b71', 'hex');

/** A RIFF chunk, padded to even length. */
export function chunk(name: string, body: Uint8Array, length = body.length): Buffer {
  const header = Buffer.alloc(8);
  header.write(name, 'latin1');
  header.writeUInt32LE(length >>> 0, 4);
  return Buffer.concat([header, body, Buffer.alloc(body.length & 1)]);
}

/** A wav file by recipe. */
export function wavFile(recipe: WavRecipe): Buffer {
  const { tag, bits, channels, sampleRate, data, extensible = false, before = [], between = [], after = [] } = recipe;
  const blockBytes = recipe.blockBytes ?? (channels * bits) / 8;
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRate >>> 0, 4);
  format.writeUInt32LE((sampleRate * blockBytes) >>> 0, 8);
  format.writeUInt16LE(blockBytes & 0xffff, 12);
  format.writeUInt16LE(bits, 14);
  if (extensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(bits, 18);
    format.writeUInt16LE(tag, 24);
    GUID_TAIL.copy(format, 26);
  }
  const body = Buffer.concat([
    Buffer.from('WAVE', 'latin1'),
    ...before,
    chunk('fmt ', format),
    ...between,
    chunk('data', data, recipe.dataLength ?? data.length),
    ...after,
  ]);
  return chunk('RIFF', body);
}

/** Little-endian bytes of 16-bit samples. */
export function bytesOf(samples: Int16Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** An ID3v2.3 tag with a body of so many bytes: a picture as far as any reader cares. `claimed` lies about it. */
export function id3Tag(bodyBytes: number, claimed = bodyBytes): Buffer {
  const tag = Buffer.alloc(10 + bodyBytes, 0xff);
  tag.write('ID3', 'latin1');
  tag.set([3, 0, 0, (claimed >> 21) & 0x7f, (claimed >> 14) & 0x7f, (claimed >> 7) & 0x7f, claimed & 0x7f], 3);
  // A picture frame whose body looks like MPEG frames, as JPEG data may.
  tag.write('APIC', 10, 'latin1');
  return tag;
}

/** A committed file of `test/fixtures/audio`. */
export function audioFixture(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/audio/${name}`, import.meta.url));
}
