import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { mutateBytes } from '../../fuzz/mutate.ts';
import { pick } from '../../fuzz/target.ts';
import { audioFixture, id3Tag, wavFile } from '../../support/audio-files.ts';
import {
  Canary,
  cutsShort,
  drips,
  endless,
  type Handler,
  neverAnswers,
  resets,
  speaksRaw,
  stalls,
} from '../../support/clip-server.ts';
import { playlistsTo } from '../../support/playlists.ts';
import { type Attack, type Front, isOver } from '../attack.ts';

const PAUSE_MS = 20;
/** Nothing that comes through may be heard: bystanders are judged by what they hear. */
const SILENCE = wavFile({ tag: 1, bits: 16, channels: 1, sampleRate: 8000, data: Buffer.alloc(16_000) });
const MP3 = audioFixture('mono-8000-cbr.mp3');

const told =
  (headers: Record<string, string | number>, body: Uint8Array, status = 200): Handler =>
  (_, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };

/** Every way in which a source can be bad, by path. */
function waysOf(canary: Canary, front: Front): Record<string, Handler> {
  const inside = `http://127.0.0.1:${canary.port}/x.mp3`;
  const playlists = playlistsTo(canary.port).map((text) => Buffer.from(text.repeat(20)));
  const head = SILENCE.subarray(0, 44);
  const raw = (...pieces: (string | Uint8Array)[]): Handler => speaksRaw(pieces, 20);
  return {
    mute: neverAnswers,
    reset: resets,
    stall: stalls(SILENCE.subarray(0, 4000)),
    drip: drips(SILENCE, 20),
    endless: endless(SILENCE),
    'endless-tag': endless(id3Tag(1000, 200_000_000)),
    short: cutsShort(SILENCE.subarray(0, 6000), SILENCE.length),
    'ten-gigabytes': told({ 'content-length': 10 * 2 ** 30 }, head),
    'two-lengths': raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nRIFF'),
    'bad-chunks': raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nRIFF'),
    'slow-head': raw('HTTP/1.1 200 OK\r\n', ...Array.from({ length: 200 }, (_, i) => `X-${i}: y\r\n`)),
    'huge-head': raw(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`),
    'wait-for-ever': raw(...Array.from({ length: 200 }, () => 'HTTP/1.1 100 Continue\r\n\r\n')),
    'no-http': raw(Buffer.from([0, 1, 2, 3, 0xff, 0xfe])),
    bomb: told({ 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(8 << 20))),
    'bomb-unsaid': told({ 'content-type': 'audio/mpeg' }, gzipSync(Buffer.alloc(8 << 20))),
    html: told({ 'content-type': 'text/html' }, Buffer.from('<html></html>')),
    noise: told({}, Buffer.alloc(50_000, 0xff)),
    loop: (_, response) => response.writeHead(302, { location: '/loop' }).end(),
    chain: (request, response) => response.writeHead(302, { location: `${request.url}1` }).end(),
    inside: (_, response) => response.writeHead(302, { location: inside }).end(),
    'inside-by-name': (_, response) =>
      response.writeHead(307, { location: inside.replace('127.0.0.1', 'localhost') }).end(),
    'other-scheme': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    'lying-rate': told({}, wavFile({ tag: 1, bits: 16, channels: 1, sampleRate: 1, data: Buffer.alloc(9000) })),
    'long-when-decoded': told(
      {},
      wavFile({
        tag: 1,
        bits: 8,
        channels: 1,
        sampleRate: 4000,
        data: Buffer.alloc(400_000, 128),
        dataLength: 2 ** 32 - 1,
      }),
    ),
    spoiled: (_, response) => response.end(mutateBytes(MP3.subarray(0, 300), front.random)),
    ...Object.fromEntries(
      playlists.map((playlist, i) => [`list-${i}`, told({ 'content-type': 'audio/mpeg' }, playlist)]),
    ),
    'list-behind-a-tag': told({}, Buffer.concat([id3Tag(10), ...playlists])),
  };
}

export const hostileSource: Attack = {
  name: 'source',
  about:
    'plays of a source that stalls, drips, lies about lengths, never ends, redirects, and hides bombs and playlists',
  counts: {
    answered: ['partyline_plays_total'],
    refused: ['partyline_http_refusals_total', 'partyline_clip_failures_total'],
  },
  run: async (front) => {
    const { server, source, random, rooms } = front;
    const canary = await Canary.start();
    const ways = waysOf(canary, front);
    const paths = Object.entries(ways).map(([name, handler]) => source.on(`/${name}`, handler));
    const wrong: string[] = [];
    let sent = 0;
    const start = async (url: string): Promise<void> => {
      const path = `/MultiPartyCall/name_${pick(random, rooms)}/Member/all/Play/`;
      const { status } = await server.api('POST', path, { url: `${url}?${front.serial()}` });
      if (status !== 202 && status !== 429) wrong.push(`a play of ${url} got ${status}`);
      sent += 1;
      await wait(PAUSE_MS);
    };
    for (const url of paths) await start(url);
    while (!isOver(front)) await start(pick(random, paths));
    await stopPlays(front);
    if (canary.connections > 0) wrong.push(`${canary.connections} connections to where nobody may go`);
    await canary.close();
    return { sent, wrong, note: `${Object.keys(ways).length} ways` };
  },
};

/** Nothing of them goes on. */
export async function stopPlays({ server, rooms }: Front): Promise<void> {
  for (const room of rooms) await server.api('DELETE', `/MultiPartyCall/name_${room}/Play/`);
}
