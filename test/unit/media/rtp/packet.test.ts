import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRtcp, parseRtp, RtpFault, RtpHeader, writeRtpHeader } from '../../../../media/rtp/packet.ts';
import { holds } from '../../../fuzz/run.ts';
import { MEDIA_TARGETS } from '../../../fuzz/targets/media.ts';

const header = new RtpHeader();

function parse(bytes: number[]): RtpFault {
  const datagram = Uint8Array.from(bytes);
  return parseRtp(datagram, 0, datagram.length, header);
}

// biome-ignore format: one line a field
const PLAIN = [
  0x80, // version 2, no padding, no extension, no CSRC
  0x80 | 8, // marker, payload type 8
  0x12, 0x34, // sequence
  0xfe, 0xdc, 0xba, 0x98, // timestamp
  0x89, 0xab, 0xcd, 0xef, // SSRC
];

test('the fields of a plain packet are read', () => {
  assert.equal(parse([...PLAIN, 1, 2, 3]), RtpFault.none);
  assert.deepEqual(
    { ...header },
    {
      marker: true,
      payloadType: 8,
      sequence: 0x1234,
      timestamp: 0xfedcba98,
      ssrc: 0x89abcdef,
      payloadOffset: 12,
      payloadLength: 3,
    },
  );
});

test('a packet inside a larger buffer is read at its place', () => {
  const buffer = Uint8Array.from([9, 9, 9, ...PLAIN, 7, 7, 9]);
  assert.equal(parseRtp(buffer, 3, 17, header), RtpFault.none);
  assert.equal(header.sequence, 0x1234);
  assert.equal(header.payloadOffset, 15);
  assert.equal(header.payloadLength, 2);
});

test('CSRC, extension and padding surround the payload without being part of it', () => {
  const bytes = [
    ...[0x80 | 0x20 | 0x10 | 2, ...PLAIN.slice(1)], // padding, extension, two CSRC
    ...[0, 0, 0, 1, 0, 0, 0, 2], // the CSRC
    ...[0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0], // RFC 8285: one word, element 1 of one byte
    ...[0xaa, 0xbb, 0xcc], // payload
    ...[0, 0, 3], // padding of three
  ];
  assert.equal(parse(bytes), RtpFault.none);
  assert.equal(header.payloadOffset, 28);
  assert.equal(header.payloadLength, 3);
});

test('each broken packet is refused with its reason', () => {
  const tail = PLAIN.slice(1);
  const cases: [RtpFault, number[]][] = [
    [RtpFault.short, []],
    [RtpFault.short, PLAIN.slice(0, 11)],
    [RtpFault.version, [0x40, ...tail]],
    [RtpFault.version, [0xc0, ...tail]],
    [RtpFault.contributors, [0x81, ...tail]],
    [RtpFault.contributors, [0x8f, ...tail, ...new Array(59).fill(0)]],
    [RtpFault.extension, [0x90, ...tail]],
    [RtpFault.extension, [0x90, ...tail, 0, 0, 0, 1, 0, 0, 0]],
    [RtpFault.extension, [0x90, ...tail, 0xbe, 0xde, 0xff, 0xff, 0, 0, 0, 0]],
    [RtpFault.padding, [0xa0, ...tail]],
    [RtpFault.padding, [0xa0, ...tail, 1, 2, 0]],
    [RtpFault.padding, [0xa0, ...tail, 1, 2, 4]],
  ];
  for (const [fault, bytes] of cases) assert.equal(parse(bytes), fault, `${bytes}`);
  assert.equal(parseRtp(Uint8Array.from(PLAIN), 0, 13, header), RtpFault.short, 'an end past the buffer');
});

test('a packet of padding alone and one without payload are whole packets', () => {
  assert.equal(parse([0xa0, ...PLAIN.slice(1), 0, 2]), RtpFault.none);
  assert.equal(header.payloadLength, 0);
  assert.equal(parse(PLAIN), RtpFault.none);
  assert.equal(header.payloadLength, 0);
});

test('a header that is written is read again, at any offset and past every wrap', () => {
  const bytes = new Uint8Array(40);
  assert.equal(writeRtpHeader(bytes, 5, true, 0, 0x1_ffff, 0x3_8000_0001, 0xffff_fffe), 17);
  assert.equal(parseRtp(bytes, 5, 40, header), RtpFault.none);
  assert.equal(header.sequence, 0xffff);
  assert.equal(header.timestamp, 0x8000_0001);
  assert.equal(header.ssrc, 0xffff_fffe);
  assert.equal(header.marker, true);
  assert.equal(header.payloadType, 0);
  assert.equal(bytes[4], 0);
});

test('RTCP on the same port is told by its packet type', () => {
  assert.equal(isRtcp(Uint8Array.from([0x80, 200]), 0, 2), true);
  assert.equal(isRtcp(Uint8Array.from([0x80, 0x80 | 8]), 0, 2), false);
  assert.equal(isRtcp(Uint8Array.from([0x80]), 0, 1), false);
});

test('no bytes whatever make the parser throw or point outside them', () => holds(MEDIA_TARGETS.rtp, 50_000));
