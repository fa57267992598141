import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { mulaw } from '../../../media/codec/g711.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../media/rtp/packet.ts';
import { buildGenerator, type LoadReport, type Onset, toneHz } from '../../bench/load/generator.ts';
import { requireProgram } from '../../support/programs.ts';
import { tone } from '../../support/tones.ts';

const FRAME = 160;
const FRAME_NS = 20_000_000;
const MS = 1_000_000;
/** The window begins with frame 50 and ends with frame 100: 50 frames before it settle the clock. */
const BEGIN = 1_000_000_000;
const SETTLED = 50;
const COUNTED = 50;
const END = BEGIN + COUNTED * FRAME_NS;

interface Packet {
  at: number;
  sequence: number;
  timestamp: number;
  ssrc: number;
  samples: Int16Array;
}

/** A stream on time: frame k comes at k * 20 ms, a millisecond after the window's own grid. */
function stream(tones: readonly number[] = [], frames = SETTLED + COUNTED): Packet[] {
  return Array.from({ length: frames }, (_, k) => ({
    at: k * FRAME_NS + MS,
    sequence: (65_500 + k) & 0xffff,
    timestamp: (0xffff_f000 + k * FRAME) >>> 0,
    ssrc: 7,
    samples: tone(
      8000,
      FRAME,
      tones.map((index) => ({ hz: toneHz(index), db: -20 })),
      k * FRAME,
    ),
  }));
}

function bytesOf({ sequence, timestamp, ssrc, samples }: Packet): Uint8Array {
  const packet = new Uint8Array(RTP_HEADER_BYTES + FRAME);
  writeRtpHeader(packet, 0, false, 0, sequence, timestamp, ssrc);
  mulaw.createEncoder().encode(samples, packet, RTP_HEADER_BYTES);
  return packet;
}

/** The judge is a C program: without a compiler its tests are skipped. */
function judged(name: string, check: () => void): void {
  test(name, (t) => {
    if (requireProgram(t, 'cc')) check();
  });
}

describe('what the load generator makes of packets', () => {
  let folder = '';
  let program = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'partyline-judge-'));
    program = buildGenerator(folder) ?? '';
  });
  after(() => rmSync(folder, { recursive: true }));

  function judge(
    packets: readonly (Packet | { at: number; bytes: Uint8Array })[],
    { expected = [] as number[], watched = -1 } = {},
  ): { report: LoadReport; onsets: readonly Onset[] } {
    const mask = expected.reduce((set, index) => set | (1n << BigInt(index)), 0n);
    const lines = packets.map((packet) => {
      const bytes = 'bytes' in packet ? packet.bytes : bytesOf(packet);
      return `${packet.at} ${Buffer.from(bytes).toString('hex')}`;
    });
    const input = [`${BEGIN} ${END} 1 -32 ${mask.toString(16)} ${watched}`, ...lines, ''].join('\n');
    const { stdout, status } = spawnSync(program, ['judge'], { input, encoding: 'utf8' });
    assert.equal(status, 0);
    const [report, onsets] = stdout.trim().split('\n');
    return { report: JSON.parse(report ?? ''), onsets: JSON.parse(onsets ?? '').list };
  }

  judged('a stream on time is complete, and nothing in it is wrong', () => {
    const { report } = judge(stream([3, 9]), { expected: [3, 9] });
    assert.equal(report.expected, COUNTED);
    assert.equal(report.received, COUNTED);
    assert.equal(report.framesChecked, COUNTED);
    for (const name of [
      'missing',
      'late',
      'sequenceGaps',
      'reordered',
      'duplicate',
      'badTimestamps',
      'ssrcChanges',
      'malformed',
      'framesWrong',
      'silentLegs',
    ] as const)
      assert.equal(report[name], 0, name);
    assert.ok(report.lateness.max <= 0.02, `late by ${report.lateness.max} ms`);
    assert.equal(report.jitter.p99, 0);
  });

  judged('a lost packet is a gap in the sequence and a missing frame', () => {
    const { report } = judge(stream().toSpliced(70, 2));
    assert.deepEqual([report.sequenceGaps, report.missing, report.badTimestamps], [2, 2, 0]);
  });

  judged('a frame that the sender skipped is missing, without a gap in the sequence', () => {
    const packets = stream();
    for (const packet of packets.slice(70)) {
      packet.at += FRAME_NS;
      packet.timestamp = (packet.timestamp + FRAME) >>> 0;
    }
    const { report } = judge(packets);
    assert.deepEqual([report.sequenceGaps, report.missing, report.late], [0, 1, 0]);
  });

  judged('a packet is late when it is more than 20 ms behind the clock of its stream', () => {
    const packets = stream();
    packets[60]!.at += 19 * MS;
    packets[80]!.at += 21 * MS;
    // Held back behind the late one, as a socket would.
    packets[81]!.at = packets[80]!.at;
    const { report } = judge(packets);
    assert.deepEqual([report.late, report.missing, report.sequenceGaps], [1, 0, 0]);
    assert.ok(Math.abs(report.lateness.max - 21) < 0.05);
  });

  judged('packets that come late by their own clock and after the window are not taken for missing', () => {
    const packets = stream();
    packets.at(-1)!.at += 100 * MS;
    const { report } = judge(packets);
    assert.deepEqual([report.received, report.missing, report.late], [COUNTED, 0, 1]);
  });

  judged('the earliest packet before the window sets the clock', () => {
    const packets = stream();
    for (const packet of packets) if (packet.sequence % 2 === 0) packet.at += 3 * MS;
    const { report } = judge(packets);
    assert.ok(Math.abs(report.lateness.p99 - 3) < 0.05);
    assert.ok(report.lateness.p50 <= 0.02);
  });

  judged('jitter is that of RFC 3550', () => {
    const packets = stream();
    for (const [k, packet] of packets.entries()) packet.at += k % 2 === 0 ? 0 : 2 * MS;
    // Every step is 2 ms: J = J + (2 - J) / 16, from 0, 99 times.
    const wanted = 2 * (1 - (15 / 16) ** 99);
    assert.ok(Math.abs(judge(packets).report.jitter.p99 - wanted) < 0.002);
  });

  judged('packets that change places are counted, and none of them is lost', () => {
    const packets = stream();
    const [first, second] = [packets[70]!, packets[71]!];
    [first.at, second.at] = [second.at, first.at];
    packets.sort((a, b) => a.at - b.at);
    const { report } = judge(packets);
    assert.deepEqual([report.reordered, report.sequenceGaps, report.missing], [1, 0, 0]);
  });

  judged('a packet that comes twice is counted once', () => {
    const packets = stream();
    packets.splice(70, 0, packets[69]!);
    const { report } = judge(packets);
    assert.deepEqual([report.duplicate, report.received, report.missing], [1, COUNTED, 0]);
  });

  judged('a timestamp off the grid of frames, or one that stands still, is wrong', () => {
    const torn = stream();
    for (const packet of torn.slice(70)) packet.timestamp = (packet.timestamp + 80) >>> 0;
    assert.equal(judge(torn).report.badTimestamps, 1);
    const standing = stream();
    standing[70]!.timestamp = standing[69]!.timestamp;
    assert.ok(judge(standing).report.badTimestamps >= 1);
  });

  judged('another SSRC in the middle is noticed', () => {
    const packets = stream();
    for (const packet of packets.slice(70)) packet.ssrc = 8;
    assert.equal(judge(packets).report.ssrcChanges, 1);
  });

  judged('what is no frame of PCMU is malformed', () => {
    const short = { at: 60 * FRAME_NS + 2 * MS, bytes: new Uint8Array(100) };
    const pcma = { at: 60 * FRAME_NS + 3 * MS, bytes: bytesOf(stream()[0]!) };
    pcma.bytes[1] = 8;
    const packets = [...stream(), short, pcma].sort((a, b) => a.at - b.at);
    const { report } = judge(packets);
    assert.deepEqual([report.malformed, report.missing], [2, 0]);
  });

  judged('a stream that never came is silent, and all of it is missing', () => {
    const { report } = judge([]);
    assert.deepEqual([report.silentLegs, report.missing, report.expected], [1, COUNTED, COUNTED]);
  });

  judged('a talker who is missing and one who should not be heard are told by their tones', () => {
    const { report } = judge(stream([3, 5]), { expected: [3, 9] });
    assert.equal(report.framesWrong, COUNTED);
    assert.deepEqual(
      report.faulty.map(({ missing, extra }) => [missing, extra]),
      [['200', '20']],
    );
  });

  judged('tones one step apart are told from each other, the lowest and the highest too', () => {
    for (const index of [0, 31, 32, 63]) {
      const { report } = judge(stream([index]), { expected: [index] });
      assert.equal(report.framesWrong, 0, `tone ${index}`);
    }
  });

  judged('an onset is where the first loud sample after quiet comes', () => {
    const packets = stream();
    const samples = new Int16Array(FRAME);
    samples.fill(8000, 40);
    packets[75]!.samples = samples;
    packets[76]!.samples = new Int16Array(FRAME).fill(8000);
    const { onsets } = judge(packets);
    assert.deepEqual(onsets, [[0, 'r', (packets[75]!.at + 40 * 125_000) / MS]]);
  });

  judged('a watched tone begins with the packet that first holds it, whatever else sounds', () => {
    const quiet = stream([3]);
    const both = stream([3, 50]);
    const packets = quiet.map((packet, k) => (k < 75 ? packet : both[k]!));
    const { onsets } = judge(packets, { watched: 50 });
    assert.deepEqual(onsets, [[0, 'r', packets[75]!.at / MS]]);
  });
});
