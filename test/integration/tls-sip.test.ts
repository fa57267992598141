import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { Authority } from '../support/authority.ts';
import { Baresip } from '../support/baresip.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { SipClient } from '../support/sip-client.ts';
import { CallScript, sdpText } from '../support/sip-script.ts';
import { levelAt } from '../support/tones.ts';

const LOUD_DB = -15;
const RATE = 8000;

suite('SIP over TLS', () => {
  const authority = new Authority();
  const open: { close(): unknown }[] = [];
  let server: TestServer;

  before(async () => {
    const { certPath, keyPath } = authority.issue('sip');
    server = await startServer({ TLS_CERT: certPath, TLS_KEY: keyPath }, { ca: authority.ca });
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
  });
  after(async () => {
    authority.close();
    assert.equal(await server.stop(), 0);
  });

  function keep<T extends { close(): unknown }>(thing: T): T {
    open.push(thing);
    return thing;
  }

  async function phone(name: string, hz: number): Promise<Baresip> {
    const started = await Baresip.start({ name, hz, caPath: authority.caPath });
    open.push({ close: () => started.stop() });
    return started;
  }

  test('a call to a sips: address is answered, and ended by us over the same connection', async () => {
    const peer = keep(await SipClient.tls(server.sipTlsPort, authority.ca));
    const script = new CallScript({ uri: 'sips:secret@127.0.0.1', local: peer.local, transport: 'TLS' });
    peer.send(script.request('INVITE', { body: sdpText() }));
    const answer = await peer.final();
    assert.equal(answer.status, 200);
    assert.equal(answer.header('contact'), `<sips:127.0.0.1:${server.sipTlsPort};transport=tls>`);
    script.learn(answer);
    peer.send(script.request('ACK'));
    process.kill(server.pid, 'SIGHUP');
    await until('the certificate read again', () => server.log().includes('certificate read again'));
    assert.equal((await server.api('DELETE', '/MultiPartyCall/name_secret/')).status, 204);
    const bye = await peer.next(({ method }) => method === 'BYE');
    assert.match(bye.header('via') ?? '', new RegExp(`^SIP/2.0/TLS 127.0.0.1:${server.sipTlsPort};`));
    peer.send(script.respond(bye, '200 OK'));
  });

  test('a sips: address needs TLS, and what speaks no TLS to its port is dropped and counted', async () => {
    const open = keep(await SipClient.tcp(server.sipPort));
    const script = new CallScript({ uri: 'sips:secret@127.0.0.1', local: open.local, transport: 'TCP' });
    open.send(script.request('INVITE', { body: sdpText() }));
    assert.equal((await open.final()).status, 416);

    const stranger = keep(await SipClient.tcp(server.sipTlsPort));
    stranger.send(new CallScript({ uri: 'sip:secret@127.0.0.1', local: stranger.local }).request('OPTIONS'));
    await stranger.until(() => stranger.closed, 'the end of the connection');
    assert.equal(stranger.received.length, 0);
    assert.match(await server.metrics(), /partyline_sip_dropped_total\{reason="handshake"\} 1/);
  });

  test('two phones that verify our certificate hear each other', async (t) => {
    if (!requireProgram(t, 'baresip')) return;
    const [ana, bob] = [await phone('ana', 440), await phone('bob', 900)];
    for (const each of [ana, bob]) await each.dial(`sip:both@127.0.0.1:${server.sipTlsPort};transport=tls`);
    for (const [listener, hz] of [
      [ana, 900],
      [bob, 440],
    ] as const)
      await until(`${hz} Hz`, async () => {
        const { samples } = await listener.heard();
        return samples.length > RATE / 5 && levelAt(samples.subarray(-RATE / 5), RATE, hz) > LOUD_DB;
      });
  });

  test('a phone that registered is called over its connection', async () => {
    const made = await server.api('POST', '/Endpoint/', { username: 'tess', password: 'a-password-1', alias: 'tess' });
    assert.equal(made.status, 201);
    const user = (made.body as { username: string }).username;
    const peer = keep(await SipClient.tls(server.sipTlsPort, authority.ca));
    const script = new CallScript({ uri: 'sip:127.0.0.1', local: peer.local, transport: 'TLS' });
    const contact = `<sips:${user}@${peer.local}>`;
    peer.send(script.request('REGISTER', { headers: { To: `<sip:${user}@127.0.0.1>`, Contact: contact } }));
    assert.equal((await peer.final()).status, 200);
    const body = { role: 'agent', from: '1000', to: user };
    assert.equal((await server.api('POST', '/MultiPartyCall/name_called/Participant/', body)).status, 201);
    const invite = await peer.next(({ method }) => method === 'INVITE');
    assert.match(invite.header('via') ?? '', /^SIP\/2\.0\/TLS /);
    assert.match(invite.header('contact') ?? '', /^<sips:.+;transport=tls>/);
    peer.send(script.respond(invite, '486 Busy Here'));
    await peer.next(({ method }) => method === 'ACK');
  });
});
