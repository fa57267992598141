import { l16 } from '../../media/codec/l16.ts';
import { FrameKind, Playout } from '../../media/rtp/playout.ts';
import { type NetworkConditions, NetworkSimulator } from './network-simulator.ts';
import { seededRandom } from './random.ts';

/** Ms between a listener's ticks. */
const TICK_MS = 20;

export interface ReceivingLegOptions extends NetworkConditions {
  /** What is sent, 16-bit mono at `sampleRate`; sample `i` is taken from the microphone at `i / sampleRate` s. */
  readonly sound: Int16Array;
  /** 8000 when left out; 16000 and 48000 are possible. */
  readonly sampleRate?: 8000 | 16000 | 48000;
  /** Ms of each packet, 20 when left out; may depend on the packet's first sample. */
  readonly ptimeMs?: number | ((sample: number) => number);
  /** How much faster the sender's clock runs than ours. */
  readonly skewPpm?: number;
  /** Ms from the sender's packet clock to our ticks, 0 when left out. */
  readonly phaseMs?: number;
  /** Packets are found by the next tick only, and stamped with its time. */
  readonly oncePerTick?: boolean;
  /** Ticks come up to this late, in ms. */
  readonly tickLatenessMs?: number;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly seed?: number;
  /** Changes or drops (undefined) a packet before it is sent. */
  readonly tamper?: (packet: SentPacket, index: number) => SentPacket | undefined;
  /** Called after each pull. */
  readonly onFrame?: (playout: Playout, kind: FrameKind, nowMs: number, frame: Int16Array) => void;
}

export interface SentPacket {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Uint8Array;
  readonly noise?: boolean;
}

export interface Heard {
  readonly playout: Playout;
  /** Everything pulled, from tick 0 on. */
  readonly sound: Int16Array;
  readonly kinds: Uint8Array;
  /** Playout delay after each pull, in ms. */
  readonly delays: Float64Array;
  /** Packets that the network lost. */
  readonly lost: number;
  /** Where in `sound` the first sample sent is or would be, as long as nothing was stretched. */
  readonly lead: number;
}

/** Sends a sound through a bad network to a playout with L16 packets, tick by tick on a fake clock, and records what is heard. */
export function receive(options: ReceivingLegOptions): Heard {
  const { sound, sampleRate = 8000, skewPpm = 0, phaseMs = 0, oncePerTick = false, tickLatenessMs = 0 } = options;
  const { ptimeMs = TICK_MS, sequence = 65_530, timestamp = 0xffff_fe00, seed = 1 } = options;
  const random = seededRandom(seed);
  const network = new NetworkSimulator<SentPacket>(options, random);
  const arrivalGrainMs = oncePerTick ? TICK_MS : 0;
  const playout = new Playout({ clockRate: sampleRate, decoder: l16(sampleRate).createDecoder(), arrivalGrainMs });

  const frameSamples = (sampleRate * TICK_MS) / 1000;
  const durationMs = (sound.length * 1000) / sampleRate / (1 + skewPpm * 1e-6);
  const ticks = Math.floor(durationMs / TICK_MS) + 40;
  const heard = new Int16Array(ticks * frameSamples);
  const kinds = new Uint8Array(ticks);
  const delays = new Float64Array(ticks);
  const frame = new Int16Array(frameSamples);
  let lead = 0;
  let begun = false;
  let firstSample = Number.POSITIVE_INFINITY;
  let sent = 0;
  let index = 0;

  const packetSamples = (first: number): number =>
    ((typeof ptimeMs === 'number' ? ptimeMs : ptimeMs(first)) * sampleRate) / 1000;
  for (let tick = 0; tick < ticks; tick++) {
    const nowMs = tick * TICK_MS + random() * tickLatenessMs;
    for (;;) {
      const samples = packetSamples(sent);
      if (sent + samples > sound.length) break;
      const sendMs = ((sent + samples) * 1000) / sampleRate / (1 + skewPpm * 1e-6) + phaseMs;
      if (sendMs > nowMs) break;
      const packet: SentPacket = {
        sequence: (sequence + index) & 0xffff,
        timestamp: (timestamp + sent) >>> 0,
        marker: index === 0,
        payload: encode(sound, sent, samples),
      };
      const tampered = options.tamper === undefined ? packet : options.tamper(packet, index);
      if (tampered !== undefined) network.send(tampered, sendMs);
      sent += samples;
      index++;
    }
    network.deliver(nowMs, (packet, arrivalMs) => {
      const { payload } = packet;
      if (!begun) firstSample = Math.min(firstSample, (packet.timestamp - timestamp) | 0);
      const stamp = oncePerTick ? nowMs : arrivalMs;
      if (packet.noise)
        playout.insertComfortNoise(packet.sequence, packet.timestamp, payload, 0, payload.length, stamp);
      else playout.insert(packet.sequence, packet.timestamp, packet.marker, payload, 0, payload.length, stamp);
    });
    kinds[tick] = playout.pull(frame, nowMs);
    if (!begun && kinds[tick] === FrameKind.audio) {
      begun = true;
      lead = tick * frameSamples - firstSample;
    }
    heard.set(frame, tick * frameSamples);
    delays[tick] = playout.currentDelayMs;
    options.onFrame?.(playout, kinds[tick] as FrameKind, nowMs, frame);
  }
  return { playout, sound: heard, kinds, delays, lost: network.lost, lead };
}

function encode(sound: Int16Array, from: number, samples: number): Uint8Array {
  const bytes = new Uint8Array(samples * 2);
  for (let i = 0; i < samples; i++) {
    const value = sound[from + i]!;
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value;
  }
  return bytes;
}

/**
 * Something like speech: syllables of 120 to 300 ms of a voice whose pitch and vowels wander, with breath between and longer
 * pauses. Deterministic for a seed.
 */
export function speechLike(sampleRate: number, seconds: number, seed = 1): Int16Array {
  const random = seededRandom(seed);
  const sound = new Float64Array(Math.round(sampleRate * seconds));
  let at = 0;
  let phase = 0;
  while (at < sound.length) {
    const length = Math.round(sampleRate * (0.12 + 0.18 * random()));
    const pitch = 95 + 90 * random();
    const glide = (random() - 0.5) * 40;
    const formants = [300 + 500 * random(), 900 + 1200 * random(), 2300 + 600 * random()];
    const loudness = 0.3 + 0.7 * random();
    for (let i = 0; i < length && at + i < sound.length; i++) {
      const share = i / length;
      const hz = pitch + glide * share;
      phase += (2 * Math.PI * hz) / sampleRate;
      const envelope = Math.min(1, 8 * share, 5 * (1 - share)) * loudness;
      let value = 0;
      for (let harmonic = 1; harmonic * hz < Math.min(3400, sampleRate * 0.43); harmonic++) {
        let gain = 0.02;
        for (const formant of formants) gain += 1 / (1 + ((harmonic * hz - formant) / 90) ** 2);
        value += (gain / harmonic ** 0.5) * Math.sin(harmonic * phase);
      }
      sound[at + i] = value * envelope * 4000 + (random() - 0.5) * 40;
    }
    at += length;
    const pause = Math.round(sampleRate * (random() < 0.2 ? 0.25 + 0.3 * random() : 0.02 + 0.05 * random()));
    for (let i = 0; i < pause && at + i < sound.length; i++) sound[at + i] = (random() - 0.5) * 40;
    at += pause;
  }
  return Int16Array.from(sound, (value) => Math.max(-32768, Math.min(32767, Math.round(value))));
}
