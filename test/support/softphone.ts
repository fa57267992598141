/**
 * A small SIP softphone over UDP for the demo and for tests that look at single packets: dials, speaks tones, records.
 *
 *   const ana = await Softphone.call({ sipPort, mpc: 'demo' });
 *   const voice = ana.speak(440);
 *   await ana.hearFor(1000);
 *   await ana.hangUp();
 *
 * It knows one call, one codec at a time, and no retransmission: real phones test the rest.
 */

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { FRAME_MS, samplesPerFrame } from '../../media/audio/frame.ts';
import type { Codec, CodecName, FrameDecoder, FrameEncoder } from '../../media/codec/codec.ts';
import { loadOpus } from '../../media/codec/opus.ts';
import { codecFor } from '../../media/codec/table.ts';
import { parseRtp, RTP_HEADER_BYTES, RtpFault, RtpHeader, writeRtpHeader } from '../../media/rtp/packet.ts';
import { type Tone, ToneSource } from './tones.ts';
import { type RelayConditions, UdpRelay } from './udp-relay.ts';

export interface SoftphoneOptions {
  readonly sipPort: number;
  /** The MPC's friendly name. */
  readonly mpc: string;
  /** PCMU when left out. L16 is at 16 kHz, Opus at 48 kHz. */
  readonly codec?: CodecName;
  readonly role?: 'agent' | 'customer' | 'supervisor';
  readonly user?: string;
  /** What becomes of RTP on its way between the server and the phone. */
  readonly network?: RelayConditions;
}

export interface HeardPacket {
  /** `performance.now()` of its arrival, in ms. */
  readonly at: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly marker: boolean;
  readonly samples: Int16Array;
}

/** One packet of a telephone-event. */
export interface HeardEvent {
  readonly at: number;
  readonly sequence: number;
  readonly digit: string;
  readonly ended: boolean;
  /** In ticks of the events' clock. */
  readonly duration: number;
}

export interface SoftphoneVoice {
  stop(): void;
}

const DEADLINE_MS = 5000;
/** What our offers call codecs without a number of their own, and events: one number each, for the whole call. */
const OPUS_PAYLOAD_TYPE = 96;
const L16_PAYLOAD_TYPE = 98;
const EVENT_PAYLOAD_TYPE = 100;
const DIGITS = '0123456789*#ABCD';
/** Packets of a digit that is held for 100 ms, and copies of its last one. */
const EVENT_PACKETS = 5;
const EVENT_ENDS = 3;
const LONGEST_FRAME_SAMPLES = 5760;

export class Softphone {
  readonly packets: HeardPacket[] = [];
  readonly events: HeardEvent[] = [];
  /** Where the server's RTP comes from and ours goes to. */
  remotePort = 0;
  ended = false;
  readonly #options: SoftphoneOptions;
  readonly #relay: UdpRelay | undefined;
  #codec: Codec;
  #encoder: FrameEncoder;
  #decoder: FrameDecoder;
  readonly #sip: Socket;
  readonly #rtp: Socket;
  readonly #watchers = new Set<() => void>();
  readonly #callId = randomBytes(8).toString('hex');
  readonly #tag = randomBytes(4).toString('hex');
  readonly #ssrc = randomBytes(4).readUInt32BE();
  readonly #header = new RtpHeader();
  #closed = false;
  #responses: string[] = [];
  #toTag = '';
  #cseq = 1;
  #sequence = 1;
  #timestamp = 0;
  readonly #voices = new Set<SoftphoneVoice>();

  private constructor(options: SoftphoneOptions, sip: Socket, rtp: Socket, relay: UdpRelay | undefined) {
    this.#options = options;
    this.#relay = relay;
    this.#codec = named(options.codec ?? 'PCMU');
    this.#encoder = this.#codec.createEncoder();
    this.#decoder = this.#codec.createDecoder();
    this.#sip = sip;
    this.#rtp = rtp;
    sip.on('message', (bytes) => this.#onSip(bytes.toString()));
    rtp.on('message', (bytes) => this.#onRtp(bytes));
  }

  /** Dials and waits for the 200, which it confirms. Rejects with the status line of a refusal. */
  static async call(options: SoftphoneOptions): Promise<Softphone> {
    if (options.codec === 'opus') await loadOpus();
    const [sip, rtp] = await Promise.all([bound(), bound()]);
    const relay = options.network && (await UdpRelay.start(options.network, rtp.address().port));
    const phone = new Softphone(options, sip, rtp, relay);
    const status = await phone.#invite();
    if (!status.startsWith('SIP/2.0 200')) {
      phone.#close();
      throw new Error(status.split('\r\n')[0]);
    }
    return phone;
  }

  get rtpPort(): number {
    return this.#rtp.address().port;
  }

  /** Hz of everything said and heard. */
  get sampleRate(): number {
    return this.#codec.sampleRate;
  }

  /** Packets lost on the way to the server, by their number from 0; with a `network` only. */
  get lostPackets(): readonly number[] {
    return this.#relay?.lostToServer ?? [];
  }

  /** Its packets come from another port from now on, and what is sent to the old one is lost; with a `network` only. */
  async rebind(): Promise<void> {
    await this.#relay?.rebind();
  }

  /** Goes on with another codec, by a re-INVITE. */
  async change(codec: CodecName): Promise<void> {
    if (codec === 'opus') await loadOpus();
    const next = named(codec);
    const [encoder, decoder] = [next.createEncoder(), next.createDecoder()];
    this.#responses = [];
    this.#cseq += 1;
    const status = await this.#invite(next);
    if (!status.startsWith('SIP/2.0 200')) throw new Error(status.split('\r\n')[0]);
    this.#encoder.close?.();
    this.#decoder.close?.();
    [this.#codec, this.#encoder, this.#decoder] = [next, encoder, decoder];
  }

  /** Presses keys, 100 ms each and as long between them. */
  async press(digits: string): Promise<void> {
    for (const digit of digits) {
      const began = this.#timestamp;
      for (let i = 1; i < EVENT_PACKETS + EVENT_ENDS; i++) {
        const duration = (Math.min(i, EVENT_PACKETS) * this.#codec.clockRate) / 50;
        const end = i >= EVENT_PACKETS ? 0x80 : 0;
        const payload = Uint8Array.of(DIGITS.indexOf(digit), end | 10, duration >> 8, duration);
        const packet = new Uint8Array(RTP_HEADER_BYTES + payload.length);
        writeRtpHeader(packet, 0, i === 1, EVENT_PAYLOAD_TYPE, this.#sequence++, began, this.#ssrc);
        packet.set(payload, RTP_HEADER_BYTES);
        this.#send(packet);
        await wait(FRAME_MS);
      }
      await wait(100);
      // With a voice that is speaking the clock has moved on by itself.
      this.#timestamp = Math.max(this.#timestamp, began + (EVENT_PACKETS * 2 * this.#codec.clockRate) / 50);
    }
  }

  /** Speaks in real time until stopped. */
  speak(tones: number | Tone | readonly Tone[]): SoftphoneVoice {
    const source = new ToneSource(this.sampleRate, tones);
    return this.#pace((frame) => source.next(frame));
  }

  /** Speaks samples of its own rate in real time, again and again until stopped. */
  speakSamples(samples: Int16Array): SoftphoneVoice {
    let at = 0;
    return this.#pace((frame) => {
      if (at + frame.length > samples.length) at = 0;
      frame.set(samples.subarray(at, at + frame.length));
      at += frame.length;
    });
  }

  #pace(fill: (frame: Int16Array) => void): SoftphoneVoice {
    const frame = new Int16Array(samplesPerFrame(this.sampleRate));
    const startedAt = performance.now();
    let frames = 0;
    let timer: NodeJS.Timeout;
    const step = (): void => {
      while (startedAt + frames * FRAME_MS <= performance.now()) {
        fill(frame);
        this.sendFrame(frame);
        frames += 1;
      }
      timer = setTimeout(step, Math.max(0, startedAt + frames * FRAME_MS - performance.now()));
    };
    const voice: SoftphoneVoice = {
      stop: () => {
        clearTimeout(timer);
        this.#voices.delete(voice);
      },
    };
    this.#voices.add(voice);
    step();
    return voice;
  }

  /** Sends one 20 ms frame. */
  sendFrame(frame: Int16Array): void {
    const packet = new Uint8Array(RTP_HEADER_BYTES + this.#codec.maxPayloadBytes);
    writeRtpHeader(packet, 0, false, payloadTypeOf(this.#codec), this.#sequence++, this.#timestamp, this.#ssrc);
    this.#timestamp += this.#codec.clockRate / 50;
    const bytes = this.#encoder.encode(frame, packet, RTP_HEADER_BYTES);
    this.#send(packet.subarray(0, RTP_HEADER_BYTES + bytes));
  }

  /** Everything heard, or what arrived between two times. */
  heard(from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): Int16Array {
    const packets = this.packets.filter(({ at }) => at >= from && at < to);
    return Int16Array.from(packets.flatMap(({ samples }) => [...samples]));
  }

  /** Waits until so much more audio has come, counted in packets, and returns it. */
  async hearFor(ms: number): Promise<Int16Array> {
    const first = this.packets.length;
    await this.until(() => this.packets.length - first >= ms / FRAME_MS, ms * 2 + DEADLINE_MS, `${ms} ms of audio`);
    return this.heard(this.packets[first]!.at);
  }

  forget(): void {
    this.packets.length = 0;
  }

  async hangUp(): Promise<void> {
    try {
      if (this.ended) return;
      this.#cseq += 1;
      this.#request('BYE', this.#cseq);
      await this.until(() => this.ended, DEADLINE_MS, 'the answer to BYE');
    } finally {
      this.#close();
    }
  }

  /** Resolves once a condition holds; looked at whenever anything arrives. */
  async until(holds: () => boolean, waitMs: number, what: string): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const watcher = (): void => {
        if (!holds()) return;
        clearTimeout(deadline);
        this.#watchers.delete(watcher);
        resolve();
      };
      const deadline = setTimeout(() => {
        this.#watchers.delete(watcher);
        reject(new Error(`waited ${waitMs} ms for ${what}`));
      }, waitMs);
      this.#watchers.add(watcher);
    });
  }

  async #invite(codec = this.#codec): Promise<string> {
    const payloadType = payloadTypeOf(codec);
    const sdp = [
      'v=0',
      `o=- 1 ${this.#cseq} IN IP4 127.0.0.1`,
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.#relay?.serverSide ?? this.rtpPort} RTP/AVP ${payloadType} ${EVENT_PAYLOAD_TYPE}`,
      `a=rtpmap:${payloadType} ${codec.name}/${codec.clockRate}${codec.channels > 1 ? `/${codec.channels}` : ''}`,
      ...(codec.name === 'opus' ? [`a=fmtp:${payloadType} useinbandfec=1`] : []),
      `a=rtpmap:${EVENT_PAYLOAD_TYPE} telephone-event/${codec.clockRate}`,
      'a=ptime:20',
      'a=sendrecv',
      '',
    ].join('\r\n');
    this.#request('INVITE', this.#cseq, sdp);
    const final = (): string | undefined => this.#responses.find((text) => !text.startsWith('SIP/2.0 1'));
    await this.until(() => final() !== undefined, DEADLINE_MS, 'an answer to INVITE');
    const answer = final()!;
    this.#toTag = /^To:.*;tag=([^\s;]+)/im.exec(answer)?.[1] ?? '';
    this.remotePort = Number(/^m=audio (\d+)/m.exec(answer)?.[1] ?? 0);
    this.#relay?.target(this.remotePort);
    this.#request('ACK', this.#cseq);
    return answer;
  }

  #send(packet: Uint8Array): void {
    this.#rtp.send(packet, this.#relay?.phoneSide ?? this.remotePort, '127.0.0.1');
  }

  #request(method: string, cseq: number, body = ''): void {
    const { mpc, role, sipPort, user = 'softphone' } = this.#options;
    const own = `127.0.0.1:${this.#sip.address().port}`;
    const uri = `sip:${encodeURIComponent(mpc)}@127.0.0.1:${sipPort}`;
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${own};branch=z9hG4bK${randomBytes(8).toString('hex')}`,
      'Max-Forwards: 70',
      `From: <sip:${user}@${own}>;tag=${this.#tag}`,
      `To: <${uri}>${this.#toTag ? `;tag=${this.#toTag}` : ''}`,
      `Call-ID: ${this.#callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:${user}@${own}>`,
      ...(role && method === 'INVITE' ? [`X-PH-Role: ${role}`] : []),
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    this.#sip.send(`${lines.join('\r\n')}\r\n\r\n${body}`, sipPort, '127.0.0.1');
  }

  #onSip(text: string): void {
    if (text.startsWith('SIP/2.0')) {
      this.#responses.push(text);
      if (/^CSeq: \d+ BYE/im.test(text)) this.ended = true;
    } else if (text.startsWith('BYE ')) {
      const echoed = text.split('\r\n').filter((line) => /^(via|from|to|call-id|cseq):/i.test(line));
      const answer = `${['SIP/2.0 200 OK', ...echoed, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`;
      this.#sip.send(answer, this.#options.sipPort, '127.0.0.1');
      this.ended = true;
    }
    this.#changed();
  }

  #onRtp(bytes: Uint8Array): void {
    const header = this.#header;
    if (parseRtp(bytes, 0, bytes.length, header) !== RtpFault.none) return;
    const { sequence, timestamp, ssrc, marker, payloadOffset, payloadLength } = header;
    const at = performance.now();
    if (header.payloadType === EVENT_PAYLOAD_TYPE) {
      const [event = 0, flags = 0, high = 0, low = 0] = bytes.subarray(payloadOffset);
      const digit = DIGITS.charAt(event);
      this.events.push({ at, sequence, digit, ended: (flags & 0x80) !== 0, duration: high * 256 + low });
    } else if (header.payloadType === payloadTypeOf(this.#codec)) {
      const samples = this.#decoder.decode(bytes, payloadOffset, payloadLength, scratch);
      this.packets.push({ at, sequence, timestamp, ssrc, marker, samples: scratch.slice(0, samples) });
    }
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const voice of [...this.#voices]) voice.stop();
    this.#sip.close();
    this.#rtp.close();
    this.#relay?.close();
    this.#encoder.close?.();
    this.#decoder.close?.();
  }
}

const scratch = new Int16Array(LONGEST_FRAME_SAMPLES);

function named(name: CodecName): Codec {
  const clockRate = { PCMU: 8000, PCMA: 8000, G722: 8000, L16: 16_000, opus: 48_000 }[name];
  const codec = codecFor(name, clockRate);
  if (!codec) throw new Error(`no codec ${name}`);
  return codec;
}

function payloadTypeOf(codec: Codec): number {
  return codec.staticPayloadType ?? (codec.name === 'opus' ? OPUS_PAYLOAD_TYPE : L16_PAYLOAD_TYPE);
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
