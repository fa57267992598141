import assert from 'node:assert/strict';
import { createCipheriv, createHmac } from 'node:crypto';
import { suite, test } from 'node:test';
import { AesCounter } from '../../../../media/srtp/aes-counter.ts';
import { HmacSha1 } from '../../../../media/srtp/hmac-sha1.ts';
import { SessionKeys } from '../../../../media/srtp/session-keys.ts';
import { seededRandom } from '../../../support/random.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const random = seededRandom(3711);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));

suite('AES in counter mode', () => {
  test('makes the key stream of RFC 3711 appendix B.2, as far as block 0xffff', () => {
    const aes = new AesCounter(hex('2B7E151628AED2A6ABF7158809CF4F3C'));
    const stream = new Uint8Array(0x10000 * 16);
    aes.apply(stream, 0, stream.length, 0xf0f1f2f3 | 0, 0xf4f5f6f7 | 0, 0xf8f9fafb | 0, 0xfcfd0000 | 0);
    const at = (block: number): string => Buffer.from(stream.subarray(block * 16, block * 16 + 16)).toString('hex');
    assert.equal(at(0), 'e03ead0935c95e80e166b16dd92b4eb4');
    assert.equal(at(1), 'd23513162b02d0f72a43a2fe4a5f97ab');
    assert.equal(at(2), '41e95b3bb0a2e8dd477901e4fca894c0');
    assert.equal(at(0xfeff), 'ec8cdf7398607cb0f2d21675ea9ea1e4');
    assert.equal(at(0xff00), '362b7c3c6773516318a077d7fc5073ae');
    assert.equal(at(0xff01), '6a2cc3787889374fbeb4c81b17ba6c44');
  });

  test('agrees with OpenSSL on any key and length, and touches nothing outside', () => {
    for (let length = 0; length < 100; length++) {
      const [key, counter, data] = [bytes(16), Buffer.from(bytes(16)), bytes(length + 9)];
      counter.writeUInt16BE(0, 14);
      const ours = Uint8Array.from(data);
      const word = (i: number): number => counter.readInt32BE(4 * i);
      new AesCounter(key).apply(ours, 5, 5 + length, word(0), word(1), word(2), word(3));
      const theirs = createCipheriv('aes-128-ctr', key, counter).update(data.subarray(5, 5 + length));
      assert.deepEqual(Buffer.from(ours.subarray(5, 5 + length)), theirs, `${length} bytes`);
      assert.deepEqual([...ours.subarray(0, 5)], [...data.subarray(0, 5)], 'before');
      assert.deepEqual([...ours.subarray(5 + length)], [...data.subarray(5 + length)], 'behind');
    }
    assert.throws(() => new AesCounter(bytes(15)), RangeError);
  });
});

test('HMAC-SHA1 agrees with OpenSSL on any key and length, with a word behind the message and without', () => {
  for (let length = 0; length < 200; length++) {
    const key = bytes(length % 65);
    const message = bytes(length + 3);
    const word = length % 2 === 0 ? undefined : Math.floor(random() * 2 ** 32) | 0;
    const theirs = createHmac('sha1', key).update(message.subarray(3));
    if (word !== undefined) theirs.update(Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word));
    const tag = theirs.digest();
    const room = new Uint8Array(message.length + 20);
    room.set(message);
    const mac = new HmacSha1(key);
    mac.write(room, 3, message.length, word, message.length, 20);
    assert.deepEqual(Buffer.from(room.subarray(message.length)), tag, `${length} bytes`);
    assert.ok(mac.matches(room, 3, message.length, word, message.length, 10), 'its own tag');
    room[message.length + 9]! ^= 1;
    assert.ok(!mac.matches(room, 3, message.length, word, message.length, 10), 'a changed one');
    assert.ok(
      mac.matches(room, 3, message.length, word, message.length, 9),
      'changed behind the part that is compared',
    );
  }
});

test('session keys are those of RFC 3711 appendix B.3', () => {
  const keys = new SessionKeys(hex('E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6'), 'rtp');
  // What the keys do is all that can be seen of them.
  const stream = new Uint8Array(16);
  keys.crypt(stream, 0, 16, 0, 0, 0);
  const counter = hex('30CBBC08863D8C85D49DB34A9AE1 0000');
  const expected = createCipheriv('aes-128-ctr', hex('C61E7A93744F39EE10734AFE3FF7A087'), counter);
  assert.deepEqual(Buffer.from(stream), expected.update(Buffer.alloc(16)));
  const tag = new Uint8Array(20);
  keys.auth.write(tag, 0, 0, undefined, 0, 20);
  assert.deepEqual(Buffer.from(tag), createHmac('sha1', hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4')).digest());
  assert.throws(() => new SessionKeys(new Uint8Array(29), 'rtp'), RangeError);
});
