import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import { noise } from '../../fuzz/mutate.ts';
import { below, pick } from '../../fuzz/target.ts';
import { RawHttp } from '../../support/raw-http.ts';
import { type Attack, type Front, isOver } from '../attack.ts';

/** One of several, so that sockets that are still being closed count for others. */
const hostOf = (serial: number): string => `127.0.4.${1 + (serial % 200)}`;
const CLOSE_MS = 4000;
const SLOW_READERS = 5;

/** A client's frame with a mask of zeros. */
function frame(first: number, payload: Buffer): Buffer {
  const length = payload.length;
  const head =
    length < 126
      ? Buffer.from([first, 0x80 | length])
      : length < 65_536
        ? Buffer.from([first, 0xfe, length >> 8, length & 0xff])
        : Buffer.concat([
            Buffer.from([first, 0xff, 0, 0, 0, 0]),
            Buffer.from(new Uint32Array([length]).buffer).swap32(),
          ]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

const TEXT = 0x81;
const BINARY = 0x82;
const PING = 0x89;
const bomb = deflateRawSync(Buffer.alloc(4 << 20));

/** What is written after the handshake, and the codes with which it may be closed; none: it may stay open. */
const CASES: readonly (readonly [what: string, codes: readonly number[], bytes: (front: Front) => Buffer])[] = [
  ['no mask', [1002], () => Buffer.concat([Buffer.from([0x81, 2]), Buffer.from('{}')])],
  ['reserved bits', [1002], () => frame(0xf1, Buffer.from('{}'))],
  ['an unknown opcode', [1002], () => frame(0x83, Buffer.from('{}'))],
  ['a long ping', [1002], () => frame(PING, Buffer.alloc(126))],
  ['a continuation of nothing', [1002], () => frame(0x80, Buffer.from('{}'))],
  ['bad UTF-8', [1007], () => frame(TEXT, Buffer.from([0xc3, 0x28]))],
  [
    'a length of 2^63',
    [1009, 1002],
    () => Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
  ],
  ['a message over 64 kB', [1009], () => frame(BINARY, Buffer.alloc(65_537))],
  [
    'fragments without an end',
    [1009],
    () =>
      Buffer.concat([
        frame(0x02, Buffer.alloc(1000)),
        ...Array.from({ length: 80 }, () => frame(0x00, Buffer.alloc(1000))),
      ]),
  ],
  ['a compressed bomb that nobody agreed to', [1002], () => frame(0xc2, bomb.subarray(0, 60_000))],
  ['a flood of pings', [1008], () => Buffer.concat(Array.from({ length: 10_000 }, () => frame(PING, Buffer.alloc(0))))],
  ['nonsense', [1008], () => Buffer.concat(Array.from({ length: 12 }, () => frame(TEXT, Buffer.from('no'))))],
  [
    'deep JSON',
    [1008],
    () => Buffer.concat(Array.from({ length: 12 }, () => frame(TEXT, Buffer.from('['.repeat(30_000))))),
  ],
  ['noise', [], ({ random }) => noise(random, 3000)],
  ['a flood of audio', [], () => Buffer.concat(Array.from({ length: 2000 }, () => frame(BINARY, Buffer.alloc(160))))],
];

export const websocket: Attack = {
  name: 'websocket',
  about: 'WebSockets that break the protocol, flood, carry bombs, do not read, or never finish their upgrade',
  counts: {
    answered: ['partyline_ws_accepted_total'],
    refused: ['partyline_ws_refused_total', 'partyline_ws_closed_total'],
    dropped: ['partyline_ws_dropped_total', 'partyline_ws_wrong_messages_total'],
  },
  run: async (front) => {
    const wrong: string[] = [];
    const slow = Array.from({ length: SLOW_READERS }, () => {
      const reader = open(front);
      reader.socket.once('data', () => reader.socket.pause());
      return reader;
    });
    let sent = SLOW_READERS;
    do {
      for (const [what, codes, bytes] of CASES) {
        const fault = await attempt(front, what, codes, bytes(front));
        if (fault !== undefined) wrong.push(fault);
        for (const each of halfOpen(front)) {
          setTimeout(() => each.destroy(), 300).unref();
          sent += 1;
        }
        sent += 1;
      }
    } while (!isOver(front));
    for (const reader of slow) reader.destroy();
    return { sent, wrong };
  },
};

function open(front: Front, more = ''): RawHttp {
  const { server } = front;
  const authorization = Buffer.from(`${server.authId}:${server.authToken}`).toString('base64');
  const raw = new RawHttp(server.httpUrl, hostOf(front.serial()));
  raw.write(
    `GET /v1/Account/${server.authId}/MultiPartyCall/name_fire-ws/Stream/?content_type=audio/x-l16;rate=16000 HTTP/1.1\r\n` +
      `Host: 127.0.0.1:${new URL(server.httpUrl).port}\r\nAuthorization: Basic ${authorization}\r\nConnection: Upgrade\r\n` +
      `Upgrade: websocket\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n${more}\r\n`,
  );
  return raw;
}

async function attempt(
  front: Front,
  what: string,
  codes: readonly number[],
  bytes: Buffer,
): Promise<string | undefined> {
  const raw = open(front);
  const deadline = performance.now() + CLOSE_MS;
  while (!raw.received.includes('\r\n\r\n') && performance.now() < deadline) await wait(5);
  const [head = ''] = raw.received.split('\r\n\r\n');
  if (!head.startsWith('HTTP/1.1 101')) {
    raw.destroy();
    return `${what}: an upgrade got ${head.slice(0, 40) || 'no answer'}`;
  }
  if (/^sec-websocket-extensions:/im.test(head)) return `${what}: compression was agreed to`;
  raw.socket.write(bytes);
  const found = (): number | undefined => codes.find((code) => hasClose(raw.received, code));
  if (codes.length === 0) await wait(30);
  else while (found() === undefined && performance.now() < deadline) await wait(10);
  const fault =
    codes.length === 0 || found() !== undefined ? undefined : `${what}: not closed with ${codes.join(' or ')}`;
  raw.destroy();
  return fault;
}

/** True when a close frame with this code is among what came. */
function hasClose(received: string, code: number): boolean {
  return received.includes(String.fromCharCode(code >> 8, code & 0xff), received.indexOf('\x88'));
}

/** Upgrades that are wrong, of nobody, or not all there. */
function halfOpen(front: Front): RawHttp[] {
  const { server, random } = front;
  const path = `/v1/Account/${server.authId}/MultiPartyCall/name_fire-ws/Stream/`;
  const upgrade = 'Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n';
  return [
    `GET ${path} HTTP/1.1\r\n${upgrade}Sec-WebSocket-Key: x\r\n\r\n`,
    `GET ${path} HTTP/1.1\r\n${upgrade}Sec-WebSocket-Key: `,
    `GET ${path} HTTP/1.1\r\n${upgrade.replace('13', String(below(random, 100)))}Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n`,
    `GET ${path} HTTP/1.1\r\n${upgrade}Origin: ${pick(random, ['null', 'https://evil.example', 'http://127.0.0.1.evil.example'])}\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n`,
    `POST ${path} HTTP/1.1\r\n${upgrade}Content-Length: 5\r\n\r\nabcde`,
  ].map((bytes) => new RawHttp(server.httpUrl, hostOf(front.serial())).write(bytes));
}
