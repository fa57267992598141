import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../../media/rtp/packet.ts';
import { REFUSED, SrtpReceiver } from '../../../../media/srtp/srtp-receiver.ts';
import { SrtpSender } from '../../../../media/srtp/srtp-sender.ts';
import { type SrtpSpec, type SrtpSuite, srtpSpec } from '../../../../media/srtp/srtp-terms.ts';
import { seededRandom } from '../../../support/random.ts';
import { SrtpPeer } from '../../../support/srtp-peer.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const MASTER = hex('E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6');
const OTHER = hex('E1F97A0D3E018BE0D64FA32C06DE4138 0EC675AD498AFEEBB6960B3AABE6');
const SSRC = 0xcafebabe;
const SUITES: readonly (readonly [SrtpSuite, tagBytes: number])[] = [
  ['AES_CM_128_HMAC_SHA1_80', 10],
  ['AES_CM_128_HMAC_SHA1_32', 4],
];

function spec(suite: SrtpSuite = SUITES[0]![0], before?: SrtpSpec): SrtpSpec {
  return srtpSpec({ suite, send: MASTER, receive: MASTER }, before);
}

function packet(sequence: number, ssrc = SSRC, payload = Buffer.alloc(20, sequence)): Buffer {
  const header = Buffer.alloc(RTP_HEADER_BYTES);
  writeRtpHeader(header, 0, false, 0, sequence & 0xffff, 0xdecafbad, ssrc);
  return Buffer.concat([header, payload]);
}

function send(sender: SrtpSender, plain: Buffer): Buffer {
  const head = plain.subarray(0, RTP_HEADER_BYTES);
  return Buffer.concat([head, sender.protect(head, plain.subarray(RTP_HEADER_BYTES))]);
}

/** What a receiver makes of a datagram, which lies somewhere in a larger buffer. */
function take(receiver: SrtpReceiver, datagram: Uint8Array, method: 'unprotect' | 'unprotectReport' = 'unprotect') {
  const room = Buffer.concat([Buffer.alloc(7, 0xee), datagram, Buffer.alloc(7, 0xee)]);
  const end = receiver[method](room, 7, 7 + datagram.length);
  assert.ok(room.subarray(0, 7).equals(Buffer.alloc(7, 0xee)), 'nothing is written before the datagram');
  assert.ok(room.subarray(-7).equals(Buffer.alloc(7, 0xee)), 'nor behind it');
  return end === REFUSED ? undefined : room.subarray(7, end);
}

suite('SRTP', () => {
  test('makes the very packet that other implementations make, and reads it', () => {
    const plain = hex('800f1234 decafbad cafebabe abababababababababababababababab');
    const secret = hex('800f1234 decafbad cafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb');
    assert.deepEqual(send(new SrtpSender(spec().send), plain), secret);
    assert.deepEqual(take(new SrtpReceiver(spec().receive), secret), plain);
  });

  for (const [suite, tagBytes] of SUITES) {
    test(`${suite}: no changed bit, cut or other key gets through, and none moves the stream`, () => {
      const secret = send(new SrtpSender(spec(suite).send), packet(7));
      const receiver = new SrtpReceiver(spec(suite).receive);
      assert.equal(secret.length, packet(7).length + tagBytes);
      for (let bit = 0; bit < secret.length * 8; bit++) {
        const changed = Buffer.from(secret);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(take(receiver, changed), undefined, `bit ${bit}`);
      }
      for (let length = 0; length < secret.length; length++)
        assert.equal(take(receiver, secret.subarray(0, length)), undefined, `${length} bytes`);
      const stranger = srtpSpec({ suite, send: OTHER, receive: OTHER }, undefined);
      assert.equal(take(new SrtpReceiver(stranger.receive), secret), undefined, 'another key');
      assert.equal(take(receiver, packet(7)), undefined, 'not encrypted');
      assert.deepEqual(take(receiver, secret), packet(7));
    });

    test(`${suite}: agrees with OpenSSL on packets of all lengths`, () => {
      const random = seededRandom(80);
      const sender = new SrtpSender(spec(suite).send);
      const receiver = new SrtpReceiver(spec(suite).receive);
      const peer = new SrtpPeer(MASTER, tagBytes);
      for (let n = 0; n < 400; n++) {
        const payload = Buffer.from(Array.from({ length: n * 4 }, () => Math.floor(random() * 256)));
        const plain = packet(n, SSRC, payload);
        const secret = send(sender, plain);
        assert.deepEqual(peer.unprotect(secret), plain, `${n * 4} bytes to OpenSSL`);
        assert.deepEqual(take(receiver, peer.protect(plain)), plain, `${n * 4} bytes from OpenSSL`);
      }
    });
  }

  test('leaves CSRC list and extension in clear and refuses those that run past the end', () => {
    const plain = hex('92 00 0001 00000001 cafebabe 00000001 00000002 bede0001 01020304 7777777777');
    const receiver = new SrtpReceiver(spec().receive);
    assert.deepEqual(take(receiver, new SrtpPeer(MASTER).protect(plain, 0, 28)), plain);
    for (const first of ['8f', '9f', '9d']) {
      const lying = hex(`${first} 00 0001 00000001 cafebabe 0000ffff 11111111 22222222 33333333`);
      assert.equal(take(receiver, lying), undefined, first);
    }
  });

  test('takes each packet once, late ones within 64, and counts rollovers with packets missing', () => {
    const sender = new SrtpSender(spec().send);
    const receiver = new SrtpReceiver(spec().receive);
    const sent = new Map<number, Buffer>();
    for (let n = 65_400; n < 65_700; n++) sent.set(n, send(sender, packet(n)));
    const takes = (n: number): boolean => take(receiver, sent.get(n)!)?.equals(packet(n)) ?? false;
    for (let n = 65_400; n < 65_700; n += 2) assert.ok(takes(n), `packet ${n}`);
    for (let n = 65_400; n < 65_700; n += 2) assert.ok(!takes(n), `a copy of packet ${n}`);
    for (const n of [65_697, 65_667, 65_665, 65_637, 65_635]) {
      assert.ok(takes(n), `late, by ${65_698 - n}`);
      assert.ok(!takes(n), `late, by ${65_698 - n}, and a copy`);
    }
    assert.ok(!takes(65_633), 'too late, by 65');
    assert.ok(!takes(65_401), 'of the round before, and too late');
  });

  test('remembers exactly what came, whatever the order', () => {
    const random = seededRandom(64);
    const receiver = new SrtpReceiver(spec().receive);
    const peer = new SrtpPeer(MASTER);
    const came = new Set<number>();
    let newest = 65_000;
    for (let i = 0; i < 4000; i++) {
      const n = Math.max(65_000, newest + Math.floor((random() - 0.6) * (random() < 0.05 ? 400 : 90)));
      const isNew = !came.has(n) && newest - n < 64;
      const taken = take(receiver, peer.protect(packet(n), n >> 16)) !== undefined;
      assert.equal(taken, isNew, `packet ${n}, when the newest was ${newest}`);
      if (taken) came.add(n);
      newest = Math.max(newest, n);
    }
    assert.ok(newest > 65_600, 'beyond a rollover');
  });

  test('nothing that was refused shifts the count of rollovers', () => {
    const receiver = new SrtpReceiver(spec().receive);
    const peer = new SrtpPeer(MASTER);
    assert.ok(take(receiver, peer.protect(packet(65_000))), 'the first packet');
    for (const n of [200, 40_000, 32_000, 65_535]) {
      const forged = peer.protect(packet(n));
      forged[forged.length - 1]! ^= 1;
      assert.equal(take(receiver, forged), undefined, `forged ${n}`);
    }
    assert.ok(take(receiver, peer.protect(packet(65_001))), 'the next packet');
    assert.ok(take(receiver, peer.protect(packet(3), 1)), 'and one of the next round');
    assert.equal(take(receiver, peer.protect(packet(4))), undefined, 'but none of the round before');
  });

  test('a peer that goes on with another SSRC is heard, and its old packets are not taken again', () => {
    const receiver = new SrtpReceiver(spec().receive);
    const peer = new SrtpPeer(MASTER);
    const old = [1, 2, 3].map((n) => peer.protect(packet(n, 1)));
    for (const each of old) assert.ok(take(receiver, each), 'the first stream');
    for (const ssrc of [2, 3, 4]) assert.ok(take(receiver, peer.protect(packet(9, ssrc))), `stream ${ssrc}`);
    for (const each of old) assert.equal(take(receiver, each), undefined, 'the first stream, played again');
    assert.ok(take(receiver, peer.protect(packet(10, 4))), 'the last stream goes on');
    assert.ok(take(receiver, peer.protect(packet(1, 5))), 'a fifth takes the place of the oldest');
    assert.equal(take(receiver, peer.protect(packet(10, 4))), undefined, 'and not of the one before it');
  });

  test('whoever goes on from memory keeps rollovers, indices and the replay window', () => {
    const first = spec();
    const before = new SrtpSender(first.send);
    const heard = new SrtpReceiver(first.receive);
    const peer = new SrtpPeer(MASTER);
    for (const n of [65_534, 65_535, 65_536]) {
      send(before, packet(n));
      take(heard, peer.protect(packet(n), n >> 16));
    }
    before.protectReport(hex('80c80006 cafebabe 00000000'));
    take(heard, peer.protectReport(hex('80c80006 cafebabe 00000000'), 5), 'unprotectReport');

    const copy = structuredClone(first);
    const after = new SrtpSender(copy.send);
    assert.deepEqual(peer.unprotect(send(after, packet(65_537)), 1), packet(65_537));
    const report = after.protectReport(hex('80c80006 cafebabe 00000000'));
    assert.equal(Buffer.from(report).readUInt32BE(report.length - 14), 0x80000001, 'index of the second report');
    const hears = new SrtpReceiver(copy.receive);
    assert.equal(take(hears, peer.protect(packet(65_536), 1)), undefined, 'what had come before');
    assert.deepEqual(take(hears, peer.protect(packet(65_537), 1)), packet(65_537));
    const again = peer.protectReport(hex('80c80006 cafebabe 00000000'), 5);
    assert.equal(take(hears, again, 'unprotectReport'), undefined, 'a report that had come before');
  });

  test('a new key begins anew, one that stays goes on, and each direction for itself', () => {
    const first = spec();
    const same = spec('AES_CM_128_HMAC_SHA1_80', first);
    assert.equal(same.send.memory, first.send.memory);
    assert.equal(same.receive.memory, first.receive.memory);
    const half = srtpSpec({ suite: 'AES_CM_128_HMAC_SHA1_80', send: MASTER, receive: OTHER }, first);
    assert.equal(half.send.memory, first.send.memory);
    assert.notEqual(half.receive.memory, first.receive.memory);
    assert.notEqual(spec('AES_CM_128_HMAC_SHA1_32', first).send.memory, first.send.memory);
  });

  test('allocates nothing for a packet: the same length comes in the same view', () => {
    const sender = new SrtpSender(spec().send);
    const head = packet(1).subarray(0, RTP_HEADER_BYTES);
    assert.equal(sender.protect(head, Buffer.alloc(160)), sender.protect(head, Buffer.alloc(160)));
  });
});

suite('SRTCP', () => {
  const REPORT = hex('80c80006 cafebabe 0102030405060708 090a0b0c 00000001 00000002');

  test('agrees with OpenSSL, and its index rises', () => {
    const sender = new SrtpSender(spec('AES_CM_128_HMAC_SHA1_32').send);
    const receiver = new SrtpReceiver(spec('AES_CM_128_HMAC_SHA1_32').receive);
    const peer = new SrtpPeer(MASTER, 4);
    for (let index = 0; index < 70_000; index += 1000) {
      const sent = Buffer.from(sender.protectReport(REPORT));
      assert.equal(sent.length, REPORT.length + 14, 'index and a tag of 80 bits in both suites');
      assert.equal(sent.readUInt32BE(REPORT.length), 0x80000000 + index / 1000);
      assert.deepEqual(peer.unprotectReport(sent), REPORT);
      assert.deepEqual(take(receiver, peer.protectReport(REPORT, index), 'unprotectReport'), REPORT, `index ${index}`);
    }
  });

  test('takes reports in clear that are authentic, and each once', () => {
    const receiver = new SrtpReceiver(spec().receive);
    const peer = new SrtpPeer(MASTER);
    assert.deepEqual(take(receiver, peer.protectReport(REPORT, 3, false), 'unprotectReport'), REPORT);
    assert.equal(take(receiver, peer.protectReport(REPORT, 3), 'unprotectReport'), undefined, 'the same index');
    assert.ok(take(receiver, peer.protectReport(REPORT, 2), 'unprotectReport'), 'a late one');
    const huge = peer.protectReport(REPORT, 0x7fffffff);
    assert.ok(take(receiver, huge, 'unprotectReport'), 'the last index of all');
    assert.equal(take(receiver, peer.protectReport(REPORT, 4), 'unprotectReport'), undefined, 'far too late');
  });

  test('refuses every changed bit and every cut', () => {
    const receiver = new SrtpReceiver(spec().receive);
    const secret = new SrtpPeer(MASTER).protectReport(REPORT, 1);
    for (let bit = 0; bit < secret.length * 8; bit++) {
      const changed = Buffer.from(secret);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(take(receiver, changed, 'unprotectReport'), undefined, `bit ${bit}`);
    }
    for (let length = 0; length < secret.length; length++)
      assert.equal(take(receiver, secret.subarray(0, length), 'unprotectReport'), undefined, `${length} bytes`);
    assert.ok(take(receiver, secret, 'unprotectReport'), 'the true one is still taken');
  });
});

test('noise is refused, whatever its length, by both and without a fault', () => {
  const random = seededRandom(13);
  const receiver = new SrtpReceiver(spec().receive);
  for (let i = 0; i < 20_000; i++) {
    const noise = Buffer.from(Array.from({ length: Math.floor(random() * 80) }, () => Math.floor(random() * 256)));
    if (noise.length > 0 && i % 2 === 0) noise[0] = 0x80 | (noise[0]! & 0x3f);
    assert.equal(take(receiver, noise), undefined, noise.toString('hex'));
    assert.equal(take(receiver, noise, 'unprotectReport'), undefined, noise.toString('hex'));
  }
});
