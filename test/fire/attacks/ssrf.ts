import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { Canary } from '../../support/clip-server.ts';
import { LOOPBACK_HOSTS } from '../../support/loopback-spellings.ts';
import { type Attack, type Front, isOver } from '../attack.ts';
import { stopPlays } from './source.ts';

const PAUSE_MS = 5;
/** Names that only a resolver finds out to be this machine: such a play is taken, and then fails. */
const NAMES = [hostname(), 'ip6-localhost', 'ip6-loopback'];
const SETTLE_MS = 500;

type Form = readonly [method: string, path: string, body: (url: string) => object];

/** Everything that takes a URL. */
function formsOf({ rooms, bystanders }: Front, call: string): readonly Form[] {
  const room = `/MultiPartyCall/name_${rooms[0]}`;
  const first = bystanders[0]?.memberId ?? '1';
  const good = { url: 'https://192.0.2.1.invalid/never.mp3' };
  return [
    ['POST', `${room}/Member/all/Play/`, (url) => ({ url })],
    ['POST', `${room}/Member/${first}/Play/`, (url) => ({ urls: [url] })],
    ['POST', `${room}/Member/all/Play/`, (url) => ({ ...good, callback_url: url })],
    ['POST', `${room}/Member/all/Speak/`, (url) => ({ text: 'x', callback_url: url })],
    ['POST', `/Call/${call}/Play/`, (url) => ({ urls: url })],
    ['POST', `/Call/${call}/`, (url) => ({ legs: 'aleg', aleg_url: url })],
    ['POST', `/Call/${call}/Stream/`, (url) => ({ service_url: url.replace(/^http/i, 'ws') })],
    ['POST', `${room}/Record/`, (url) => ({ recording_callback_url: url })],
    ['POST', `${room}/Participant/`, (url) => ({ from: '1', to: '2', role: 'agent', status_callback_url: url })],
    ['POST', `${room}/Stream/`, (url) => ({ role: 'agent', status_callback_url: url })],
    ['POST', `${room}/Stream/`, (url) => ({ role: 'agent', wait_music_url: url })],
    ['POST', '/Clip/', (url) => ({ url })],
  ];
}

export const ssrf: Attack = {
  name: 'ssrf',
  about: 'URLs of this machine in every spelling and every field: nobody may ever connect',
  counts: {
    answered: ['partyline_plays_total'],
    refused: ['partyline_http_refusals_total', 'partyline_clip_failures_total{reason="refused_address"}'],
  },
  run: async (front) => {
    const { server, rooms } = front;
    const canaries = [await Canary.start()];
    const second = await Canary.start('::1').catch(() => undefined);
    if (second) canaries.push(second);
    const wrong: string[] = [];
    const { objects } = (await server.api('GET', `/MultiPartyCall/name_${rooms[0]}/Participant/`)).body as {
      objects: { call_uuid: string }[];
    };
    const forms = formsOf(front, objects[0]?.call_uuid ?? '');
    let sent = 0;
    do {
      for (const [at, host] of LOOPBACK_HOSTS.entries())
        for (const canary of canaries) {
          const [method, path, body] = forms[(at + front.serial()) % forms.length] ?? forms[0]!;
          const url = `http://${host}:${canary.port}/a.mp3?${sent}`;
          const { status } = await server.api(method, path, body(url));
          sent += 1;
          if (status < 400 || status >= 500) wrong.push(`${path} with ${JSON.stringify(body(url))} got ${status}`);
          await wait(PAUSE_MS);
        }
      for (const name of NAMES) {
        const url = `http://${name}:${canaries[0]?.port}/a.mp3?${front.serial()}`;
        const { status } = await server.api('POST', `/MultiPartyCall/name_${rooms[0]}/Member/all/Play/`, { url });
        sent += 1;
        if (![202, 400, 429].includes(status)) wrong.push(`a play of ${url} got ${status}`);
      }
      const own = `${server.httpUrl}/metrics`;
      const { status } = await server.api('POST', `/MultiPartyCall/name_${rooms[0]}/Member/all/Play/`, { url: own });
      if (status !== 400) wrong.push(`a play of our own port got ${status}`);
    } while (!isOver(front));
    await wait(SETTLE_MS);
    await stopPlays(front);
    for (const canary of canaries) {
      if (canary.connections > 0)
        wrong.push(`${canary.connections} connections to port ${canary.port} of this machine`);
      await canary.close();
    }
    return { sent, wrong, note: `${LOOPBACK_HOSTS.length} spellings in ${forms.length} fields` };
  },
};
