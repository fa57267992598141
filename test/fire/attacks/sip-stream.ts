import { setTimeout as wait } from 'node:timers/promises';
import { CallScript } from '../../support/sip-script.ts';
import { type Attack, type Front, isOver, STRANGER, TRUSTED } from '../attack.ts';
import { Wire } from '../wire.ts';
import { SIP_COUNTS } from './sip-torture.ts';

const ANSWER_MS = 4000;
/** More than one source may have open. */
const IDLE_CONNECTIONS = 260;

/** Connections that say nothing, too much, too slowly, or do not listen. */
export const sipStream: Attack = {
  name: 'sip-stream',
  about: 'SIP connections that drip, lie about lengths, never end their headers, stay idle or do not read',
  counts: SIP_COUNTS,
  run: async (front) => {
    const wrong: string[] = [];
    const open: Wire[] = [];
    let sent = 0;
    const connect = async (from: string): Promise<Wire | undefined> => {
      const wire = await Wire.open('TCP', from, front.server.sipPort).catch(() => undefined);
      if (wire) open.push(wire);
      return wire;
    };
    const options = (wire: Wire): string =>
      new CallScript({
        uri: `sip:torture@127.0.0.1:${front.server.sipPort}`,
        transport: 'TCP',
        local: wire.local,
      }).request('OPTIONS');
    try {
      for (let i = 0; i < IDLE_CONNECTIONS; i++) {
        await connect(STRANGER);
        sent += 1;
      }
      do {
        for (const each of [cutAnywhere, twoAtOnce, endless, huge, nonsense, ping]) {
          const wire = await connect(TRUSTED.stream);
          if (!wire) continue;
          const fault = await each(wire, options(wire), front);
          if (fault !== undefined) wrong.push(fault);
          wire.close();
          open.pop();
          sent += 1;
        }
        const deaf = await connect(TRUSTED.deaf);
        if (deaf) for (let i = 0; i < 50; i++) deaf.send(options(deaf));
        sent += 50;
        await wait(20);
      } while (!isOver(front));
    } finally {
      for (const wire of open) wire.close();
    }
    return { sent, wrong };
  },
};

/** One message in pieces of a few bytes. */
async function cutAnywhere(wire: Wire, text: string, { random }: Front): Promise<string | undefined> {
  for (let at = 0; at < text.length; ) {
    const next = at + 1 + Math.floor(random() * 60);
    wire.send(text.slice(at, next));
    at = next;
    await wait(1);
  }
  const final = await wire.final(ANSWER_MS);
  return final ? undefined : 'a message that came in pieces got no answer';
}

async function twoAtOnce(wire: Wire, text: string): Promise<string | undefined> {
  wire.send(
    text + text.replace(/^CSeq: \d+/m, 'CSeq: 2').replace(/branch=\w+/, 'branch=z9hG4bKsecond') + text.slice(0, 40),
  );
  const finals = [await wire.final(ANSWER_MS), await wire.final(ANSWER_MS)];
  return finals.every(Boolean) ? undefined : 'of two messages at once one got no answer';
}

/** More of headers than a message may have. */
async function endless(wire: Wire, text: string): Promise<string | undefined> {
  wire.send(text.slice(0, text.indexOf('\r\n') + 2));
  for (let sent = 0; sent < 80_000 && !wire.closed; sent += 8000) wire.send(`X-Endless: ${'x'.repeat(8000 - 13)}\r\n`);
  await wire.next(() => false, ANSWER_MS);
  return wire.closed ? undefined : 'headers without an end did not end the connection';
}

async function huge(wire: Wire, text: string): Promise<string | undefined> {
  wire.send(text.replace(/Content-Length: \d+/, 'Content-Length: 2147483647'));
  const final = await wire.final(ANSWER_MS);
  return final?.status === 413 ? undefined : `2 GB of body got ${final?.status ?? 'no answer'}, not 413`;
}

async function nonsense(wire: Wire, _: string, { random }: Front): Promise<string | undefined> {
  const bytes = Buffer.from(Uint8Array.from({ length: 3000 }, () => Math.floor(random() * 256)));
  wire.send(Buffer.concat([bytes, Buffer.from('\r\n\r\n')]));
  await wire.next(() => false, ANSWER_MS);
  return wire.closed ? undefined : 'nonsense did not end the connection';
}

async function ping(wire: Wire, text: string): Promise<string | undefined> {
  wire.send('\r\n\r\n'.repeat(5000) + text);
  return (await wire.final(ANSWER_MS)) ? undefined : 'a message behind many pings got no answer';
}
