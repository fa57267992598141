import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { mutateBytes, noise } from '../../fuzz/mutate.ts';
import { below, pick, type Random } from '../../fuzz/target.ts';
import { rtcpCompound, rtpPacket } from '../../fuzz/targets/media.ts';
import { CallScript, sdpText } from '../../support/sip-script.ts';
import { type Attack, type Front, isOver, STRANGER, TRUSTED } from '../attack.ts';
import { Wire } from '../wire.ts';
import { finish } from './sip-torture.ts';

const PACKETS_PER_MS = 2;
const STEP_MS = 5;
/** So many get most of it: more than a look at a socket takes. */
const FLOODED = 1;
const RTP_COUNTS = {
  answered: ['partyline_rtp_packets_total{direction="in"}'],
  dropped: ['partyline_rtp_discarded_total'],
} as const;
/** On a bystander's own host, and on others. */
const HOSTS = ['127.0.0.1', STRANGER, '127.0.0.10'];

async function bound(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

/** Sends what `next` makes until it is over, from several hosts; nothing of it may ever be answered. */
async function shower(
  front: Front,
  next: () => { bytes: Buffer; port: number },
): Promise<{ sent: number; answers: number }> {
  const sockets = await Promise.all(HOSTS.map(bound));
  let [sent, answers] = [0, 0];
  for (const socket of sockets)
    socket.on('message', () => {
      answers += 1;
    });
  do {
    for (let i = 0; i < PACKETS_PER_MS * STEP_MS; i++) {
      const { bytes, port } = next();
      pick(front.random, sockets).send(bytes, port, '127.0.0.1');
      sent += 1;
    }
    await wait(STEP_MS);
  } while (!isOver(front));
  for (const socket of sockets) socket.close();
  return { sent, answers };
}

const answered = (answers: number): string[] => (answers === 0 ? [] : [`${answers} packets were sent to strangers`]);

/** A loud square wave as PCMU: whoever hears it hears tones that nobody of the call makes. */
function loud(random: Random, sequence: number): Buffer {
  const packet = Buffer.alloc(172);
  packet[0] = 0x80;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE((sequence * 160) >>> 0, 4);
  packet.writeUInt32BE(below(random, 4), 8);
  for (let i = 0; i < 160; i++) packet[12 + i] = i % 8 < 4 ? 0x80 : 0x00;
  return packet;
}

export const rtpInjection: Attack = {
  name: 'rtp-injection',
  about: 'sound for other people’s calls, and noise, from their own host and from others',
  counts: RTP_COUNTS,
  run: async (front) => {
    const { random, bystanders } = front;
    let sequence = 0;
    const { sent, answers } = await shower(front, () => {
      sequence += 1;
      const { port } = pick(random, random() < 0.6 ? bystanders.slice(0, FLOODED) : bystanders);
      const kind = random();
      if (kind < 0.5) return { bytes: loud(random, sequence), port };
      if (kind < 0.8) return { bytes: mutateBytes(rtpPacket(random), random), port };
      return { bytes: noise(random, kind < 0.82 ? 9000 : 200), port };
    });
    return { sent, wrong: answered(answers) };
  },
};

/** A compound that says goodbye for a stream, and reports of what never was. */
function forged(random: Random): Buffer {
  if (random() < 0.4) return rtcpCompound(random);
  const ssrc = below(random, 2 ** 32);
  const report = Buffer.alloc(28);
  report.set([0x80, 200, 0, 6]);
  report.writeUInt32BE(ssrc, 4);
  for (let at = 8; at < 28; at += 4) report.writeUInt32BE(below(random, 2 ** 32), at);
  const goodbye = Buffer.alloc(8);
  goodbye.set([0x81, 203, 0, 1]);
  goodbye.writeUInt32BE(ssrc, 4);
  return Buffer.concat([report, goodbye]);
}

export const rtcpForgery: Attack = {
  name: 'rtcp-forgery',
  about: 'goodbyes, reports and noise of RTCP for other people’s calls, on both their ports',
  counts: RTP_COUNTS,
  run: async (front) => {
    const { random, bystanders } = front;
    const { sent, answers } = await shower(front, () => ({
      bytes: random() < 0.8 ? forged(random) : mutateBytes(forged(random), random),
      port: pick(random, bystanders).port + (random() < 0.7 ? 1 : 0),
    }));
    return { sent, wrong: answered(answers) };
  },
};

const EVENT_TYPE = 101;
const ANSWER_MS = 4000;

/** A call of ours that is believed, as its packets come from where its SDP says: spoiled in all that follows. */
export const rtpCaller: Attack = {
  name: 'rtp-caller',
  about: 'a caller whose own RTP, digits and RTCP are spoiled: the call goes on, and nobody else hears of it',
  counts: RTP_COUNTS,
  conceals: true,
  run: async (front) => {
    const { server, random } = front;
    const wrong: string[] = [];
    const [wire, rtp] = [await Wire.open('UDP', TRUSTED.caller, server.sipPort), await bound(TRUSTED.caller)];
    let heard = 0;
    rtp.on('message', () => {
      heard += 1;
    });
    const script = new CallScript({ uri: `sip:fire-rtp@127.0.0.1:${server.sipPort}`, local: wire.local });
    const invite = script.request('INVITE', {
      body: sdpText({ address: TRUSTED.caller, port: rtp.address().port, payloads: '0 101' }),
    });
    const final = await wire.ask(invite, ANSWER_MS);
    const port = Number(/^m=audio (\d+)/m.exec(final?.body ?? '')?.[1]);
    if (final?.status !== 200) {
      wire.close();
      rtp.close();
      return { sent: 0, wrong: [`the caller got ${final?.status ?? 'no answer'}`] };
    }
    script.learn(final);
    wire.send(script.request('ACK'));
    let sent = 0;
    do {
      for (let i = 0; i < STEP_MS; i++) {
        const sound = rtpPacket(random, pick(random, [0, 0, EVENT_TYPE, 72, 127]));
        // A few good numbers in a row are learned; then they jump, and so does who sends.
        if (random() < 0.7) sound.writeUInt32BE(7, 8);
        if (random() < 0.7) sound.writeUInt16BE((sent >> 2) & 0xffff, 2);
        rtp.send(random() < 0.5 ? sound : mutateBytes(sound, random), port, '127.0.0.1');
        if (random() < 0.1) rtp.send(forged(random), port + 1, '127.0.0.1');
        sent += 1;
      }
      await wait(STEP_MS);
    } while (!isOver(front));
    if (heard < 1) wrong.push('the caller heard nothing');
    const ended = wire.received.some(({ method }) => method === 'BYE');
    if (ended) wrong.push('the caller was hung up');
    const bye = await finish(wire, invite, final);
    if (!ended && bye?.status !== 200) wrong.push(`her BYE got ${bye?.status ?? 'no answer'}`);
    wire.close();
    rtp.close();
    return { sent, wrong, note: `${heard} packets heard by herself` };
  },
};
