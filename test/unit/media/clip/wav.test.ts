import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WavReader } from '../../../../media/clip/wav-header.ts';
import { WavMono } from '../../../../media/clip/wav-samples.ts';
import { alaw, mulaw } from '../../../../media/codec/g711.ts';
import { holds } from '../../../fuzz/run.ts';
import { MEDIA_TARGETS } from '../../../fuzz/targets/media.ts';
import { bytesOf, chunk, type WavRecipe, wavFile } from '../../../support/audio-files.ts';
import { seededRandom } from '../../../support/random.ts';
import { tone } from '../../../support/tones.ts';

const PCM = 1;
const FLOAT = 3;
const ALAW = 6;
const MULAW = 7;
const sound = tone(8000, 801, 440);
const plain: WavRecipe = { tag: PCM, bits: 16, channels: 1, sampleRate: 8000, data: bytesOf(sound) };

interface Read {
  readonly samples: number[];
  readonly bad: string | undefined;
  readonly cutShort: boolean;
}

function read(file: Uint8Array, piece = 333): Read {
  const reader = new WavReader();
  const samples: number[] = [];
  let mono: WavMono | undefined;
  for (let at = 0; at < file.length; at += piece) {
    const part = reader.push(file.subarray(at, at + piece));
    if (part?.type === 'bad') return { samples, bad: part.detail, cutShort: false };
    if (!part) continue;
    mono ??= new WavMono(part.format);
    samples.push(...mono.push(part.bytes));
  }
  return { samples, bad: undefined, cutShort: reader.cutShort };
}

function packed(
  values: ArrayLike<number>,
  bytesEach: number,
  put: (buffer: Buffer, value: number, at: number) => void,
) {
  const buffer = Buffer.alloc(values.length * bytesEach);
  Array.from(values).forEach((value, i) => {
    put(buffer, value, i * bytesEach);
  });
  return buffer;
}

describe('wav', () => {
  test('16-bit mono passes bit for bit, however the file is cut', () => {
    const random = seededRandom(1);
    const noise = Int16Array.from({ length: 2000 }, () => Math.floor(random() * 65536) - 32768);
    const file = wavFile({ ...plain, data: bytesOf(noise) });
    for (const piece of [1, 2, 3, 45, 4096]) {
      assert.deepEqual(read(file, piece), { samples: [...noise], bad: undefined, cutShort: false });
    }
  });

  test('24 and 32 bits are rounded to the nearest, and saturated', () => {
    const wide = [0, 1, 127, 128, 255, 256, -1, -128, -129, 0x7fffff, -0x800000, 0x123456];
    const nearest = [0, 0, 0, 1, 1, 1, 0, 0, -1, 32767, -32768, 0x1234];
    const of24 = packed(wide, 3, (buffer, value, at) => buffer.writeIntLE(value, at, 3));
    assert.deepEqual(read(wavFile({ ...plain, bits: 24, data: of24 })).samples, nearest);
    const of32 = packed(wide, 4, (buffer, value, at) => buffer.writeInt32LE(value * 256, at));
    assert.deepEqual(read(wavFile({ ...plain, bits: 32, data: of32 })).samples, nearest);
  });

  test('8 bits are unsigned', () => {
    const file = wavFile({ ...plain, bits: 8, data: Uint8Array.of(0, 1, 127, 128, 129, 255) });
    assert.deepEqual(read(file).samples, [-32768, -32512, -256, 0, 256, 32512]);
  });

  test('float is scaled, saturated, and silent where it is no number', () => {
    const values = [0, 0.5, -0.5, 1, -1, 2, -7, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e-9];
    const data = packed(values, 4, (buffer, value, at) => buffer.writeFloatLE(value, at));
    assert.deepEqual(
      read(wavFile({ ...plain, tag: FLOAT, bits: 32, data })).samples,
      [0, 16384, -16384, 32767, -32768, 32767, -32768, 32767, -32768, 0, 0],
    );
  });

  test('mu-law and A-law decode as they do from the network', () => {
    for (const [tag, law] of [
      [MULAW, mulaw],
      [ALAW, alaw],
    ] as const) {
      const data = Uint8Array.from({ length: 256 }, (_, code) => code);
      const expected = new Int16Array(256);
      law.createDecoder().decode(data, 0, 256, expected);
      assert.deepEqual(read(wavFile({ ...plain, tag, bits: 8, data })).samples, [...expected]);
    }
  });

  test('every kind may be wrapped as extensible', () => {
    for (const [tag, bits] of [
      [PCM, 8],
      [PCM, 16],
      [PCM, 24],
      [PCM, 32],
      [FLOAT, 32],
      [MULAW, 8],
      [ALAW, 8],
    ] as const) {
      const data = Buffer.alloc(480, 0x11);
      const direct = read(wavFile({ ...plain, tag, bits, data }));
      assert.ok(direct.samples.length > 0);
      assert.deepEqual(read(wavFile({ ...plain, tag, bits, data, extensible: true })), direct);
    }
  });

  test('channels are averaged, and full scale in all of them does not overflow', () => {
    const stereo = bytesOf(Int16Array.of(1000, 3000, -5, -6, 32767, 32767, -32768, -32768, 32767, -32768));
    assert.deepEqual(
      read(wavFile({ ...plain, channels: 2, data: stereo }), 5).samples,
      [2000, -5, 32767, -32768, -0].map((value) => value + 0),
    );
    const eight = bytesOf(Int16Array.of(8, 16, 24, 32, 40, 48, 56, 64));
    assert.deepEqual(read(wavFile({ ...plain, channels: 8, data: eight })).samples, [36]);
  });

  test('other chunks are stepped over, and nothing after the sound is heard', () => {
    const file = wavFile({
      ...plain,
      before: [chunk('JUNK', Buffer.alloc(1001)), chunk('bext', Buffer.alloc(0))],
      between: [chunk('fact', Buffer.alloc(4)), chunk('LIST', Buffer.from('INFOx'))],
      after: [chunk('LIST', Buffer.alloc(999, 0x7f)), chunk('data', Buffer.alloc(50, 0x7f))],
    });
    for (const piece of [1, 10, 5000]) assert.deepEqual(read(file, piece).samples, [...sound]);
  });

  test('a length of nothing or of everything means until the end', () => {
    for (const dataLength of [0, 0xffff_ffff, 0x7fff_f000, 0xffff_fff0]) {
      assert.deepEqual(read(wavFile({ ...plain, dataLength })), {
        samples: [...sound],
        bad: undefined,
        cutShort: false,
      });
    }
  });

  test('a length beyond the file is clipped to what is there, and told', () => {
    const file = wavFile({ ...plain, dataLength: 100_000 });
    assert.deepEqual(read(file), { samples: [...sound], bad: undefined, cutShort: true });
    assert.equal(read(wavFile(plain).subarray(0, 700)).cutShort, true);
  });

  test('half a sample at the end is dropped', () => {
    const file = wavFile({ ...plain, dataLength: 0 });
    assert.deepEqual(read(file.subarray(0, file.length - 1)).samples, [...sound.subarray(0, 800)]);
  });

  test('impossible formats are bad', () => {
    const lies: Record<string, Partial<WavRecipe>> = {
      'no channel': { channels: 0 },
      'nine channels': { channels: 9 },
      '65535 channels': { channels: 65535 },
      'rate 0': { sampleRate: 0 },
      'rate 1': { sampleRate: 1 },
      'rate 3999': { sampleRate: 3999 },
      'rate 192001': { sampleRate: 192001 },
      'rate 2^32-1': { sampleRate: 0xffff_ffff },
      'bits 0': { bits: 0 },
      'bits 12': { bits: 12, blockBytes: 2 },
      'bits 64': { bits: 64 },
      'bits 65535': { bits: 65535 },
      'block of 0': { blockBytes: 0 },
      'block of 4': { blockBytes: 4 },
      'block of 65535': { blockBytes: 65535 },
      'tag 0': { tag: 0 },
      'MS ADPCM': { tag: 2, bits: 4, blockBytes: 256 },
      'IMA ADPCM': { tag: 0x11, bits: 4, blockBytes: 256 },
      GSM: { tag: 0x31, bits: 0, blockBytes: 65 },
      'MP3 in wav': { tag: 0x55, bits: 0, blockBytes: 1 },
      'float of 64 bits': { tag: FLOAT, bits: 64 },
      'mu-law of 16 bits': { tag: MULAW, bits: 16 },
    };
    for (const [name, lie] of Object.entries(lies)) {
      const { bad, samples } = read(wavFile({ ...plain, ...lie }));
      assert.ok(bad !== undefined, name);
      assert.equal(samples.length, 0);
    }
  });

  test('broken structures are bad', () => {
    const riff = Buffer.from('RIFF\x24\0\0\0WAVE', 'latin1');
    const format = wavFile(plain).subarray(12, 36);
    const data = chunk('data', bytesOf(sound));
    const guid = wavFile({ ...plain, extensible: true });
    guid[guid.indexOf('data') - 1] = 0;
    const files: Record<string, Buffer> = {
      'sound before its format': Buffer.concat([riff, data, format]),
      'two formats': Buffer.concat([riff, format, format, data]),
      'a short format': Buffer.concat([riff, chunk('fmt ', Buffer.alloc(14)), data]),
      'an endless format': Buffer.concat([riff, chunk('fmt ', Buffer.alloc(16), 0xffff_fff0), data]),
      'an unknown sub-format': guid,
      'extensible without its extension': Buffer.concat([
        riff,
        chunk('fmt ', Buffer.concat([Buffer.from([0xfe, 0xff]), format.subarray(10, 24)])),
        data,
      ]),
      '50 000 chunks': Buffer.concat([
        riff,
        ...Array.from({ length: 50_000 }, () => chunk('JUNK', Buffer.alloc(0))),
        format,
      ]),
    };
    for (const [name, file] of Object.entries(files)) assert.ok(read(file).bad !== undefined, name);
  });

  test('a JUNK of 2 GB is skipped without memory and has no sound behind it', () => {
    const reader = new WavReader();
    reader.push(
      Buffer.concat([Buffer.from('RIFF\xff\xff\xff\x7fWAVE', 'latin1'), chunk('JUNK', Buffer.alloc(0), 0x7fff_ffff)]),
    );
    for (let i = 0; i < 50; i++) assert.equal(reader.push(Buffer.alloc(65536)), undefined);
    assert.equal(reader.format, undefined);
    assert.equal(reader.cutShort, true);
  });

  test('files with any bytes changed never throw and never give more samples than they have bytes', () =>
    holds(MEDIA_TARGETS.wav, 5000));
});
