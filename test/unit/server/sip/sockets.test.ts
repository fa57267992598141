import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, suite, test } from 'node:test';
import { systemClock } from '../../../../media/time/clock.ts';
import type { Directory } from '../../../../server/mpc/index.ts';
import { Contacts } from '../../../../server/sip/contacts.ts';
import type { SipObserver } from '../../../../server/sip/observer.ts';
import { type SipDeps, type SipServer, startSip } from '../../../../server/sip/start.ts';
import { StartError } from '../../../../server/start-error.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { until } from '../../../support/server.ts';
import { SipClient } from '../../../support/sip-client.ts';
import { CallScript, sdpText } from '../../../support/sip-script.ts';
import { callsFor, directoryFor, FakeEngine, silentLog } from './doubles.ts';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

interface Running {
  readonly server: SipServer;
  readonly engine: FakeEngine;
  readonly directory: Directory;
  readonly drops: Map<string, number>;
}

async function start(changes: Partial<SipDeps> = {}): Promise<Running> {
  const engine = new FakeEngine();
  const directory = directoryFor(engine);
  const drops = new Map<string, number>();
  const observer: SipObserver = {
    request: () => {},
    response: () => {},
    dropped: (reason) => drops.set(reason, (drops.get(reason) ?? 0) + 1),
    dialogs: () => {},
    authenticated: () => {},
    registration: () => {},
    contactDisplaced: () => {},
  };
  const contacts = new Contacts({
    clock: systemClock,
    now: () => new Date(),
    shelf: { put: () => {}, delete: () => {} },
    maxPerUser: 10,
    maxRoutes: 20,
  });
  const server = await startSip({
    host: '127.0.0.1',
    port: 0,
    publicAddress: '127.0.0.1',
    trusted: ['127.0.0.0/8', '::1/128'],
    rateLimit: 1000,
    calls: callsFor(engine, directory),
    engine: engine.asEngine(),
    log: silentLog(),
    observer,
    users: {
      realm: 'example.com',
      algorithms: ['MD5'],
      failuresPerMinute: 20,
      has: () => false,
      ha1: () => undefined,
      contacts,
      keptContacts: [],
    },
    closeMs: 200,
    ...changes,
  });
  open.push(server);
  return { server, engine, directory, drops };
}

async function client(kind: 'udp' | 'tcp', port: number, host?: string): Promise<SipClient> {
  const made = await SipClient[kind](port, host);
  open.push(made);
  return made;
}

function scriptFor(peer: SipClient, transport: 'UDP' | 'TCP' = 'UDP'): CallScript {
  return new CallScript({ uri: 'sip:demo@127.0.0.1', local: peer.local, transport });
}

for (const kind of ['udp', 'tcp'] as const) {
  suite(`over ${kind.toUpperCase()}`, () => {
    test('a call is made, changed and ended by the caller', async () => {
      const { server, engine, directory } = await start();
      const peer = await client(kind, server.port);
      const script = scriptFor(peer, kind === 'udp' ? 'UDP' : 'TCP');
      peer.send(script.request('INVITE', { body: sdpText() }));
      const answer = await peer.final();
      assert.equal(answer.status, 200);
      script.learn(answer);
      peer.send(script.request('ACK'));
      peer.send(script.request('INVITE', { body: sdpText({ direction: 'sendonly' }) }));
      assert.match((await peer.final()).body, /a=recvonly/);
      peer.send(script.request('ACK'));
      peer.send(script.request('BYE'));
      assert.equal((await peer.final()).status, 200);
      assert.equal(directory.memberCount, 0);
      assert.equal(engine.leg.closed, true);
      assert.equal(server.stats().dialogs, 0);
    });

    test('a call is ended by us', async () => {
      const { server, directory } = await start();
      const peer = await client(kind, server.port);
      const script = scriptFor(peer, kind === 'udp' ? 'UDP' : 'TCP');
      peer.send(script.request('INVITE', { body: sdpText() }));
      script.learn(await peer.final());
      peer.send(script.request('ACK'));
      peer.send(script.request('INFO'));
      await peer.final();
      directory.hangUpAll();
      const bye = await peer.next(({ method }) => method === 'BYE');
      peer.send(script.respond(bye, '200 OK'));
      const closing = server.close();
      await closing;
      assert.equal(server.stats().dialogs, 0);
    });
  });
}

suite('the port', () => {
  test('that is taken for UDP or TCP is refused by the name of its setting', async () => {
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    open.push(udp);
    const tcp = createServer();
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    open.push(tcp);
    const tcpAddress = tcp.address();
    assert.ok(typeof tcpAddress === 'object' && tcpAddress);
    for (const port of [udp.address().port, tcpAddress.port])
      await assert.rejects(start({ port }), (error) => {
        assert.ok(error instanceof StartError);
        assert.match(error.message, new RegExp(`SIP_PORT=${port}`));
        return true;
      });
  });

  test('is the same for UDP and TCP, and free again after closing', async () => {
    const { server } = await start();
    for (const kind of ['udp', 'tcp'] as const) {
      const peer = await client(kind, server.port);
      peer.send(scriptFor(peer).request('OPTIONS'));
      assert.equal((await peer.final()).status, 200);
    }
    await server.close();
    await server.close();
    await start({ port: server.port });
  });

  test('takes IPv6', async () => {
    const { server } = await start({ host: '::1', publicAddress: '::1' });
    const peer = await client('udp', server.port, '::1');
    peer.send(scriptFor(peer).request('OPTIONS'));
    assert.match((await peer.final()).header('via') ?? '', /rport=\d+/);
  });

  test('takes IPv4 on a wildcard of IPv6, and trusts it as IPv4', async () => {
    const { server } = await start({ host: '::', publicAddress: '127.0.0.1' });
    for (const kind of ['udp', 'tcp'] as const) {
      const peer = await client(kind, server.port);
      peer.send(scriptFor(peer).request('OPTIONS'));
      assert.equal((await peer.final()).status, 200);
    }
  });
});

suite('a datagram', () => {
  test('that keeps a NAT open gets no answer, one after line ends does', async () => {
    const { server, drops } = await start();
    const peer = await client('udp', server.port);
    for (const keepAlive of ['\r\n\r\n', '\r\n', '\0\0\0\0', '']) peer.send(keepAlive);
    peer.send(`\r\n\r\n${scriptFor(peer).request('OPTIONS')}`);
    await peer.final();
    assert.equal(peer.received.length, 1);
    assert.deepEqual([...drops], []);
  });

  test('of garbage gets silence', async () => {
    const { server, drops } = await start();
    const peer = await client('udp', server.port);
    for (const garbage of [
      Buffer.alloc(1000),
      Buffer.alloc(1000, 0xff),
      Buffer.alloc(60_000, 'A'),
      'GET / HTTP/1.1\r\n\r\n',
    ])
      peer.send(garbage);
    // Datagrams may overtake each other, even here.
    await until('all are dropped', () => drops.get('garbage') === 4);
    peer.send(scriptFor(peer).request('OPTIONS'));
    await peer.final();
    assert.equal(peer.received.length, 1);
  });

  test('with an answer to nothing is not even read', async () => {
    const { server, drops } = await start();
    const peer = await client('udp', server.port);
    peer.send(`SIP/2.0 200 OK\r\n${scriptFor(peer).request('OPTIONS').split('\r\n').slice(1).join('\r\n')}`);
    await until('it is dropped', () => drops.get('stray') === 1);
    assert.deepEqual(peer.received, []);
  });

  test('over the rate gets 503, far over it nothing', async () => {
    const clock = new HandClock();
    const { server, drops } = await start({ rateLimit: 5, closeMs: 0, clock });
    const peer = await client('udp', server.port);
    for (let i = 0; i < 20; i++) peer.send(scriptFor(peer).request('OPTIONS'));
    await until('20 requests are dealt with', () => peer.received.length + (drops.get('rate') ?? 0) === 20);
    const count = (status: number) => peer.received.filter((message) => message.status === status).length;
    assert.deepEqual([count(200), count(503), drops.get('rate')], [5, 5, 10]);
  });
});

suite('a connection', () => {
  test('gets CRLF for a double CRLF', async () => {
    const { server } = await start();
    const peer = await client('tcp', server.port);
    peer.send('\r\n\r\n');
    await peer.until(() => peer.rest === '\r\n', 'the pong');
  });

  test('carries requests cut anywhere and several in a piece', async () => {
    const { server } = await start();
    const peer = await client('tcp', server.port);
    const two = scriptFor(peer, 'TCP').request('OPTIONS') + scriptFor(peer, 'TCP').request('OPTIONS');
    peer.send(two.slice(0, 150));
    peer.send(two.slice(150));
    await peer.final();
    await peer.final();
  });

  test('that loses its frame is answered, if it can be, and closed', async () => {
    const { server, drops } = await start();
    for (const [length, status] of [
      ['-1', 400],
      ['2147483647', 413],
    ] as const) {
      const peer = await client('tcp', server.port);
      peer.send(scriptFor(peer, 'TCP').request('OPTIONS', { headers: { 'Content-Length': length } }));
      assert.equal((await peer.final()).status, status);
      await peer.until(() => peer.closed, 'the end');
    }
    const peer = await client('tcp', server.port);
    peer.send('GET / HTTP/1.1\r\n\r\n');
    await peer.until(() => peer.closed, 'the end');
    assert.equal(drops.get('oversize'), 1);
    assert.equal(drops.get('garbage'), 1);
  });

  test('that drips is closed when its message takes too long', async () => {
    const { server, drops } = await start({ limits: { streamMessageMs: 100 } });
    const peer = await client('tcp', server.port);
    peer.send('OPTIONS sip:x@y SIP/2.0\r\n');
    await peer.until(() => peer.closed, 'the end');
    assert.equal(drops.get('slow'), 1);
  });

  test('without a call is closed when it is idle, one with a call is not', async () => {
    const { server } = await start({ limits: { streamIdleMs: 100 } });
    const idle = await client('tcp', server.port);
    const busy = await client('tcp', server.port);
    const script = scriptFor(busy, 'TCP');
    busy.send(script.request('INVITE', { body: sdpText() }));
    script.learn(await busy.final());
    busy.send(script.request('ACK'));
    await idle.until(() => idle.closed, 'the end');
    const late = await client('tcp', server.port);
    await late.until(() => late.closed, 'the end of one that came later');
    assert.equal(busy.closed, false);
    busy.send(script.request('BYE'));
    await busy.final();
    await busy.until(() => busy.closed, 'the end after the call');
  });

  test('too many are closed at once', async () => {
    const { server, drops } = await start({ limits: { connectionsPerSource: 2 } });
    const peers = [
      await client('tcp', server.port),
      await client('tcp', server.port),
      await client('tcp', server.port),
    ];
    const third = peers[2]!;
    await third.until(() => third.closed, 'the end');
    assert.equal(drops.get('connections'), 1);
    assert.equal(server.stats().connections, 2);
  });

  test('that presses too hard is slowed down: every request is answered, some with 503', async () => {
    const { server } = await start({ rateLimit: 5 });
    const peer = await client('tcp', server.port);
    for (let i = 0; i < 12; i++) peer.send(scriptFor(peer, 'TCP').request('OPTIONS'));
    await peer.until(() => peer.received.length === 12, 'twelve answers');
    assert.ok(peer.received.some(({ status }) => status === 503));
  });
});
