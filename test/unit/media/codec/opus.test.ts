import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type SampleRate, samplesPerFrame } from '../../../../media/audio/frame.ts';
import type { FrameDecoder, FrameEncoder } from '../../../../media/codec/codec.ts';
import { loadOpus, type OpusOptions, opus } from '../../../../media/codec/opus.ts';
import { hasOpusFec } from '../../../../media/codec/opus-packet.ts';
import { seededRandom } from '../../../support/random.ts';
import { levelAt, rmsDb, tone } from '../../../support/tones.ts';

const RATES: readonly SampleRate[] = [8000, 16_000, 48_000];
let encodings: readonly boolean[] = [false];

before(async () => {
  const { encoding, version } = await loadOpus();
  assert.match(version, /libopus/);
  if (encoding === 'native') encodings = [false, true];
});

/** The handles arrive in microtasks; a tick or a packet always comes later than those. */
async function streamOf(options: OpusOptions): Promise<{ encoder: FrameEncoder; decoder: FrameDecoder }> {
  const codec = opus(options);
  const encoder = codec.createEncoder();
  const decoder = codec.createDecoder();
  await new Promise((resolve) => setImmediate(resolve));
  return { encoder, decoder };
}

/** Something like a voice: a low tone with overtones that swells four times a second. */
function voice(sampleRate: number, samples: number): Int16Array {
  const tones = [150, 300, 450, 900, 1350].map((hz, i) => ({ hz, db: -14 - 3 * i }));
  return tone(sampleRate, samples, tones).map(
    (value, i) => value * (0.6 + 0.4 * Math.sin((8 * Math.PI * i) / sampleRate)),
  );
}

function packetsOf(encoder: FrameEncoder, pcm: Int16Array): Uint8Array[] {
  const frame = samplesPerFrame(encoder.sampleRate);
  const out = new Uint8Array(2000);
  const packets: Uint8Array[] = [];
  for (let at = 0; at < pcm.length; at += frame) {
    packets.push(out.slice(7, 7 + encoder.encode(pcm.subarray(at, at + frame), out, 7)));
  }
  return packets;
}

test('a tone goes through at every rate, by WebAssembly and by the addon, at its level', async () => {
  for (const sampleRate of RATES) {
    for (const native of encodings) {
      const { encoder, decoder } = await streamOf({ sampleRate, native });
      const packets = packetsOf(encoder, tone(sampleRate, sampleRate, { hz: 440, db: -12 }));
      const heard = new Int16Array(sampleRate);
      const frame = samplesPerFrame(sampleRate);
      packets.forEach((packet, i) => {
        assert.ok(packet.length > 10 && packet.length < 400, `${packet.length} bytes`);
        assert.equal(decoder.decode(packet, 0, packet.length, heard.subarray(i * frame)), frame);
      });
      const level = levelAt(heard.subarray(sampleRate / 5), sampleRate, 440);
      assert.ok(Math.abs(level + 12) < 1.5, `${sampleRate} Hz, native ${native}: ${level.toFixed(1)} dBFS`);
      encoder.close?.();
      decoder.close?.();
    }
  }
});

test('what was encoded at one rate decodes at another', async () => {
  const wide = await streamOf({ sampleRate: 48_000 });
  const narrow = await streamOf({ sampleRate: 8000 });
  const heard = new Int16Array(8000);
  packetsOf(wide.encoder, tone(48_000, 48_000, { hz: 1000, db: -12 })).forEach((packet, i) => {
    assert.equal(narrow.decoder.decode(packet, 0, packet.length, heard.subarray(i * 160)), 160);
  });
  assert.ok(Math.abs(levelAt(heard.subarray(1600), 8000, 1000) + 12) < 1.5);
});

test('a lost packet comes back from the next one, closer to the truth than concealment', async () => {
  for (const native of encodings) {
    const sampleRate = 16_000;
    const { encoder, decoder } = await streamOf({ sampleRate, native });
    const packets = packetsOf(encoder, voice(sampleRate, sampleRate * 2));
    const whole = await streamOf({ sampleRate });
    const concealed = await streamOf({ sampleRate });
    const frame = samplesPerFrame(sampleRate);
    const [clean, recovered, guessed] = [new Int16Array(frame), new Int16Array(frame), new Int16Array(frame)];
    let lost = 0;
    let errorRecovered = 0;
    let errorGuessed = 0;
    for (const [i, packet] of packets.entries()) {
      whole.decoder.decode(packet, 0, packet.length, clean);
      const next = packets[i + 1];
      if (i % 3 === 2 && next && hasOpusFec(next, 0, next.length)) {
        lost++;
        assert.equal(decoder.recover?.(next, 0, next.length, recovered), frame);
        assert.equal(concealed.decoder.conceal?.(frame, guessed), frame);
        errorRecovered += squaredError(clean, recovered);
        errorGuessed += squaredError(clean, guessed);
      } else {
        decoder.decode(packet, 0, packet.length, recovered);
        concealed.decoder.decode(packet, 0, packet.length, guessed);
      }
    }
    assert.ok(lost > 15);
    assert.ok(errorRecovered < errorGuessed / 2, `native ${native}: ${errorRecovered} against ${errorGuessed}`);
  }
});

function squaredError(a: Int16Array, b: Int16Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}

test('a stream without error correction recovers nothing', async () => {
  const { encoder, decoder } = await streamOf({ sampleRate: 16_000, fec: false });
  const packet = packetsOf(encoder, voice(16_000, 3200)).at(-1)!;
  assert.equal(decoder.recover?.(packet, 0, packet.length, new Int16Array(320)), 0);
});

test('concealment goes on with the sound and then grows fainter, in whole grains of 2.5 ms', async () => {
  const { encoder, decoder } = await streamOf({ sampleRate: 8000 });
  const pcm = new Int16Array(160);
  for (const packet of packetsOf(encoder, voice(8000, 8000))) decoder.decode(packet, 0, packet.length, pcm);
  assert.equal(decoder.conceal?.(160, pcm), 160);
  const first = rmsDb(pcm);
  assert.ok(first > -20, `${first.toFixed(1)} dBFS`);
  for (let i = 0; i < 50; i++) decoder.conceal?.(160, pcm);
  assert.ok(rmsDb(pcm) < first - 5, `${rmsDb(pcm).toFixed(1)} dBFS after a second`);
  assert.equal(decoder.conceal?.(159, pcm), 140);
  assert.equal(decoder.conceal?.(19, pcm), 0);
});

test('with DTX a silent stream sends a packet now and then only; without it, always', async () => {
  for (const native of encodings) {
    const silent = await streamOf({ sampleRate: 16_000, dtx: true, native });
    const chatty = await streamOf({ sampleRate: 16_000, native });
    const pcm = new Int16Array(16_000 * 4);
    const sent = packetsOf(silent.encoder, pcm).filter(({ length }) => length > 0).length;
    assert.ok(sent > 5 && sent < 40, `native ${native}: ${sent} of 200 packets`);
    assert.ok(packetsOf(chatty.encoder, pcm).every(({ length }) => length > 0));
  }
});

test('hostile packets decode to nothing or to sound within the frame, and never throw', async () => {
  const { encoder, decoder } = await streamOf({ sampleRate: 48_000 });
  const random = seededRandom(48);
  const good = packetsOf(encoder, tone(48_000, 960, 440))[0]!;
  const pcm = new Int16Array(960);
  for (let round = 0; round < 2000; round++) {
    const packet = Uint8Array.from({ length: 1 + Math.floor(random() * 60) }, () => random() * 256);
    if (round % 2) packet.set(good.subarray(0, packet.length));
    const length = Math.floor(random() * 80) - 5;
    for (const count of [
      decoder.decode(packet, 0, length, pcm),
      decoder.recover?.(packet, 0, length, pcm) ?? -1,
      decoder.decode(packet, 0, packet.length, pcm),
      decoder.recover?.(packet, 0, packet.length, pcm) ?? -1,
    ]) {
      assert.ok(count >= 0 && count <= 960);
    }
  }
  assert.equal(decoder.decode(good, 0, good.length, pcm), 960);
});

test('a closed stream is silent, and closing early or twice does no harm', async () => {
  const codec = opus({ sampleRate: 8000, native: false });
  const early = codec.createDecoder();
  early.close?.();
  const { encoder, decoder } = await streamOf({ sampleRate: 8000, native: false });
  const packet = packetsOf(encoder, tone(8000, 160, 440))[0]!;
  for (const closed of [decoder, early]) {
    closed.close?.();
    closed.close?.();
    assert.equal(closed.decode(packet, 0, packet.length, new Int16Array(160)), 0);
  }
  encoder.close?.();
  assert.equal(encoder.encode(new Int16Array(160), new Uint8Array(2000), 0), 0);
});
