/**
 * What each step of the sound path costs, in ns for one 20 ms frame: the best of several short runs, on one core.
 *
 *   npx tsx test/bench/kernels.ts
 */
import { createCipheriv, createHmac } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { samplesPerFrame } from '../../media/audio/frame.ts';
import { levelOf, TalkDetector } from '../../media/audio/level.ts';
import { Limiter } from '../../media/audio/limiter.ts';
import { LoudnessMeter } from '../../media/audio/loudness.ts';
import {
  addFrame,
  addRamped,
  addScaled,
  applyGain,
  isSilent,
  minusOwn,
  peak,
  saturate,
  subtractFrame,
} from '../../media/audio/pcm.ts';
import { Resampler } from '../../media/audio/resample.ts';
import type { Codec } from '../../media/codec/codec.ts';
import { alaw, mulaw } from '../../media/codec/g711.ts';
import { g722 } from '../../media/codec/g722.ts';
import { l16 } from '../../media/codec/l16.ts';
import { loadOpus, opus } from '../../media/codec/opus.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/rtp/packet.ts';
import { SrtpReceiver } from '../../media/srtp/srtp-receiver.ts';
import { SrtpSender } from '../../media/srtp/srtp-sender.ts';
import { MASTER_BYTES, srtpSpec } from '../../media/srtp/srtp-terms.ts';
import { tone } from '../support/tones.ts';

export interface KernelCost {
  readonly kernel: string;
  readonly nsPerFrame: number;
}

const RUNS = 25;
const RUN_NS = 4_000_000;
/** Frames of different sound, so that no branch is learnt by heart. */
const FRAMES = 50;

/** Times `step(k)`, one frame's work on frame `k` of `FRAMES`. */
function cost(kernel: string, step: (k: number) => void): KernelCost {
  let rounds = 1;
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const begin = process.hrtime.bigint();
    for (let round = 0; round < rounds; round++) for (let k = 0; k < FRAMES; k++) step(k);
    const each = Number(process.hrtime.bigint() - begin) / (rounds * FRAMES);
    if (run > RUNS / 3) best = Math.min(best, each);
    rounds = Math.max(1, Math.round(RUN_NS / (each * FRAMES)));
  }
  return { kernel, nsPerFrame: Math.round(best) };
}

function framesOf(sampleRate: number, db = -9): Int16Array[] {
  const samples = samplesPerFrame(sampleRate);
  const voice = [170, 340, 680, 1500, 2600].map((hz, i) => ({ hz, db: db - 4 * i }));
  const all = tone(sampleRate, samples * FRAMES, voice);
  return Array.from({ length: FRAMES }, (_, k) => all.slice(k * samples, (k + 1) * samples));
}

function mixing(sampleRate: number): KernelCost[] {
  const samples = samplesPerFrame(sampleRate);
  const frames = framesOf(sampleRate);
  const sums = frames.map((frame, k) => Int32Array.from(frame, (value, i) => value + frames[(k + 7) % FRAMES]![i]!));
  const quiet = sums.map((sum) => sum.map((value) => value >> 1));
  const loud = sums.map((sum) => sum.map((value) => value * 3));
  const scratch = frames.map((frame) => frame.slice());
  const sum = new Int32Array(samples);
  const out = new Int16Array(samples);
  const silence = new Int16Array(samples);
  const idle = new Limiter();
  const busy = new Limiter();
  const talk = new TalkDetector();
  const at = `, ${sampleRate / 1000} kHz`;
  return [
    cost(`addFrame${at}`, (k) => addFrame(sum, frames[k]!)),
    cost(`addScaled${at}`, (k) => addScaled(sum, frames[k]!, 0.7)),
    cost(`addRamped${at}`, (k) => addRamped(sum, frames[k]!, 0.7, 0.8)),
    cost(`minusOwn${at}`, (k) => void minusOwn(sums[k]!, frames[k]!, out)),
    cost(`subtractFrame${at}`, (k) => void subtractFrame(sums[k]!, frames[k]!, sum)),
    cost(`saturate${at}`, (k) => void saturate(quiet[k]!, out)),
    cost(`applyGain${at}`, (k) => applyGain(scratch[k]!, 1)),
    cost(`peak${at}`, (k) => void peak(frames[k]!)),
    cost(`isSilent, of silence${at}`, () => void isSilent(silence)),
    cost(`levelOf and talk detector${at}`, (k) => void talk.update(levelOf(frames[k]!))),
    cost(`limiter, nothing over${at}`, (k) => idle.process(quiet[k]!, out)),
    cost(`limiter, at work${at}`, (k) => busy.process(loud[k]!, out)),
  ];
}

async function coding(name: string, codec: Codec): Promise<KernelCost[]> {
  const frames = framesOf(codec.sampleRate);
  const encoder = codec.createEncoder();
  const decoder = codec.createDecoder();
  await new Promise((resolve) => setImmediate(resolve));
  const out = new Uint8Array(codec.maxPayloadBytes);
  const payloads = frames.map((frame) => out.slice(0, encoder.encode(frame, out, 0)));
  const pcm = new Int16Array(samplesPerFrame(codec.sampleRate));
  const costs = [
    cost(`${name} encode`, (k) => void encoder.encode(frames[k]!, out, 0)),
    cost(`${name} decode`, (k) => void decoder.decode(payloads[k]!, 0, payloads[k]!.length, pcm)),
  ];
  encoder.close?.();
  decoder.close?.();
  return costs;
}

function resampling(from: number, to: number): KernelCost {
  const resampler = new Resampler(from, to);
  const frames = framesOf(from);
  const out = new Int16Array(samplesPerFrame(to));
  return cost(`resample ${from / 1000} to ${to / 1000} kHz`, (k) => resampler.process(frames[k]!, out));
}

function measuring(sampleRate: number): KernelCost {
  const meter = new LoudnessMeter(sampleRate);
  const frames = framesOf(sampleRate);
  return cost(`loudness of a clip, ${sampleRate / 1000} kHz`, (k) => meter.add(frames[k]!));
}

/** A packet of PCMU there and back, and what Node's interface to OpenSSL would need for the same. */
function encrypting(): KernelCost[] {
  const master = new Uint8Array(MASTER_BYTES).fill(7);
  const { send, receive } = srtpSpec({ suite: 'AES_CM_128_HMAC_SHA1_80', send: master, receive: master }, undefined);
  const [sender, receiver] = [new SrtpSender(send), new SrtpReceiver(receive)];
  const packet = new Uint8Array(RTP_HEADER_BYTES + 160);
  const head = packet.subarray(0, RTP_HEADER_BYTES);
  const payload = packet.subarray(RTP_HEADER_BYTES);
  const datagram = new Uint8Array(2048);
  const [key, counter, authKey, rollovers] = [16, 16, 20, 4].map((length) => new Uint8Array(length));
  let sequence = 0;
  const protect = (): number => {
    sequence += 1;
    writeRtpHeader(packet, 0, false, 0, sequence, sequence * 160, 7);
    const body = sender.protect(head, payload);
    datagram.set(head);
    datagram.set(body, RTP_HEADER_BYTES);
    return RTP_HEADER_BYTES + body.length;
  };
  return [
    cost('SRTP protect', () => void protect()),
    cost('SRTP protect and unprotect', () => void receiver.unprotect(datagram, 0, protect())),
    cost('SRTP protect by node:crypto', () => {
      datagram.set(createCipheriv('aes-128-ctr', key!, counter!).update(payload), RTP_HEADER_BYTES);
      const tag = createHmac('sha1', authKey!).update(datagram.subarray(0, packet.length)).update(rollovers!).digest();
      datagram.set(tag.subarray(0, 10), packet.length);
    }),
  ];
}

/** Measures every kernel; takes some ten seconds. */
export async function kernelCosts(): Promise<KernelCost[]> {
  const { encoding } = await loadOpus();
  const opusCosts: KernelCost[] = [];
  for (const sampleRate of [8000, 16_000, 48_000] as const) {
    for (const native of encoding === 'native' ? [false, true] : [false]) {
      const name = `opus ${sampleRate / 1000} kHz${native ? ', addon' : ''}`;
      opusCosts.push(...(await coding(name, opus({ sampleRate, native }))));
    }
  }
  return [
    ...mixing(8000),
    ...mixing(16_000),
    ...(await coding('PCMU', mulaw)),
    ...(await coding('PCMA', alaw)),
    ...(await coding('L16 16 kHz', l16(16_000))),
    ...(await coding('G722', g722)),
    ...opusCosts,
    resampling(8000, 16_000),
    resampling(16_000, 8000),
    resampling(8000, 48_000),
    resampling(48_000, 8000),
    resampling(16_000, 48_000),
    resampling(48_000, 16_000),
    measuring(8000),
    ...encrypting(),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.table(await kernelCosts());
}
