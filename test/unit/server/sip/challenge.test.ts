import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { answerChallenge } from '../../../../server/sip/challenge.ts';
import { DEFAULT_LIMITS } from '../../../../server/sip/limits.ts';
import type { SipResponse } from '../../../../server/sip/message.ts';
import { readDatagram } from '../../../../server/sip/reader.ts';

function challenge(status: number, ...headers: string[]): SipResponse {
  const head = [
    'Via: SIP/2.0/UDP h;branch=z9hG4bK1',
    'From: <sip:a@b>;tag=1',
    'To: <sip:b@c>',
    'Call-ID: x',
    'CSeq: 1 INVITE',
  ];
  const text = [`SIP/2.0 ${status} X`, ...head, ...headers, '', ''].join('\r\n');
  const read = readDatagram(Buffer.from(text), DEFAULT_LIMITS);
  assert.ok(read.outcome === 'message' && read.message.kind === 'response', JSON.stringify(read));
  return read.message;
}

suite('a digest challenge', () => {
  // The request of RFC 8760 section 2.4's model, RFC 7616 section 3.9.1, whose results are published.
  const mufasa = { user: 'Mufasa', password: 'Circle of Life', realm: undefined };
  const parameters =
    'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
  const request = { method: 'GET', uri: '/dir/index.html' };

  test('is answered as RFC 7616 works it out, with MD5 and with SHA-256', () => {
    const results = {
      MD5: '8ca523f5e9506fed4657c9700eebdbec',
      'SHA-256': '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    };
    for (const [algorithm, response] of Object.entries(results)) {
      const asked = challenge(401, `WWW-Authenticate: Digest ${parameters}, algorithm=${algorithm}`);
      const value = answerChallenge(asked, mufasa, request, cnonce)?.authorization ?? '';
      assert.ok(value.includes(`response="${response}"`), value);
      assert.ok(value.includes('qop=auth, nc=00000001'), value);
      assert.ok(value.includes('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'), value);
    }
  });

  test('of the oldest kind, without qop, is answered as RFC 2069 asks', () => {
    const asked = challenge(401, 'WWW-Authenticate: Digest realm="r", nonce="n"');
    const value = answerChallenge(
      asked,
      { user: 'u', password: 'p', realm: 'r' },
      { method: 'INVITE', uri: 'sip:x' },
      'c',
    );
    // md5(md5("u:r:p"):n:md5("INVITE:sip:x")), by md5sum.
    assert.match(value?.authorization ?? '', /response="a82785fab2d091a09795d48b9c10756c"/);
    assert.doesNotMatch(value?.authorization ?? '', /cnonce/);
  });

  test('is the first of several that can be met: of what we know, and for our realm', () => {
    const asked = challenge(
      407,
      'Proxy-Authenticate: Negotiate abc=, Digest realm="a", nonce="1", algorithm=SHA-512-256',
      'Proxy-Authenticate: Digest realm="a, b", nonce="2", algorithm=SHA-256',
      'Proxy-Authenticate: Digest realm="a, b", nonce="3"',
    );
    const value = answerChallenge(asked, { user: 'u', password: 'p', realm: 'a, b' }, request, 'c');
    assert.match(value?.['proxy-authorization'] ?? '', /nonce="2".*algorithm=SHA-256/);
  });

  test('that cannot be read, asks for auth-int alone, or is for somebody else gets no answer', () => {
    for (const header of [
      'Basic realm="r"',
      'Digest',
      'Digest nonce="n"',
      'Digest realm="r',
      'Digest realm="r", nonce="n", qop="auth-int"',
      'Digest realm="s", nonce="n"',
      '',
    ])
      assert.equal(
        answerChallenge(
          challenge(401, `WWW-Authenticate: ${header}`),
          { user: 'u', password: 'p', realm: 'r' },
          request,
          'c',
        ),
        undefined,
        header,
      );
    assert.equal(
      answerChallenge(
        challenge(403, 'WWW-Authenticate: Digest realm="r", nonce="n"'),
        { user: 'u', password: 'p', realm: 'r' },
        request,
        'c',
      ),
      undefined,
    );
  });
});
