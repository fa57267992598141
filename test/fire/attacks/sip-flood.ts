import { setTimeout as wait } from 'node:timers/promises';
import { mutateText } from '../../fuzz/mutate.ts';
import { pick } from '../../fuzz/target.ts';
import { CallScript, sdpText } from '../../support/sip-script.ts';
import { type Attack, type Front, isOver, TRUSTED } from '../attack.ts';
import { Wire } from '../wire.ts';
import { SIP_COUNTS } from './sip-torture.ts';

const STRANGERS = 10;
const BATCH = 10;
/** Thousands a second from all of them together. */
const PAUSE_MS = 20;
const METHODS = ['INVITE', 'OPTIONS', 'REGISTER', 'BYE', 'REFER', 'CANCEL', 'ACK', 'MESSAGE', 'SUBSCRIBE', 'NONSENSE'];

export const sipFlood: Attack = {
  name: 'sip-flood',
  about:
    'requests of every method, whole and spoiled, from ten strangers and from a trusted neighbour, beyond any rate',
  counts: SIP_COUNTS,
  run: async (front) => {
    const from = [...Array.from({ length: STRANGERS }, (_, i) => `127.0.2.${i + 1}`), TRUSTED.flood];
    const wires = await Promise.all(from.map((address) => Wire.open('UDP', address, front.server.sipPort)));
    const wrong: string[] = [];
    let sent = 0;
    do {
      for (const wire of wires)
        for (let i = 0; i < BATCH; i++) wire.send(requestOf(front, wire, wire.local.startsWith(TRUSTED.flood)));
      sent += wires.length * BATCH;
      for (const wire of wires) {
        for (const { status, startLine } of wire.received)
          if (status === 500 || (status < 300 && status > 100 && !wire.local.startsWith(TRUSTED.flood)))
            wrong.push(`a stranger got ${startLine}`);
        wire.received.length = 0;
      }
      await wait(PAUSE_MS);
    } while (!isOver(front));
    for (const wire of wires) wire.close();
    return { sent, wrong };
  },
};

/** A trusted peer only asks what we can, so that it leaves no calls behind. */
function requestOf({ server, random }: Front, { local }: Wire, trusted: boolean): Buffer {
  const script = new CallScript({ uri: `sip:room-0@127.0.0.1:${server.sipPort}`, local });
  const method = trusted ? 'OPTIONS' : pick(random, METHODS);
  const response = Math.floor(random() * 2 ** 52)
    .toString(16)
    .padStart(32, '0');
  const headers: Record<string, string> =
    random() < 0.3
      ? {
          Authorization: `Digest username="a", realm="127.0.0.1", nonce="${random()}", uri="sip:x", response="${response}"`,
        }
      : {};
  const text = script.request(method, { body: method === 'INVITE' ? sdpText() : '', headers });
  return Buffer.from(random() < 0.6 ? mutateText(text, random) : text, 'latin1');
}
