import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readAuthorizations } from '../../../../server/sip/authorization.ts';
import { digestResponse, ha1Of } from '../../../../server/sip/digest.ts';
import { NONCE_MS, Nonces } from '../../../../server/sip/nonces.ts';
import { holds } from '../../../fuzz/run.ts';
import { SIP_TARGETS } from '../../../fuzz/targets/sip.ts';

const GOOD =
  'Digest username="ana", realm="example.com", nonce="abc", uri="sip:example.com", response="0123456789abcdef0123456789ABCDEF", algorithm=MD5, qop=auth, nc=0000000a, cnonce="xyz"';

suite('digest', () => {
  test('computes the responses of the example in RFC 7616', () => {
    const ha1 = ha1Of('Mufasa', 'http-auth@example.org', 'Circle of Life');
    const parts = {
      method: 'GET',
      uri: '/dir/index.html',
      nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
      nc: '00000001',
      cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    };
    assert.equal(digestResponse('MD5', ha1, parts), '8ca523f5e9506fed4657c9700eebdbec');
    assert.equal(
      digestResponse('SHA-256', ha1, parts),
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    );
  });

  test('hashes passwords as UTF-8', () => {
    assert.equal(ha1Of('ana', 'r', 'pä€ss').md5, 'b17b969c3d51e88865532c6338ed4548');
  });
});

suite('an Authorization header', () => {
  test('is read whole', () => {
    assert.deepEqual(readAuthorizations(GOOD), [
      {
        username: 'ana',
        realm: 'example.com',
        nonce: 'abc',
        uri: 'sip:example.com',
        response: '0123456789abcdef0123456789abcdef',
        algorithm: 'MD5',
        qop: 'auth',
        cnonce: 'xyz',
        count: 10,
        nc: '0000000a',
      },
    ]);
  });

  test('may hold several credentials, those of other schemes among them', () => {
    const other = GOOD.replace('example.com', 'example.org');
    const realms = readAuthorizations(`${other}, Basic realm=x, ${GOOD}`).map(({ realm }) => realm);
    assert.deepEqual(realms, ['example.org', 'example.com']);
  });

  for (const [what, text, expected] of [
    ['escapes', GOOD.replace('"ana"', '"a\\"n\\\\a"'), 'a"n\\a'],
    ['blanks around marks', GOOD.replace('username=', 'username = ').replace(', realm', ' ,  realm'), 'ana'],
    ['a scheme and names in other cases', GOOD.replace('Digest username', 'dIGEST UserName'), 'ana'],
    ['a comma inside quotes', GOOD.replace('"ana"', '"a,na"'), 'a,na'],
  ] as const)
    test(`is read with ${what}`, () => {
      assert.equal(readAuthorizations(text)[0]?.username, expected);
    });

  for (const [what, text] of [
    ['nothing', ''],
    ['another scheme', 'Basic YTpi'],
    ['no username', GOOD.replace('username="ana", ', '')],
    ['no response', GOOD.replace(/response="[^"]*", /, '')],
    ['a short response', GOOD.replace('0123456789abcdef', '')],
    ['a response that is not hexadecimal', GOOD.replace('0123456789abcdef', 'g123456789abcdef')],
    ['a username given twice', GOOD.replace('Digest ', 'Digest username="bob", ')],
    ['a count of nine digits', GOOD.replace('0000000a', '00000000a')],
    ['a negative count', GOOD.replace('0000000a', '-000000a')],
    ['qop without cnonce', GOOD.replace(', cnonce="xyz"', '')],
    ['quotes that do not close', GOOD.slice(0, -1)],
    ['no comma', GOOD.replace(', realm', ' realm')],
    ['parameters without a scheme', GOOD.replace('Digest ', '')],
    ['something behind it', `${GOOD}"`],
    ['more than 8 kB', `${GOOD}, x="${'a'.repeat(8192)}"`],
    ['more credentials than hops', Array(9).fill(GOOD).join(', ')],
  ] as const)
    test(`is not read with ${what}`, () => {
      assert.deepEqual(readAuthorizations(text), []);
    });

  test('never throws, and what it gives keeps its promises, whatever comes', () => holds(SIP_TARGETS.digest, 20_000));
});

suite('a nonce', () => {
  const SOURCE = '198.51.100.1';

  function make(options: { kept?: number; secret?: string } = {}) {
    const time = { ms: 5000.75 };
    let salt = 0;
    const nonces = new Nonces({
      secret: Buffer.from(options.secret ?? 'secret'),
      nowMs: () => time.ms,
      random: (bytes) => {
        salt += 1;
        return Buffer.alloc(bytes, salt);
      },
      ...(options.kept === undefined ? {} : { kept: options.kept }),
    });
    return { nonces, time };
  }

  test('works once for each count, and only upwards', () => {
    const { nonces } = make();
    const nonce = nonces.issue(SOURCE);
    const tried = [1, 1, 2, 5, 4, 5, 6].map((count) => nonces.use(nonce, count, SOURCE));
    assert.deepEqual(tried, [true, false, true, true, false, false, true]);
    assert.equal(nonces.use(nonces.issue(SOURCE), 0, SOURCE), false, 'counting begins at one');
  });

  test('is another one each time, even within one millisecond', () => {
    const { nonces } = make();
    assert.notEqual(nonces.issue(SOURCE), nonces.issue(SOURCE));
  });

  test('is good for a minute', () => {
    const { nonces, time } = make();
    const nonce = nonces.issue(SOURCE);
    time.ms += NONCE_MS - 2;
    assert.equal(nonces.use(nonce, 1, SOURCE), true);
    time.ms += 2;
    assert.equal(nonces.use(nonce, 2, SOURCE), false);
  });

  test('is good for its own source and our own secret only', () => {
    const { nonces } = make();
    const nonce = nonces.issue(SOURCE);
    assert.equal(nonces.use(nonce, 1, '198.51.100.2'), false);
    assert.equal(make({ secret: 'other' }).nonces.use(nonce, 1, SOURCE), false);
  });

  test('cannot be changed in a single character, or written in another way', () => {
    const { nonces } = make();
    const nonce = nonces.issue(SOURCE);
    for (let at = 0; at < nonce.length; at++) {
      const other = nonce.charAt(at) === 'A' ? 'B' : 'A';
      const changed = nonce.slice(0, at) + other + nonce.slice(at + 1);
      assert.equal(nonces.use(changed, 1, SOURCE), false, changed);
    }
    for (const changed of [
      '',
      'x',
      `${nonce}A`,
      nonce.slice(0, -1),
      `${nonce.slice(0, -1)}=`,
      '/'.repeat(nonce.length),
    ])
      assert.equal(nonces.use(changed, 1, SOURCE), false, changed);
    assert.equal(nonces.use(nonce, 1, SOURCE), true);
  });

  test('that was used and had to be forgotten cannot be used again', () => {
    const { nonces, time } = make({ kept: 2 });
    const used = [];
    for (let i = 0; i < 5; i++) {
      time.ms += 1;
      const nonce = nonces.issue(SOURCE);
      assert.equal(nonces.use(nonce, 1, SOURCE), true);
      used.push(nonce);
    }
    assert.equal(nonces.size, 2);
    for (const nonce of used) assert.equal(nonces.use(nonce, 1, SOURCE), false);
    assert.equal(nonces.use(used.at(-1) ?? '', 2, SOURCE), true, 'the last one is still known');
  });

  test('that is over is forgotten', () => {
    const { nonces, time } = make();
    for (let i = 0; i < 100; i++) nonces.use(nonces.issue(SOURCE), 1, SOURCE);
    assert.equal(nonces.size, 100);
    time.ms += NONCE_MS;
    nonces.use(nonces.issue(SOURCE), 1, SOURCE);
    assert.equal(nonces.size, 1);
  });
});
