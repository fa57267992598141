import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SrtpStream } from '../../../../media/rtp/srtp.ts';
import { deriveKeys } from '../../../../media/rtp/srtp-keys.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const KEY = hex('E1F97A0D3E018BE0D64FA32C06DE4139');
const SALT = hex('0EC675AD498AFEEBB6960B3AABE6');
const HEADER = 12;

function packet(sequence: number, payload = Buffer.alloc(20, sequence)): Buffer {
  const header = hex('8000 0000 decafbad cafebabe');
  header.writeUInt16BE(sequence & 0xffff, 2);
  return Buffer.concat([header, payload]);
}

suite('SRTP', () => {
  test('derives the session keys of RFC 3711 appendix B.3', () => {
    const keys = deriveKeys(KEY, SALT, 'rtp');
    assert.deepEqual(keys.cipher, hex('C61E7A93744F39EE10734AFE3FF7A087'));
    assert.deepEqual(keys.salt, hex('30CBBC08863D8C85D49DB34A9AE1'));
    assert.deepEqual(keys.auth, hex('CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4'));
    assert.notDeepEqual(deriveKeys(KEY, SALT, 'rtcp').cipher, keys.cipher);
    assert.throws(() => deriveKeys(KEY, SALT.subarray(1), 'rtp'), RangeError);
  });

  test('makes the very packet that other implementations make, and reads it', () => {
    const plain = hex('800f1234 decafbad cafebabe abababababababababababababababab');
    const secret = hex('800f1234 decafbad cafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb');
    assert.deepEqual(new SrtpStream(KEY, SALT, 10).protect(plain, HEADER), secret);
    assert.deepEqual(new SrtpStream(KEY, SALT, 10).unprotect(secret, HEADER), plain);
  });

  for (const tagBytes of [10, 4] as const)
    test(`with a tag of ${tagBytes} bytes no changed bit, cut or other key gets through, and none moves the stream`, () => {
      const sender = new SrtpStream(KEY, SALT, tagBytes);
      const receiver = new SrtpStream(KEY, SALT, tagBytes);
      const secret = sender.protect(packet(7), HEADER);
      assert.equal(secret.length, packet(7).length + tagBytes);
      for (let bit = 0; bit < secret.length * 8; bit++) {
        const changed = Buffer.from(secret);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(receiver.unprotect(changed, HEADER), undefined, `bit ${bit}`);
      }
      for (let length = 0; length < secret.length; length++)
        assert.equal(receiver.unprotect(secret.subarray(0, length), HEADER), undefined, `${length} bytes`);
      assert.equal(new SrtpStream(Buffer.alloc(16), SALT, tagBytes).unprotect(secret, HEADER), undefined);
      assert.deepEqual(receiver.unprotect(secret, HEADER), packet(7));
    });

  test('takes each packet once, late ones within 64, and counts rollovers with packets missing', () => {
    const sender = new SrtpStream(KEY, SALT, 10);
    const receiver = new SrtpStream(KEY, SALT, 10);
    const sent = new Map<number, Buffer>();
    for (let n = 65_400; n < 65_700; n++) sent.set(n, sender.protect(packet(n), HEADER));
    const take = (n: number): boolean => receiver.unprotect(sent.get(n)!, HEADER)?.equals(packet(n)) ?? false;
    for (let n = 65_400; n < 65_700; n += 2) assert.ok(take(n), `packet ${n}`);
    assert.ok(!take(65_698), 'a copy');
    assert.ok(take(65_637), 'late, by 61');
    assert.ok(!take(65_637), 'late, and a copy');
    assert.ok(!take(65_633), 'too late, by 65');
  });
});
