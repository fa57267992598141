import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Resolve } from '../../../../media/clip/connector.ts';
import { Slots } from '../../../../media/clip/slots.ts';
import { ClipServer, neverAnswers, stalls } from '../../../support/clip-server.ts';
import { eventually } from '../../../support/clip-store-rig.ts';
import { useFetch } from '../../../support/fetch-rig.ts';

const rig = useFetch();
const sound = Buffer.alloc(5000, 0x42);

describe('a guarded fetch', () => {
  test('downloads what may be downloaded, and closes its connection', async () => {
    const { opened, end, body } = await rig.download(rig.server.file('/good', sound));
    assert.equal(opened.status, 'ok');
    assert.deepEqual(end, { type: 'end', cutShort: false });
    assert.deepEqual(body, sound);
    await eventually(() => rig.server.sockets.size === 0, 'no socket left');
  });

  test('tells a source nothing but host, agent and what it accepts', async () => {
    await rig.download(rig.server.file('/headers', sound));
    const names = rig.server.seen[0]?.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    assert.deepEqual(names?.sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
    assert.equal(rig.server.seen[0]?.headers['accept-encoding'], 'identity');
    assert.equal(rig.server.seen[0]?.headers['user-agent'], 'partyline');
  });

  test('never connects to a private address, however it is spelled', async () => {
    const { port } = rig.canary;
    for (const host of [
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '017700000001',
      '%31%32%37.1',
      '[::ffff:127.0.0.1]',
      'localhost',
      '①②⑦.1',
      '0',
      '[::1]',
    ]) {
      assert.equal(await rig.reasonOf(`http://${host}:${port}/a.mp3`), 'refused_address', host);
    }
    assert.equal(rig.canary.connections, 0);
  });

  test('never connects to a name of a private address, not even when another of its addresses is public', async () => {
    for (const answers of [
      ['127.0.0.1'],
      ['8.8.8.8', '127.0.0.1'],
      ['::ffff:127.0.0.1'],
      ['::1'],
      ['169.254.169.254'],
      ['not an address'],
    ]) {
      const resolve: Resolve = async () => answers;
      const reason = await rig.reasonOf(`http://clips.test:${rig.canary.port}/a.mp3`, { resolve });
      assert.equal(reason, 'refused_address', answers.join());
    }
    assert.equal(rig.canary.connections, 0);
  });

  test('asks the resolver once, so that a second answer changes nothing', async () => {
    rig.server.file('/rebind', sound);
    let asked = 0;
    const resolve: Resolve = async () => (++asked === 1 ? ['127.0.0.1'] : ['127.0.0.2']);
    const { opened } = await rig.download(`http://clips.test:${rig.server.port}/rebind`, { resolve });
    assert.equal(opened.status, 'ok');
    assert.equal(asked, 1);
    assert.equal(rig.server.seen[0]?.headers.host, `clips.test:${rig.server.port}`);
  });

  test('a name may lead to an allowed private source on its port, and to no other port', async () => {
    const resolve: Resolve = async () => ['127.0.0.1'];
    rig.server.file('/named', sound);
    assert.equal(await rig.reasonOf(`http://clips.test:${rig.server.port}/named`, { resolve }), 'ok, end');
    assert.equal(await rig.reasonOf(`http://clips.test:${rig.canary.port}/named`, { resolve }), 'refused_address');
    assert.equal(rig.canary.connections, 0);
  });

  test('tries the next address when the first does not answer', async () => {
    rig.server.file('/second', sound);
    const resolve: Resolve = async () => ['127.0.0.9', '127.0.0.1'];
    const allow = `127.0.0.0/24:${rig.server.port}`;
    assert.equal(await rig.reasonOf(`http://clips.test:${rig.server.port}/second`, { resolve, allow }), 'ok, end');
  });

  test('localhost is this machine whatever a resolver says', async () => {
    rig.server.file('/local', sound);
    const resolve: Resolve = async () => ['8.8.8.8'];
    assert.equal(await rig.reasonOf(rig.server.url('/local', 'localhost'), { resolve }), 'ok, end');
  });
});

describe('redirects', () => {
  test('lead to the end of a short chain, relative or absolute', async () => {
    rig.server.file('/end', sound);
    rig.server.redirect('/r2', 'end', 307);
    rig.server.redirect('/r1', rig.server.url('/r2'), 301);
    const { opened, body } = await rig.download(rig.server.redirect('/r0', '/r1?x=1', 303));
    assert.equal(opened.status === 'ok' && opened.finalUrl, rig.server.url('/end'));
    assert.deepEqual(body, sound);
  });

  test('five hops are followed, six and loops are not', async () => {
    rig.server.file('/chain0', sound);
    for (let hop = 1; hop <= 6; hop++) rig.server.redirect(`/chain${hop}`, `/chain${hop - 1}`);
    assert.equal(await rig.reasonOf(rig.server.url('/chain5')), 'ok, end');
    assert.equal(await rig.reasonOf(rig.server.url('/chain6')), 'redirects');
    assert.equal(await rig.reasonOf(rig.server.redirect('/loop', '/loop')), 'redirects');
    assert.equal(rig.server.hits('/loop'), 6);
  });

  test('pass the same checks at every hop', async () => {
    for (const target of [
      `http://127.0.0.1:${rig.canary.port}/`,
      `http://localhost:${rig.canary.port}/`,
      `//127.1:${rig.canary.port}/`,
      'http://169.254.169.254/latest/meta-data/',
      'http://[::1]/',
      'file:///etc/passwd',
      'ftp://example.com/a',
      'data:audio/mpeg,x',
      `http://u:p@127.0.0.1:${rig.server.port}/end`,
      'http://10.0.0.1/',
      'http://8.8.8.8:22/',
      `http://8.8.8.8/${'a'.repeat(2100)}`,
    ]) {
      assert.equal(await rig.reasonOf(rig.server.redirect('/to', target)), 'refused_address', target);
    }
    for (const target of ['', 'http://', 'http://[::1']) {
      assert.equal(await rig.reasonOf(rig.server.redirect('/to', target)), 'redirects', target);
    }
    assert.equal(rig.canary.connections, 0);
  });
});

describe('https', () => {
  const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/tls/${name}`, import.meta.url), 'utf8');
  let secure: ClipServer;
  before(async () => {
    secure = await ClipServer.start({ tls: { key: fixture('key.pem'), cert: fixture('cert.pem') } });
  });
  after(() => secure.close());

  test('is checked against the name in the URL, which is also what the server is told', async () => {
    const setup = { allow: secure.allow, ca: fixture('cert.pem'), resolve: async () => ['127.0.0.1'] };
    secure.file('/a', sound);
    assert.equal(await rig.reasonOf(`https://clips.test:${secure.port}/a`, setup), 'ok, end');
    assert.equal(await rig.reasonOf(`https://127.0.0.1:${secure.port}/a`, setup), 'ok, end');
    assert.equal(await rig.reasonOf(`https://other.test:${secure.port}/a`, setup), 'tls');
  });

  test('fails on a certificate nobody vouches for', async () => {
    assert.equal(await rig.reasonOf(secure.file('/b', sound), { allow: secure.allow }), 'tls');
    assert.equal(secure.hits('/b'), 0);
  });

  test('fails where no TLS is spoken', async () => {
    const reason = await rig.reasonOf(rig.server.file('/plain', sound).replace('http:', 'https:'));
    assert.equal(reason, 'tls');
  });

  test('is not left for http by a redirect', async () => {
    const setup = { allow: secure.allow, ca: fixture('cert.pem') };
    assert.equal(await rig.reasonOf(secure.redirect('/down', rig.server.file('/x', sound)), setup), 'redirects');
    assert.equal(rig.server.hits('/x'), 0);
  });
});

describe('fetching at once', () => {
  test('is bounded for each host, and beyond the queue it is busy', async () => {
    const slots = new Slots({ total: 10, perKey: 2, queue: 1 });
    const url = rig.server.on('/wait', neverAnswers);
    const fetches = [1, 2, 3].map(() => rig.fetchOf({ slots }));
    const opened = fetches.map((fetch) => fetch.open(new URL(url)));
    await eventually(() => rig.server.hits('/wait') === 2, 'two requests');
    assert.deepEqual([slots.active, slots.queued], [2, 1]);
    assert.equal(await rig.reasonOf(url, { slots }), 'busy');
    fetches[0]?.close();
    await eventually(() => rig.server.hits('/wait') === 3, 'the third request');
    for (const fetch of fetches) fetch.close();
    assert.deepEqual(
      await Promise.all(opened),
      [1, 2, 3].map(() => ({ status: 'cancelled' })),
    );
    assert.deepEqual([slots.active, slots.queued], [0, 0]);
  });

  test('a cancelled fetch closes its connection at once', async () => {
    const fetch = rig.fetchOf();
    const opened = await fetch.open(new URL(rig.server.on('/cancel', stalls(sound))));
    assert.equal(opened.status, 'ok');
    await fetch.read();
    const reading = fetch.read();
    fetch.close();
    assert.deepEqual(await reading, { type: 'cancelled' });
    await eventually(() => rig.server.sockets.size === 0, 'no socket left');
  });
});

describe('asking whether it changed', () => {
  const validators = (path: string) => ({
    finalUrl: rig.server.url(path),
    etag: '"v1"',
    lastModified: 'Tue, 04 Feb 1997 10:00:00 GMT',
  });

  test('uses the validators at the very URL that gave them', async () => {
    const url = rig.server.on('/same', (_request, response) => response.writeHead(304).end());
    assert.equal((await rig.download(url, { validators: validators('/same') })).opened.status, 'not_modified');
    assert.equal(rig.server.seen[0]?.headers['if-none-match'], '"v1"');
    assert.equal(rig.server.seen[0]?.headers['if-modified-since'], 'Tue, 04 Feb 1997 10:00:00 GMT');
  });

  test('shows them to nobody else, and believes nobody else', async () => {
    const elsewhere = rig.server.on('/elsewhere', (_request, response) => response.writeHead(304).end());
    assert.equal(await rig.reasonOf(elsewhere, { validators: validators('/same') }), 'http_status');
    assert.equal(
      await rig.reasonOf(rig.server.redirect('/hop', '/elsewhere'), { validators: validators('/hop2') }),
      'http_status',
    );
    for (const { headers } of rig.server.seen) assert.equal(headers['if-none-match'], undefined);
  });
});
