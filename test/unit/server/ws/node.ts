import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import { systemClock } from '../../../../media/time/clock.ts';
import type { AuthResult } from '../../../../server/auth.ts';
import { Calls } from '../../../../server/calls/index.ts';
import { Directory, type Mpc } from '../../../../server/mpc/index.ts';
import { attachStreams, type StreamEndpoint, type StreamLimits, StreamTokens } from '../../../../server/ws/index.ts';
import { JoinRefused, WsClient, type WsClientOptions } from '../../../support/ws-client.ts';
import { FakeEngine, type FakeLeg } from './doubles.ts';

/* A real HTTP server with the real endpoint and directory, on an engine in memory. */

export const AUTH_ID = 'MATEST';
export const AUTH_TOKEN = 'correct horse';
export const BASIC = `Basic ${Buffer.from(`${AUTH_ID}:${AUTH_TOKEN}`).toString('base64')}`;
export const DEMO = `/v1/Account/${AUTH_ID}/MultiPartyCall/name_demo/Stream/`;

export interface Node {
  readonly port: number;
  readonly wsUrl: string;
  readonly engine: FakeEngine;
  readonly directory: Directory;
  readonly tokens: StreamTokens;
  readonly endpoint: StreamEndpoint;
  readonly digits: string[];
  readonly logged: string[];
  /** The newest leg. */
  leg(): FakeLeg;
  join(options?: Partial<WsClientOptions>): Promise<WsClient>;
}

export const running: { readonly server: Server; readonly endpoint: StreamEndpoint; readonly peers: Set<Socket> }[] =
  [];

/** Ends what `start` began; for `afterEach`. */
export async function stopAll(): Promise<void> {
  for (const { server, endpoint, peers } of running.splice(0)) {
    const closed = endpoint.close();
    for (const peer of peers) peer.destroy();
    await closed;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
}

export async function start(
  limits: Partial<StreamLimits> = {},
  members: { readonly max?: number; readonly perMpc?: number } = {},
  auth?: AuthResult,
): Promise<Node> {
  const engine = new FakeEngine();
  let uuids = 0;
  const newUuid = (): string => {
    uuids += 1;
    return `00000000-0000-4000-8000-${String(uuids).padStart(12, '0')}`;
  };
  const directory = new Directory({
    engine: engine.asEngine,
    limits: { maxMembers: members.max ?? 100, maxMembersPerMpc: members.perMpc ?? 10 },
    sound: () => ({ sampleRate: 8000, floor: OPEN_FLOOR }),
    now: () => new Date(0),
    newUuid,
  });
  const calls = new Calls({
    engine: engine.asEngine,
    directory,
    roomSound: { sampleRate: 8000, floor: OPEN_FLOOR },
    maxCalls: 100,
    now: () => new Date(0),
    newUuid,
  });
  const tokens = new StreamTokens(systemClock);
  const digits: string[] = [];
  const logged: string[] = [];
  const log = (fields: unknown, text?: string): void => {
    logged.push(`${text} ${JSON.stringify(fields)}`);
  };
  const server = createServer((_request, response) => response.end('plain'));
  const peers = new Set<Socket>();
  server.on('connection', (peer) => peers.add(peer));
  const endpoint = attachStreams(server, {
    authId: AUTH_ID,
    authorize: (header) => auth ?? (header === BASIC ? { ok: true } : { ok: false, reason: 'denied' }),
    tokens,
    directory,
    calls,
    engine: engine.asEngine,
    clock: systemClock,
    newUuid,
    origins: ['https://console.example.com'],
    log: { debug: log, info: log, error: log },
    limits,
    onDigits: (_mpc, member, pressed) => digits.push(`${member.id}:${pressed}`),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  running.push({ server, endpoint, peers });
  const wsUrl = `ws://127.0.0.1:${port}`;
  return {
    port,
    wsUrl,
    engine,
    directory,
    tokens,
    endpoint,
    digits,
    logged,
    leg: () => engine.legs.at(-1) as FakeLeg,
    join: (options) => WsClient.join({ wsUrl, authId: AUTH_ID, authToken: AUTH_TOKEN, mpc: 'name_demo', ...options }),
  };
}

export function demo(node: Node): Mpc | undefined {
  return node.directory.find({ by: 'name', name: 'demo' });
}

export async function refusal(joining: Promise<WsClient>): Promise<JoinRefused> {
  const error = await joining.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof JoinRefused, `refused: ${error}`);
  assert.deepEqual(Object.keys(JSON.parse(error.body)), ['api_id', 'error']);
  return error;
}

/** Waits for something that follows from network events. */
export async function until(what: string, holds: () => boolean, waitMs = 5000): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!holds()) {
    if (performance.now() > deadline) assert.fail(`not within ${waitMs} ms: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
