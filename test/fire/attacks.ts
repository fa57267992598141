import type { Attack, Sighting } from './attack.ts';
import { digest } from './attacks/digest.ts';
import { http } from './attacks/http.ts';
import { thousandPlays } from './attacks/plays.ts';
import { rtcpForgery, rtpCaller, rtpInjection } from './attacks/rtp.ts';
import { sdp } from './attacks/sdp.ts';
import { sipFlood } from './attacks/sip-flood.ts';
import { sipStream } from './attacks/sip-stream.ts';
import { sipTortureTcp, sipTortureUdp } from './attacks/sip-torture.ts';
import { hostileSource } from './attacks/source.ts';
import { ssrf } from './attacks/ssrf.ts';
import { websocket } from './attacks/websocket.ts';

export const ATTACKS: readonly Attack[] = [
  sipTortureUdp,
  sipTortureTcp,
  sipStream,
  sdp,
  digest,
  sipFlood,
  rtpInjection,
  rtcpForgery,
  rtpCaller,
  websocket,
  http,
  hostileSource,
  ssrf,
  thousandPlays,
];

const UNANSWERED = /got no answer/;

/** Several attacks in the same time, as one. */
export function together(attacks: readonly Attack[], name = 'everything'): Attack {
  const series = (fate: 'answered' | 'refused' | 'dropped'): string[] => [
    ...new Set(attacks.flatMap(({ counts }) => counts[fate] ?? [])),
  ];
  return {
    name,
    about: 'all of the others at once',
    counts: { answered: series('answered'), refused: series('refused'), dropped: series('dropped') },
    ...(attacks.some(({ conceals }) => conceals) ? { conceals: true as const } : {}),
    run: async (front): Promise<Sighting> => {
      const sightings = await Promise.all(attacks.map((attack) => attack.run(front)));
      const wrong = sightings.flatMap(({ wrong }, i) => wrong.map((what) => `${attacks[i]?.name}: ${what}`));
      // A flood may drown the others' requests before the server sees them; who is answered must be answered rightly.
      const drowned = wrong.filter((what) => UNANSWERED.test(what));
      return {
        sent: sightings.reduce((sum, { sent }) => sum + sent, 0),
        wrong: wrong.filter((what) => !UNANSWERED.test(what)),
        note: `${drowned.length} requests of attackers got no answer`,
      };
    },
  };
}
