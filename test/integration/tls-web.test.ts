import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect, type SecureVersion } from 'node:tls';
import { Authority } from '../support/authority.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { levelAt } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

const LOUD_DB = -15;

suite('HTTPS and WSS', () => {
  const authority = new Authority();
  const files = { certPath: join(authority.folder, 'live.pem'), keyPath: join(authority.folder, 'live.key') };
  let server: TestServer;

  function put(name: string): void {
    const issued = authority.issue(name);
    copyFileSync(issued.certPath, files.certPath);
    copyFileSync(issued.keyPath, files.keyPath);
  }

  before(async () => {
    put('first');
    const env = { TLS_CERT: files.certPath, TLS_KEY: files.keyPath };
    server = await startServer(env, { ca: authority.ca });
  });
  after(async () => {
    authority.close();
    assert.equal(await server.stop(), 0);
  });

  /** The subject of the certificate that a new connection is shown, or why there is none. */
  function shown(maxVersion: SecureVersion = 'TLSv1.3'): Promise<string> {
    const { port } = new URL(server.httpUrl);
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: Number(port), ca: authority.ca, maxVersion };
      const ciphers = maxVersion === 'TLSv1.1' ? { minVersion: 'TLSv1' as const, ciphers: 'ALL:@SECLEVEL=0' } : {};
      const socket = connect({ ...options, ...ciphers }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.end();
      });
      socket.on('error', (error) => resolve(error.message));
    });
  }

  const joined = (mpc: string, wsUrl = server.wsUrl): Promise<WsClient> =>
    WsClient.join({ wsUrl, authId: server.authId, authToken: server.authToken, mpc, ca: authority.ca });

  test('the port speaks TLS 1.2 and above, and nothing to plain HTTP', async () => {
    assert.match(server.httpUrl, /^https:/);
    for (const part of ['API        https://', 'WebSocket  wss://', 'Metrics    https://'])
      assert.ok(server.log().includes(part), part);
    assert.equal(await shown(), 'first');
    assert.equal(await shown('TLSv1.2'), 'first');
    assert.notEqual(await shown('TLSv1.1'), 'first', 'TLS 1.1 is refused');
    const answer = await server.api('GET', '/MultiPartyCall/');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('strict-transport-security'), 'max-age=31536000');

    const plain = connectPlain(Number(new URL(server.httpUrl).port), '127.0.0.1');
    let heard = '';
    plain.on('data', (bytes) => {
      heard += bytes.toString('latin1');
    });
    plain.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => plain.once('close', resolve));
    assert.doesNotMatch(heard, /HTTP/, 'plain HTTP is not answered');
  });

  test('URLs that lead back here say wss and https', async () => {
    const token = await server.api('POST', '/MultiPartyCall/name_urls/Stream/', {});
    assert.equal(token.status, 201);
    assert.match((token.body as { url: string }).url, /^wss:\/\/127\.0\.0\.1:/);
    const member = await joined('name_urls');
    const recording = await server.api('POST', '/MultiPartyCall/name_urls/Record/', {});
    assert.match((recording.body as { recording_url: string }).recording_url, /^https:\/\/127\.0\.0\.1:/);
    await member.leave();
  });

  test('SIGHUP shows the new certificate to who comes, keeps who is there, and a broken one changes nothing', async () => {
    const [ana, bob] = [await joined('name_reload'), await joined('name_reload')];
    const voice = ana.speak(440);
    await until('the tone', async () => levelAt(await bob.hearFor(200), bob.sampleRate, 440) > LOUD_DB);

    put('second');
    process.kill(server.pid, 'SIGHUP');
    await until('the new certificate', async () => (await shown()) === 'second');

    copyFileSync(authority.issue('third').keyPath, files.keyPath);
    process.kill(server.pid, 'SIGHUP');
    await until('the error', () => server.log().includes('the certificate in use stays'));
    assert.equal(await shown(), 'second');

    assert.ok(levelAt(await bob.hearFor(200), bob.sampleRate, 440) > LOUD_DB, 'the call went on through both');
    voice.stop();
    assert.doesNotMatch(server.log(), /PRIVATE KEY/);
    await Promise.all([ana.leave(), bob.leave()]);
  });
});
