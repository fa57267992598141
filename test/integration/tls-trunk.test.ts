import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { Authority, type IssuedFiles } from '../support/authority.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { answerTo } from '../support/sip-answer.ts';
import { SipClient } from '../support/sip-client.ts';
import { sdpText } from '../support/sip-script.ts';

/** Somebody who takes SIP by TLS, and keeps all that comes. */
class Peer {
  readonly sockets: TLSSocket[] = [];
  readonly callers: SipClient[] = [];
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('secureConnection', (socket) => {
      this.sockets.push(socket);
      this.callers.push(SipClient.accepted(socket));
    });
    server.on('tlsClientError', () => {});
  }

  static async with({ certPath, keyPath }: IssuedFiles): Promise<Peer> {
    const pair = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
    const server = createServer({ ...pair, requestCert: true, rejectUnauthorized: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Peer(server);
  }

  /** The next connection that says anything. */
  async called(): Promise<SipClient> {
    return until('a call', () => this.callers.find(({ received }) => received.length > 0));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

suite('calls by TLS', () => {
  const [ours, theirs] = [new Authority(), new Authority()];
  let server: TestServer;
  let carrier: Peer;
  let stranger: Peer;
  let misnamed: Peer;

  before(async () => {
    carrier = await Peer.with(ours.issue('carrier'));
    stranger = await Peer.with(theirs.issue('stranger'));
    misnamed = await Peer.with(ours.issue('misnamed', 'DNS:elsewhere.example'));
    const { certPath, keyPath } = ours.issue('partyline');
    const ports = [carrier, stranger, misnamed].map(({ port }) => `127.0.0.1:${port}`);
    server = await startServer(
      {
        TLS_CERT: certPath,
        TLS_KEY: keyPath,
        SIP_TLS_CA: ours.caPath,
        SIP_TRUNK: `sip:localhost:${carrier.port};transport=tls`,
        SIP_DIAL_ALLOW: ports.join(','),
        DIAL_ALLOW: '49',
        SRTP: 'off',
      },
      { ca: ours.ca },
    );
  });

  after(async () => {
    for (const peer of [carrier, stranger, misnamed]) peer.close();
    assert.equal(await server.stop(), 0);
    for (const authority of [ours, theirs]) authority.close();
  });

  async function add(mpc: string, to: string): Promise<void> {
    const body = { role: 'agent', from: '4930111', to, dial_music: 'none' };
    const answer = await server.api('POST', `/MultiPartyCall/name_${mpc}/Participant/`, body);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
  }

  async function metric(line: string): Promise<number> {
    const found = (await server.metrics()).split('\n').find((text) => text.startsWith(`${line} `));
    return Number(found?.slice(line.length) ?? 0);
  }

  test('a trunk that proves its name is called, and hung up on over the same connection', async () => {
    await add('trunk', '+493012345');
    const caller = await carrier.called();
    const invite = await caller.next(({ method }) => method === 'INVITE');
    assert.equal(invite.startLine, `INVITE sip:+493012345@localhost:${carrier.port};transport=tls SIP/2.0`);
    assert.match(invite.header('via') ?? '', /^SIP\/2\.0\/TLS 127\.0\.0\.1:\d+;/);
    assert.match(invite.header('contact') ?? '', /^<sip:.+;transport=tls>/);
    assert.equal(carrier.sockets[0]?.servername, 'localhost', 'a carrier of many names is told which');
    assert.equal(carrier.sockets[0]?.getPeerCertificate().subject.CN, 'partyline', 'and we say who we are');

    const contact = `sip:carrier@127.0.0.1:${carrier.port};transport=tls`;
    caller.send(answerTo(invite, 200, 'OK', { tag: 'carrier', body: sdpText(), contact }));
    await caller.next(({ method }) => method === 'ACK');
    assert.equal((await server.api('DELETE', '/MultiPartyCall/name_trunk/')).status, 204);
    const bye = await caller.next(({ method }) => method === 'BYE');
    caller.send(answerTo(bye, 200, 'OK'));
    await until('the call is over', async () => (await metric('partyline_sip_dialogs')) === 0);
    assert.equal(carrier.sockets.length, 1);
  });

  test('a sips: address is called by TLS alone', async () => {
    const before = carrier.callers.length;
    await add('sips', `sips:bob@127.0.0.1:${carrier.port}`);
    const caller = await until('a further call', () => carrier.callers[before]);
    const invite = await caller.next(({ method }) => method === 'INVITE');
    assert.equal(invite.startLine, `INVITE sips:bob@127.0.0.1:${carrier.port} SIP/2.0`);
    assert.match(invite.header('contact') ?? '', /^<sips:/);
    caller.send(answerTo(invite, 486, 'Busy Here', { tag: 'busy' }));
    await caller.next(({ method }) => method === 'ACK');
  });

  test('whoever cannot prove to be who was called hears nothing of the call, and it is counted and logged', async () => {
    for (const [index, [peer, why]] of [
      [stranger, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [misnamed, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ].entries() as IterableIterator<[number, [Peer, string]]>) {
      const [failed, unverified] = [
        'partyline_dials_total{result="failed"}',
        'partyline_sip_dropped_total{reason="unverified"}',
      ];
      const before = await metric(failed);
      await add(`unproven-${index}`, `sips:bob@127.0.0.1:${peer.port}`);
      await until('the call has failed', async () => (await metric(failed)) === before + 1);
      assert.equal(await metric(unverified), index + 1);
      assert.match(server.log(), new RegExp(`"why":"${why}"[^\\n]*the peer cannot be verified`));
      for (const { received, rest } of peer.callers) assert.deepEqual([received, rest], [[], ''], 'not a byte came');
    }
  });
});
