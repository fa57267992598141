import assert from 'node:assert/strict';
import { MpegFrameWalk, readMpegFrame } from '../../../media/clip/mpeg.ts';
import { Sniffer } from '../../../media/clip/sniff.ts';
import { WavReader } from '../../../media/clip/wav-header.ts';
import { WavMono } from '../../../media/clip/wav-samples.ts';
import { hasOpusFec, opusFrameMs } from '../../../media/codec/opus-packet.ts';
import { isRtcp, parseRtp, RtpFault, RtpHeader, writeRtpHeader } from '../../../media/rtp/packet.ts';
import { parseRtcp, RtcpFault, type RtcpPacket } from '../../../media/rtp/rtcp.ts';
import { NO_DIGIT, TelephoneEventReceiver } from '../../../media/rtp/telephone-event.ts';
import { audioFixture, chunk, id3Tag, wavFile } from '../../support/audio-files.ts';
import { mutateBytes, noise } from '../mutate.ts';
import { below, type FuzzTarget, pick, type Random } from '../target.ts';

/** RTP with what may stand between its header and its payload, all of it sound. */
export function rtpPacket(random: Random, payloadType = pick(random, [0, 8, 9, 96, 101])): Buffer {
  const contributors = random() < 0.2 ? below(random, 16) : 0;
  const extension = random() < 0.2 ? below(random, 4) : -1;
  const padding = random() < 0.1 ? 1 + below(random, 8) : 0;
  const header = Buffer.alloc(12);
  const [sequence, timestamp, ssrc] = [below(random, 65_536), below(random, 2 ** 32), below(random, 2 ** 32)];
  writeRtpHeader(header, 0, random() < 0.1, payloadType, sequence, timestamp, ssrc);
  header[0] = 0x80 | contributors | (extension >= 0 ? 0x10 : 0) | (padding > 0 ? 0x20 : 0);
  return Buffer.concat([
    header,
    Buffer.alloc(4 * contributors, 1),
    ...(extension >= 0 ? [Buffer.from([0xbe, 0xde, 0, extension]), Buffer.alloc(4 * extension, 0x10)] : []),
    noise(random, 170),
    ...(padding > 0 ? [Buffer.alloc(padding, padding)] : []),
  ]);
}

const header = new RtpHeader();

const rtp: FuzzTarget = {
  name: 'rtp',
  about: 'RTP packets',
  input: (random) => (random() < 0.2 ? noise(random, 96) : mutateBytes(rtpPacket(random), random)),
  take: (input) => {
    isRtcp(input, 0, input.length);
    if (parseRtp(input, 0, input.length, header) !== RtpFault.none) return false;
    assert.ok(header.payloadOffset >= 12 && header.payloadLength >= 0, 'the payload lies behind the header');
    assert.ok(header.payloadOffset + header.payloadLength <= input.length, 'the payload ends within the datagram');
    return true;
  },
};

/** A compound: packets of plausible types and lengths, strewn into noise. */
export function rtcpCompound(random: Random): Buffer {
  const bytes = noise(random, 160);
  for (let offset = 0; offset + 4 <= bytes.length; ) {
    const words = below(random, 8);
    const fits = Math.min(words, Math.max(0, Math.floor((bytes.length - offset) / 4) - 1));
    bytes[offset] = 0x80 | (random() < 0.1 ? 0x20 : 0) | below(random, 2);
    bytes[offset + 1] = (offset === 0 ? 200 : 200) + below(random, offset === 0 ? 2 : 6);
    bytes[offset + 2] = 0;
    bytes[offset + 3] = random() < 0.8 ? fits : words;
    offset += 4 + 4 * words;
  }
  return bytes;
}

const packets: RtcpPacket[] = [];

const rtcp: FuzzTarget = {
  name: 'rtcp',
  about: 'RTCP compounds',
  input: (random) => (random() < 0.3 ? mutateBytes(rtcpCompound(random), random) : rtcpCompound(random)),
  take: (input) => {
    if (parseRtcp(input, 0, input.length, packets) === RtcpFault.none) return true;
    assert.equal(packets.length, 0, 'what is refused leaves nothing');
    return false;
  },
};

/** Bytes of one packet of an event as the target below reads them: timestamp, payload length, payload. */
const EVENT_RECORD = 8;
const PACKET_MS = 20;

const telephoneEvent: FuzzTarget = {
  name: 'telephone-event',
  about: 'streams of telephone-event payloads',
  input: (random) => {
    const records = Array.from({ length: 50 }, (_, k) => {
      const record = Buffer.alloc(EVENT_RECORD);
      const jumps = random() < 0.2;
      record.writeUInt16BE(jumps ? below(random, 65_536) : Math.floor(k / 5) * 20, 0);
      record.writeUInt8(random() < 0.9 ? 4 : below(random, 6), 2);
      record.writeUInt8(below(random, random() < 0.9 ? 16 : 256), 3);
      record.writeUInt8((random() < 0.5 ? 0x80 : 0) | below(random, 64), 4);
      record.writeUInt16BE(below(random, 65_536), 5);
      return record;
    });
    return Buffer.concat(records);
  },
  take: (input) => {
    const receiver = new TelephoneEventReceiver(8000);
    let [digits, now] = [0, 0];
    for (let at = 0; at + EVENT_RECORD <= input.length; at += EVENT_RECORD) {
      now += PACKET_MS;
      receiver.receive(input.readUInt16BE(at) * 8, input, at + 3, Math.min(4, input[at + 2] ?? 0), now);
      for (let event = receiver.next(now); event !== NO_DIGIT; event = receiver.next(now)) {
        assert.ok(event >= 0 && event < 16, `event ${event}`);
        digits += 1;
      }
    }
    // Twenty at once, and twenty a second.
    assert.ok(digits <= 20 + now / 50, `${digits} digits in ${now} ms`);
    return digits > 0;
  },
};

const WAVES = [
  { tag: 1, bits: 16, channels: 1, sampleRate: 8000 },
  { tag: 1, bits: 24, channels: 2, sampleRate: 48_000 },
  { tag: 3, bits: 32, channels: 1, sampleRate: 16_000 },
  { tag: 7, bits: 8, channels: 1, sampleRate: 8000 },
].flatMap((recipe) => {
  const data = Buffer.alloc(720, 0x11);
  const before = [chunk('JUNK', Buffer.alloc(10))];
  return [wavFile({ ...recipe, data }), wavFile({ ...recipe, data, before, extensible: true })];
});

const wav: FuzzTarget = {
  name: 'wav',
  about: 'wav files, in pieces',
  input: (random) => {
    const file = mutateBytes(pick(random, WAVES), random);
    // Most of what can be wrong is in the first hundred bytes.
    for (let k = below(random, 4); k > 0 && file.length > 0; k--)
      file[below(random, Math.min(100, file.length))] = below(random, 256);
    return file;
  },
  take: (input) => {
    const reader = new WavReader();
    const piece = 1 + ((input.length * 13) % 500);
    let mono: WavMono | undefined;
    let samples = 0;
    for (let at = 0; at < input.length; at += piece) {
      const part = reader.push(input.subarray(at, at + piece));
      if (part?.type === 'bad') return false;
      if (!part) continue;
      mono ??= new WavMono(part.format);
      samples += mono.push(part.bytes).length;
    }
    assert.ok(samples <= input.length, `${samples} samples of ${input.length} bytes`);
    return samples > 0;
  },
};

const MP3 = audioFixture('mono-8000-cbr.mp3').subarray(0, 4000);

const mpeg: FuzzTarget = {
  name: 'mpeg',
  about: 'first bytes of files, tags and MPEG frames, in pieces',
  input: (random) => {
    const tag =
      random() < 0.5 ? id3Tag(below(random, 200), random() < 0.3 ? below(random, 2 ** 28) : 100) : Buffer.alloc(0);
    return mutateBytes(
      Buffer.concat([tag, random() < 0.8 ? MP3.subarray(0, below(random, MP3.length)) : noise(random, 3000)]),
      random,
    );
  },
  take: (input) => {
    const piece = 1 + ((input.length * 7) % 900);
    const sniffer = new Sniffer();
    const walk = new MpegFrameWalk();
    let verdict: ReturnType<Sniffer['end']> | undefined;
    for (let at = 0; at < input.length; at += piece) {
      verdict ??= sniffer.push(input.subarray(at, at + piece));
      walk.push(input.subarray(at, at + piece));
    }
    verdict ??= sniffer.end();
    for (let at = 0; at < Math.min(input.length, 200); at++) {
      const frame = readMpegFrame(input, at);
      if (frame) assert.ok(frame.bytes > 4 && frame.bytes <= 2881 && frame.sampleRate >= 8000, 'a frame is one');
    }
    assert.equal(typeof walk.cutShort, 'boolean');
    if (verdict.format === 'unknown') return false;
    assert.ok(verdict.bytes.length <= input.length, 'no more bytes than came');
    return true;
  },
};

const opus: FuzzTarget = {
  name: 'opus-packet',
  about: 'Opus packets, as far as they are looked into',
  input: (random) => noise(random, 40),
  take: (input) => {
    const ms = opusFrameMs(input[0] ?? 0);
    assert.ok(ms >= 2.5 && ms <= 60, `a frame of ${ms} ms`);
    // Whatever lies behind the packet changes nothing.
    const longer = (fill: number): boolean =>
      hasOpusFec(Buffer.concat([input, Buffer.alloc(8, fill)]), 0, input.length);
    const found = hasOpusFec(input, 0, input.length);
    assert.deepEqual([longer(0), longer(0xff)], [found, found], 'nothing is read behind it');
    return found;
  },
};

export const MEDIA_TARGETS = { rtp, rtcp, telephoneEvent, wav, mpeg, opus } as const;
