import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  middleOfNtp,
  parseRtcp,
  type ReportBlock,
  RtcpFault,
  type RtcpPacket,
  roundTripMs,
  type SenderInfo,
  setNtpTime,
  writeCname,
  writeGoodbye,
  writeReport,
} from '../../../../media/rtp/rtcp.ts';
import { holds } from '../../../fuzz/run.ts';
import { MEDIA_TARGETS } from '../../../fuzz/targets/media.ts';

const packets: RtcpPacket[] = [];

function parse(bytes: readonly number[]): RtcpFault {
  return parseRtcp(Uint8Array.from(bytes), 0, bytes.length, packets);
}

// biome-ignore format: one line a field
const SENDER_REPORT = [
  0x81, 200, 0, 12, // version 2, one block, 13 words
  0x11, 0x22, 0x33, 0x44, // SSRC of the sender
  0xe6, 0x00, 0x00, 0x01, 0x80, 0x00, 0x00, 0x00, // NTP time
  0x00, 0x01, 0x00, 0x00, // RTP timestamp
  0x00, 0x00, 0x00, 0x32, // packets
  0x00, 0x00, 0x1f, 0x40, // octets
  0xaa, 0xbb, 0xcc, 0xdd, // block: SSRC
  0x40, 0xff, 0xff, 0xfe, // a quarter lost, -2 in all
  0x00, 0x01, 0x00, 0x05, // one wrap, sequence 5
  0x00, 0x00, 0x00, 0x50, // jitter
  0x00, 0x01, 0x80, 0x00, // last sender report
  0x00, 0x01, 0x00, 0x00, // one second ago
];
// biome-ignore format: one line a field
const DESCRIPTION = [
  0x81, 202, 0, 3, // one chunk, 4 words
  0x11, 0x22, 0x33, 0x44, // SSRC
  1, 3, 0x61, 0x40, 0x62, // CNAME a@b
  0, 0, 0, // end, filled up
];
const GOODBYE = [0x81, 203, 0, 1, 0x11, 0x22, 0x33, 0x44];
const EMPTY_REPORT = [0x80, 201, 0, 1, 0, 0, 0, 1];

test('a compound of report, description and goodbye is read field by field', () => {
  assert.equal(parse([...SENDER_REPORT, ...DESCRIPTION, ...GOODBYE]), RtcpFault.none);
  assert.deepEqual(packets, [
    {
      type: 'senderReport',
      ssrc: 0x11223344,
      sender: { ntpSeconds: 0xe6000001, ntpFraction: 0x80000000, rtpTimestamp: 65_536, packets: 50, octets: 8000 },
      blocks: [
        {
          ssrc: 0xaabbccdd,
          fractionLost: 64,
          cumulativeLost: -2,
          highestSequence: 65_541,
          jitter: 80,
          lastSenderReport: 0x18000,
          delaySinceLastSenderReport: 65_536,
        },
      ],
    },
    { type: 'sourceDescription', sources: [{ ssrc: 0x11223344, cname: 'a@b' }] },
    { type: 'goodbye', ssrcs: [0x11223344] },
  ]);
});

test('packets of other types are stepped over, and padding of the last one too', () => {
  const feedback = [0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
  const padded = [0xa1, 203, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
  assert.equal(parse([...EMPTY_REPORT, ...feedback, ...padded]), RtcpFault.none);
  assert.deepEqual(
    packets.map(({ type }) => type),
    ['receiverReport', 'goodbye'],
  );
});

test('each broken compound is refused with its reason, and leaves nothing', () => {
  const cases: [RtcpFault, number[]][] = [
    [RtcpFault.short, [0x80, 201, 0, 0]],
    [RtcpFault.version, [0x40, 201, 0, 1, 0, 0, 0, 1]],
    [RtcpFault.order, GOODBYE],
    [RtcpFault.length, [0x80, 201, 0, 2, 0, 0, 0, 1]],
    [RtcpFault.length, [...EMPTY_REPORT, 0x80, 203]],
    [RtcpFault.length, [0xa0, 201, 0, 1, 0, 0, 0, 0]],
    [RtcpFault.length, [0xa0, 201, 0, 1, 0, 0, 0, 8]],
    [RtcpFault.length, [0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, ...GOODBYE]],
    [RtcpFault.length, Array.from({ length: 17 }, () => EMPTY_REPORT).flat()],
    [RtcpFault.content, [0x81, 201, 0, 1, 0, 0, 0, 1]],
    [RtcpFault.content, [0x80, 200, 0, 1, 0, 0, 0, 1]],
    [RtcpFault.content, [...EMPTY_REPORT, 0x82, 203, 0, 1, 0, 0, 0, 1]],
    [RtcpFault.content, [...EMPTY_REPORT, 0x81, 202, 0, 1, 0, 0, 0, 1]],
    [RtcpFault.content, [...EMPTY_REPORT, 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 3, 0x61, 0x62]],
    [RtcpFault.content, [...EMPTY_REPORT, 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, 0x61, 0x62]],
  ];
  for (const [fault, bytes] of cases) {
    assert.equal(parse(bytes), fault, `${bytes}`);
    assert.equal(packets.length, 0);
  }
});

test('what is written is read again, within a larger buffer', () => {
  const sender: SenderInfo = { ntpSeconds: 0, ntpFraction: 0, rtpTimestamp: 0xffff_fff0, packets: 7, octets: 1120 };
  setNtpTime(sender, 1_700_000_000_250);
  assert.equal(sender.ntpSeconds, 1_700_000_000 + 2_208_988_800);
  assert.equal(sender.ntpFraction, 2 ** 30);
  const block: ReportBlock = {
    ssrc: 0xdeadbeef,
    fractionLost: 255,
    cumulativeLost: 0x7fffff,
    highestSequence: 0xffff_ffff,
    jitter: 12,
    lastSenderReport: 0x8000_0001,
    delaySinceLastSenderReport: 3,
  };
  const bytes = new Uint8Array(500).fill(0xee);
  let end = writeReport(bytes, 8, 0x8000_0002, sender, [block, { ...block, ssrc: 1, cumulativeLost: -0x80_0000 }]);
  end = writeCname(bytes, end, 0x8000_0002, 'ünïcode@host');
  end = writeGoodbye(bytes, end, 0x8000_0002);
  assert.equal(bytes[end], 0xee);
  assert.equal(parseRtcp(bytes, 8, end, packets), RtcpFault.none);
  assert.deepEqual(packets, [
    {
      type: 'senderReport',
      ssrc: 0x8000_0002,
      sender,
      blocks: [block, { ...block, ssrc: 1, cumulativeLost: -0x80_0000 }],
    },
    { type: 'sourceDescription', sources: [{ ssrc: 0x8000_0002, cname: 'ünïcode@host' }] },
    { type: 'goodbye', ssrcs: [0x8000_0002] },
  ]);
});

test('names of every length end on a whole word', () => {
  for (let length = 0; length <= 300; length++) {
    const bytes = new Uint8Array(300);
    let end = writeReport(bytes, 0, 1, undefined, []);
    end = writeCname(bytes, end, 1, 'n'.repeat(length));
    assert.equal(parseRtcp(bytes, 0, end, packets), RtcpFault.none);
    const last = packets[1];
    assert.ok(last?.type === 'sourceDescription');
    assert.equal(last.sources[0]!.cname.length, Math.min(255, length));
  }
});

test('the round trip is what passed less what the peer waited', () => {
  const block: ReportBlock = {
    ssrc: 1,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    // The example of RFC 3550 figure 2: 6.125 s of round trip.
    lastSenderReport: 0xb705_2000,
    delaySinceLastSenderReport: 0x0005_4000,
  };
  assert.equal(roundTripMs(block, 0xb710_8000), 6125);
  assert.equal(roundTripMs({ ...block, lastSenderReport: 0 }, 0xb710_8000), undefined);
  assert.equal(roundTripMs(block, 0xb705_2000), undefined, 'an answer before the question');
  assert.equal(
    roundTripMs({ ...block, lastSenderReport: 0xffff_ff00, delaySinceLastSenderReport: 0 }, 0x0000_ff00),
    1000,
  );
  assert.equal(middleOfNtp(0xb44d_b705, 0x2000_0000), 0xb705_2000);
});

test('no bytes whatever make the parser throw or read outside them', () => holds(MEDIA_TARGETS.rtcp, 30_000));
