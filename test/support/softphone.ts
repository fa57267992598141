/**
 * A small SIP softphone over UDP for the demo and for tests that look at single packets: dials, speaks tones, records.
 *
 *   const ana = await Softphone.call({ sipPort, mpc: 'demo' });
 *   const voice = ana.speak(440);
 *   await ana.hearFor(1000);
 *   await ana.hangUp();
 *
 * It knows one call, PCMU or PCMA, and no retransmission: real phones test the rest.
 */

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { FRAME_MS, samplesPerFrame } from '../../media/audio/frame.ts';
import type { Codec } from '../../media/codec/codec.ts';
import { alaw, mulaw } from '../../media/codec/g711.ts';
import { parseRtp, RTP_HEADER_BYTES, RtpFault, RtpHeader, writeRtpHeader } from '../../media/rtp/packet.ts';
import { type Tone, ToneSource } from './tones.ts';

export interface SoftphoneOptions {
  readonly sipPort: number;
  /** The MPC's friendly name. */
  readonly mpc: string;
  readonly codec?: 'PCMU' | 'PCMA';
  readonly role?: 'agent' | 'customer' | 'supervisor';
  readonly user?: string;
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

export interface SoftphoneVoice {
  stop(): void;
}

const SAMPLE_RATE = 8000;
const DEADLINE_MS = 5000;

export class Softphone {
  readonly packets: HeardPacket[] = [];
  readonly sampleRate = SAMPLE_RATE;
  /** Where the server's RTP comes from and ours goes to. */
  remotePort = 0;
  ended = false;
  readonly #options: SoftphoneOptions;
  readonly #codec: Codec;
  readonly #sip: Socket;
  readonly #rtp: Socket;
  readonly #watchers = new Set<() => void>();
  readonly #callId = randomBytes(8).toString('hex');
  readonly #tag = randomBytes(4).toString('hex');
  readonly #ssrc = randomBytes(4).readUInt32BE();
  readonly #header = new RtpHeader();
  #responses: string[] = [];
  #toTag = '';
  #cseq = 1;
  #sequence = 1;
  #timestamp = 0;
  readonly #voices = new Set<SoftphoneVoice>();

  private constructor(options: SoftphoneOptions, sip: Socket, rtp: Socket) {
    this.#options = options;
    this.#codec = options.codec === 'PCMA' ? alaw : mulaw;
    this.#sip = sip;
    this.#rtp = rtp;
    sip.on('message', (bytes) => this.#onSip(bytes.toString()));
    rtp.on('message', (bytes) => this.#onRtp(bytes));
  }

  /** Dials and waits for the 200, which it confirms. Rejects with the status line of a refusal. */
  static async call(options: SoftphoneOptions): Promise<Softphone> {
    const [sip, rtp] = await Promise.all([bound(), bound()]);
    const phone = new Softphone(options, sip, rtp);
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

  /** Speaks in real time until stopped. */
  speak(tones: number | Tone | readonly Tone[]): SoftphoneVoice {
    const source = new ToneSource(SAMPLE_RATE, tones);
    const frame = new Int16Array(samplesPerFrame(SAMPLE_RATE));
    const startedAt = performance.now();
    let frames = 0;
    let timer: NodeJS.Timeout;
    const step = (): void => {
      while (startedAt + frames * FRAME_MS <= performance.now()) {
        source.next(frame);
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
    const packet = new Uint8Array(RTP_HEADER_BYTES + frame.length);
    writeRtpHeader(packet, 0, false, this.#codec.staticPayloadType!, this.#sequence++, this.#timestamp, this.#ssrc);
    this.#timestamp += frame.length;
    this.#codec.createEncoder().encode(frame, packet, RTP_HEADER_BYTES);
    this.#rtp.send(packet, this.remotePort, '127.0.0.1');
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
    if (!this.ended) {
      this.#cseq += 1;
      this.#send('BYE', this.#cseq);
      await this.until(() => this.ended, DEADLINE_MS, 'the answer to BYE');
    }
    this.#close();
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

  async #invite(): Promise<string> {
    const payloadType = this.#codec.staticPayloadType;
    const sdp = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.rtpPort} RTP/AVP ${payloadType}`,
      `a=rtpmap:${payloadType} ${this.#codec.name}/8000`,
      'a=ptime:20',
      'a=sendrecv',
      '',
    ].join('\r\n');
    this.#send('INVITE', this.#cseq, sdp);
    const final = (): string | undefined => this.#responses.find((text) => !text.startsWith('SIP/2.0 1'));
    await this.until(() => final() !== undefined, DEADLINE_MS, 'an answer to INVITE');
    const answer = final()!;
    this.#toTag = /^To:.*;tag=([^\s;]+)/im.exec(answer)?.[1] ?? '';
    this.remotePort = Number(/^m=audio (\d+)/m.exec(answer)?.[1] ?? 0);
    this.#send('ACK', this.#cseq);
    return answer;
  }

  #send(method: string, cseq: number, body = ''): void {
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
    if (header.payloadType !== this.#codec.staticPayloadType) return;
    const samples = new Int16Array(header.payloadLength);
    this.#codec.createDecoder().decode(bytes, header.payloadOffset, header.payloadLength, samples);
    const { sequence, timestamp, ssrc, marker } = header;
    this.packets.push({ at: performance.now(), sequence, timestamp, ssrc, marker, samples });
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #close(): void {
    for (const voice of [...this.#voices]) voice.stop();
    this.#sip.close();
    this.#rtp.close();
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
