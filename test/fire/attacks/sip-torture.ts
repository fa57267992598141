import { setTimeout as wait } from 'node:timers/promises';
import type { SipText } from '../../support/sip-script.ts';
import { type Attack, type Front, isOver, type Sighting, TRUSTED } from '../attack.ts';
import { judgeTorture, type TortureCase, tortureCases } from '../torture.ts';
import { Wire } from '../wire.ts';

/** How long an answer may take on a busy machine, and how long silence is waited for. */
const ANSWER_MS = 4000;
const SILENCE_MS = 120;
/** Below what one source may send in a second. */
const PAUSE_MS = 8;

export const SIP_COUNTS = {
  answered: ['partyline_sip_responses_total{class="2xx"}'],
  refused: ['3xx', '4xx', '5xx', '6xx'].map((kind) => `partyline_sip_responses_total{class="${kind}"}`),
  dropped: ['partyline_sip_dropped_total'],
} as const;

/** All cases once, each over a wire of its own; and again as long as there is time. */
function torture(transport: 'UDP' | 'TCP'): Attack {
  return {
    name: `sip-torture-${transport.toLowerCase()}`,
    about: `SIP messages after the categories of RFC 4475, over ${transport}`,
    counts: SIP_COUNTS,
    run: async (front) => {
      const wrong: string[] = [];
      const from = transport === 'UDP' ? TRUSTED.tortureUdp : TRUSTED.tortureTcp;
      let sent = 0;
      do {
        const wire = await Wire.open(transport, from, front.server.sipPort);
        const place = {
          transport,
          local: wire.local,
          server: `127.0.0.1:${front.server.sipPort}`,
          serial: front.serial(),
        };
        const cases = tortureCases(place).filter(({ datagramOnly }) => !datagramOnly || transport === 'UDP');
        wire.close();
        for (const each of cases) {
          const fault = await putTo(front, transport, from, each);
          if (fault !== undefined) wrong.push(fault);
          sent += 1;
          await wait(PAUSE_MS);
        }
      } while (!isOver(front));
      return { sent, wrong } satisfies Sighting;
    },
  };
}

async function putTo(
  front: Front,
  transport: 'UDP' | 'TCP',
  from: string,
  each: TortureCase,
): Promise<string | undefined> {
  const wire = await Wire.open(transport, from, front.server.sipPort);
  try {
    const silent = each.expect === 'silence';
    if (silent) wire.send(each.text);
    const final = await (silent ? wire.final(SILENCE_MS) : wire.ask(each.text, ANSWER_MS));
    if (final && /^INVITE /.test(each.text)) await finish(wire, each.text, final);
    return judgeTorture(each, final?.status);
  } finally {
    wire.close();
  }
}

/** ACK, and BYE where a call came of it, so that nothing is left behind. */
export async function finish(wire: Wire, invite: string, final: SipText): Promise<SipText | undefined> {
  const target =
    final.status < 300
      ? (/<([^>]+)>/.exec(final.header('contact') ?? '')?.[1] ?? 'sip:x')
      : (invite.split(' ')[1] ?? '');
  const request = (method: string, number: number, via: string): string =>
    [
      `${method} ${target} SIP/2.0`,
      `Via: ${via}`,
      `From: ${final.header('from')}`,
      `To: ${final.header('to')}`,
      `Call-ID: ${final.header('call-id')}`,
      `CSeq: ${number} ${method}`,
      'Max-Forwards: 70',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  const number = Number.parseInt(final.header('cseq') ?? '', 10);
  const ours = (): string =>
    `SIP/2.0/${wire.transport} ${wire.local};branch=z9hG4bK${Math.random().toString(36).slice(2)};rport`;
  if (final.status >= 300) {
    wire.send(request('ACK', number, final.headers('via')[0]?.split(',')[0] ?? ours()));
    return undefined;
  }
  wire.send(request('ACK', number, ours()));
  return wire.ask(request('BYE', number + 1, ours()), ANSWER_MS, ({ text }) => /^cseq:.*BYE/im.test(text));
}

export const sipTortureUdp = torture('UDP');
export const sipTortureTcp = torture('TCP');
