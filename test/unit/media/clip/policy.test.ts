import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  checkSource,
  judgeEndpoint,
  parseFetchAllow,
  publicUrl,
  type SourcePolicy,
  sourcePolicy,
} from '../../../../media/clip/policy.ts';
import { holds } from '../../../fuzz/run.ts';
import { TEXT_TARGETS } from '../../../fuzz/targets/text.ts';
import { LOOPBACK_HOSTS } from '../../../support/loopback-spellings.ts';

const open = sourcePolicy({ ownPorts: [8080, 5060] });

function allowing(text: string): SourcePolicy {
  const parsed = parseFetchAllow(text);
  assert.ok(parsed.ok, text);
  return sourcePolicy({ allow: parsed.allow });
}

function refused(urls: readonly string[], policy = open): void {
  for (const url of urls) assert.equal(checkSource(url, policy).ok, false, `accepted ${JSON.stringify(url)}`);
}

function accepted(urls: readonly string[], policy = open): void {
  for (const url of urls) assert.deepEqual(checkSource(url, policy).ok, true, `refused ${JSON.stringify(url)}`);
}

describe('the check of a source before any connection', () => {
  test('plain public sources pass', () => {
    accepted([
      'http://example.com/a.mp3',
      'https://example.com/a.mp3?sig=1#t=3',
      'HTTPS://EXAMPLE.COM/a.mp3',
      'http://example.com./a.mp3',
      'http://93.184.216.34/a.wav',
      'https://8.8.8.8:8443/a.wav',
      'http://[2606:4700:4700::1111]/a.mp3',
      'http://bücher.example/ä.mp3',
      'http://[::ffff:8.8.8.8]/a.mp3',
      'http://[64:ff9b::8.8.8.8]/a.mp3',
    ]);
  });

  test('only http and https are schemes', () => {
    refused([
      'file:///etc/passwd',
      'ftp://example.com/a.mp3',
      'gopher://example.com/_x',
      'data:audio/mpeg;base64,AAAA',
      'concat:http://example.com/a|http://example.com/b',
      'subfile,,start,0,end,10,,:/etc/passwd',
      'pipe:0',
      'rtsp://example.com/a',
      'rtmp://example.com/a',
      'rtp://example.com:5004',
      'udp://example.com:9000',
      'tcp://example.com:9000',
      'tls://example.com:443',
      'unix:/run/docker.sock',
      'blob:http://example.com/x',
      'javascript:alert(1)',
      'about:blank',
      'ws://example.com/',
      'wss://example.com/',
      'sip:alice@example.com',
      'ldap://example.com/',
      'dict://example.com:11211/stat',
      'jar:http://example.com!/a',
      'view-source:http://example.com',
      'crypto:http://example.com',
      'cache:http://example.com',
      'async:http://example.com',
      'hls+http://example.com/a',
      'ffconcat version 1.0',
      'httpx://example.com/',
      'http',
      '-i http://example.com/a.mp3',
      '-f lavfi',
      '//example.com/a.mp3',
      '/etc/passwd',
      'a.mp3',
      '',
      'http://',
      'http:///',
    ]);
  });

  test('private, local and reserved addresses are refused where they are written out', () => {
    refused(
      [
        '0.0.0.0',
        '0.1.2.3',
        '10.0.0.1',
        '10.255.255.255',
        '100.64.0.1',
        '100.100.100.200',
        '100.127.255.255',
        '127.0.0.1',
        '127.255.255.254',
        '169.254.0.1',
        '169.254.169.254',
        '172.16.0.1',
        '172.31.255.255',
        '192.0.0.1',
        '192.0.0.192',
        '192.0.2.1',
        '192.88.99.1',
        '192.168.0.1',
        '198.18.0.1',
        '198.19.255.255',
        '198.51.100.1',
        '203.0.113.1',
        '224.0.0.1',
        '239.255.255.250',
        '240.0.0.1',
        '255.255.255.255',
        '168.63.129.16',
        '[fd00:ec2::254]',
        'localhost',
        'LOCALHOST',
        'localhost.',
        'a.localhost',
        'a.b.localhost.',
      ].map((host) => `http://${host}/a.mp3`),
    );
  });

  test('every spelling of loopback is loopback', () => {
    for (const port of ['', ':80', ':443', ':8000'])
      refused(LOOPBACK_HOSTS.map((host) => `http://${host}${port}/a.mp3`));
    refused([
      'http:\\\\127.0.0.1\\a.mp3',
      'http:/127.0.0.1/',
      'http:127.0.0.1',
      'http://\u00ad127.0.0.1/',
      'HtTp://127.1/',
    ]);
    refused(['http://1.1.1.1&@127.0.0.1/', 'http://example.com@127.0.0.1/', 'http://127.0.0.1#@example.com/']);
  });

  test('what is no URL is refused however often it is asked for', () => {
    for (let i = 0; i < 20_000; i++) refused(['https:/&\u00c4\u00b8:80/a.mp3\u00c0x=1#y']);
  });

  test('no damage to a URL gets it past the guard', () => holds(TEXT_TARGETS.url, 5000));

  test('IPv6 that carries an IPv4 address is judged by it, and only global unicast passes', () => {
    refused(
      [
        '::',
        '::1',
        '::127.0.0.1',
        '::7f00:1',
        '::ffff:10.0.0.1',
        '::ffff:169.254.169.254',
        '::ffff:0:127.0.0.1',
        '64:ff9b::127.0.0.1',
        '64:ff9b::10.0.0.1',
        '64:ff9b::a9fe:a9fe',
        '64:ff9b:1::8.8.8.8',
        '2002:7f00:1::',
        '2002:808:808::',
        '2001::1',
        '2001:0:7f00:1::',
        '2001:db8::1',
        '2001:2::1',
        '2001:10::1',
        '2001:20::1',
        '3fff::1',
        '100::1',
        '4000::1',
        'e000::1',
        'fe80::1',
        'fe80:1234::1',
        'fc00::1',
        'fd12:3456::1',
        'fec0::1',
        'ff02::1',
        'ff0e::1',
        '5f00::1',
        '1::1',
        '2606:4700::5efe:7f00:1',
        '2606:4700::200:5efe:10.0.0.1',
      ].map((host) => `http://[${host}]/a.mp3`),
    );
    refused(['http://[fe80::1%25eth0]/', 'http://[fe80::1%eth0]/', 'http://[::1', 'http://[v1.x]/', 'http://[]/']);
  });

  test('credentials are refused and never repeated', () => {
    for (const url of ['http://bob:secret@example.com/', 'http://secret@example.com/', 'http://:secret@example.com/']) {
      const verdict = checkSource(url, open);
      assert.ok(!verdict.ok);
      assert.doesNotMatch(verdict.message, /secret|bob/);
    }
  });

  test('control characters, blank ends and excessive length are refused', () => {
    const long = (length: number) => `http://example.com/${'a'.repeat(length - 'http://example.com/'.length)}`;
    refused([
      ' http://example.com/',
      'http://example.com/ ',
      '\thttp://example.com/',
      'http://example.com/\n',
      'ht\ntp://example.com/',
      'http://exam\tple.com/',
      'http://example.com/\r\nHost: x',
      'http://example.com/\0',
      'http://example.com/\x7f',
      'http://example.com/\u0085',
      'http://exa mple.com/',
      '\ufeffhttp://example.com/',
      'http://example.com/\u00a0',
      long(2049),
    ]);
    accepted([long(2048)]);
  });

  test('ports that are no web servers are refused, and so are our own', () => {
    const at = (port: number) => `http://example.com:${port}/`;
    refused(
      [0, 1, 21, 22, 23, 25, 53, 81, 110, 444, 1023, 6379, 11211, 9200, 2375, 5432, 3306, 27017, 5060, 8080].map(at),
    );
    accepted([80, 443, 1024, 3000, 8000, 8081, 8443, 9000, 65535].map(at));
    refused(['http://example.com:65536/', 'http://example.com:-1/', 'http://8.8.8.8:22/']);
  });

  test('what passes comes back parsed, without its fragment', () => {
    const verdict = checkSource('HTTP://Example.COM:80/a b.mp3?x=1#frag', open);
    assert.ok(verdict.ok);
    assert.equal(verdict.url.href, 'http://example.com/a%20b.mp3?x=1');
  });

  test('a URL for logs holds neither query nor credentials', () => {
    assert.equal(
      publicUrl(new URL('https://u:p@example.com:8443/a.mp3?token=1#x')),
      'https://example.com:8443/a.mp3?…',
    );
    assert.equal(publicUrl(new URL('http://example.com/a.mp3')), 'http://example.com/a.mp3');
  });
});

describe('FETCH_ALLOW', () => {
  test('opens exactly the addresses and the port it names', () => {
    const policy = allowing('127.0.0.1:9000, 10.1.2.0/24:443 ,[fd00::1]:8443,[fd01::]/64:81');
    accepted(
      [
        'http://127.0.0.1:9000/',
        'http://127.1:9000/',
        'http://[::ffff:127.0.0.1]:9000/',
        'http://localhost:9000/',
        'https://10.1.2.77/',
        'https://10.1.2.255/',
        'http://[fd00::1]:8443/',
        'http://[fd01::77]:81/',
      ],
      policy,
    );
    refused(
      [
        'http://127.0.0.1/',
        'http://127.0.0.1:9001/',
        'http://127.0.0.2:9000/',
        'http://10.1.2.77/',
        'https://10.1.3.1/',
        'http://[fd00::2]:8443/',
        'http://[fd01:0:0:1::1]:81/',
        'http://[::1]:9000/',
        'http://localhost:9001/',
      ],
      policy,
    );
  });

  test('lifts the port rule for its own pairs only', () => {
    const policy = allowing('127.0.0.1:6379');
    assert.equal(judgeEndpoint(policy, '127.0.0.1', 6379).ok, true);
    assert.equal(judgeEndpoint(policy, '8.8.8.8', 6379).ok, false);
    assert.equal(judgeEndpoint(policy, '127.0.0.1', 80).ok, false);
    // A name may turn out to be the allowed address, which only its resolution can tell.
    assert.equal(checkSource('http://redis.example:6379/', policy).ok, true);
  });

  test('says which entry is wrong', () => {
    for (const entry of [
      'x:80',
      '1.2.3.4',
      '1.2.3:80',
      '127.1:80',
      '0x7f000001:80',
      '::1:80',
      '127.0.0.1:0',
      '127.0.0.1:65536',
      '10.0.0.0/33:1',
      '0.0.0.0/0:80',
      '10.0.0.0/7:80',
      '[::]/0:80',
      '[fd00::1]',
      '127.0.0.1:80:90',
      'http://127.0.0.1:80',
      '10.0.0.0/x:80',
      '[fe80::1%eth0]:80',
      '1.2.3.4:8o',
    ]) {
      const parsed = parseFetchAllow(`127.0.0.1:9000,${entry}`);
      assert.ok(!parsed.ok, entry);
      assert.ok(parsed.message.includes(entry), parsed.message);
    }
  });

  test('may be empty', () => {
    assert.deepEqual(parseFetchAllow(''), { ok: true, allow: [] });
    assert.deepEqual(parseFetchAllow(' , '), { ok: true, allow: [] });
  });
});
