import type { ReportBlock } from './rtcp.ts';
import { middleOfNtp } from './rtcp.ts';
import { extendSequence, sequenceDistance } from './sequence.ts';

/** A step of the sequence beyond these is a restart, once two packets agree on it (RFC 3550 appendix A.1). */
const LARGEST_DROPOUT = 3000;
const LARGEST_MISORDER = 100;
/** Stamps of a tick are not closer to it than this share of the grain. */
const GRAIN_TOLERANCE = 1.25;

export interface ReceptionStatsOptions {
  /** Hz of the RTP timestamp. */
  readonly clockRate: number;
  /**
   * Step of the arrival times in ms: 20 when packets are drained and stamped once a tick, 0 (the default) when they are
   * stamped as they come. Differences of one step then say nothing, and are not counted as jitter; jitter of less than a
   * step cannot be seen.
   */
  readonly arrivalGrainMs?: number;
}

/**
 * Counts one received stream for its receiver reports: what was expected and came, interarrival jitter, and the sender
 * reports to answer (RFC 3550 section 6.4.1, appendices A.1, A.3 and A.8). One for each SSRC that is listened to.
 */
export class ReceptionStats {
  /** Packets received, repeated and late ones too. */
  received = 0;
  private clockRate: number;
  private grainTicks: number;
  private begun = false;
  private firstSequence = 0;
  private highest = 0;
  private strayed = -1;
  private jitterTicks = 0;
  private arrivalTicks = 0;
  private lastTimestamp = 0;
  private paced = false;
  private expectedBefore = 0;
  private receivedBefore = 0;
  private lastSenderReport = 0;
  private senderReportMs = 0;

  constructor(options: ReceptionStatsOptions) {
    this.clockRate = options.clockRate;
    this.grainTicks = ((options.arrivalGrainMs ?? 0) * options.clockRate * GRAIN_TOLERANCE) / 1000;
  }

  /** Packets that should have come so far, by the sequence numbers. */
  get expected(): number {
    return this.begun ? this.highest - this.firstSequence + 1 : 0;
  }

  /** Packets lost so far; negative when packets were repeated. */
  get lost(): number {
    return this.expected - this.received;
  }

  /** Interarrival jitter in ms: a running mean of how much neighbours' spacing differs from what they say. */
  get jitterMs(): number {
    return (this.jitterTicks * 1000) / this.clockRate;
  }

  /**
   * Counts a packet. `paced`: its timestamp tells when it was sent, as sound's does; an event's says when the event began,
   * so event packets count for loss alone.
   */
  note(sequence: number, timestamp: number, arrivalMs: number, paced: boolean): void {
    if (!this.begun) {
      this.begin(sequence);
    } else {
      const steps = sequenceDistance(this.highest & 0xffff, sequence);
      if (steps > LARGEST_DROPOUT || steps < -LARGEST_MISORDER) {
        if (this.strayed !== sequence) {
          this.strayed = (sequence + 1) & 0xffff;
          return;
        }
        this.begin(sequence);
      } else if (steps > 0) {
        this.highest = extendSequence(this.highest, sequence);
      }
    }
    this.strayed = -1;
    this.received++;
    if (paced) this.noteArrival(timestamp | 0, (arrivalMs * this.clockRate) / 1000);
  }

  /** Takes note of a sender report that arrived at `arrivalMs`. */
  noteSenderReport(ntpSeconds: number, ntpFraction: number, arrivalMs: number): void {
    this.lastSenderReport = middleOfNtp(ntpSeconds, ntpFraction);
    this.senderReportMs = arrivalMs;
  }

  /** Fills in everything of a report block but the SSRC, and begins the next interval. */
  report(block: ReportBlock, nowMs: number): void {
    const { expected, received } = this;
    const expectedNow = expected - this.expectedBefore;
    const lostNow = expectedNow - (received - this.receivedBefore);
    this.expectedBefore = expected;
    this.receivedBefore = received;
    block.fractionLost =
      lostNow <= 0 || expectedNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow));
    block.cumulativeLost = Math.max(-0x80_0000, Math.min(0x7f_ffff, expected - received));
    block.highestSequence = this.highest >>> 0;
    block.jitter = Math.floor(this.jitterTicks);
    block.lastSenderReport = this.lastSenderReport;
    block.delaySinceLastSenderReport =
      this.lastSenderReport === 0 ? 0 : Math.floor(((nowMs - this.senderReportMs) * 65_536) / 1000) >>> 0;
  }

  /** The same stream goes on with another codec, whose timestamps count in `clockRate` Hz. */
  setClockRate(clockRate: number): void {
    const ratio = clockRate / this.clockRate;
    this.clockRate = clockRate;
    this.grainTicks *= ratio;
    this.jitterTicks *= ratio;
    this.paced = false;
  }

  /** Another source: forgets everything. */
  reset(): void {
    this.begun = false;
    this.strayed = -1;
    this.jitterTicks = 0;
    this.received = 0;
    this.expectedBefore = 0;
    this.receivedBefore = 0;
    this.paced = false;
    this.lastSenderReport = 0;
  }

  /** Begins to count at this packet; jitter and the sender's reports stay as they are. */
  private begin(sequence: number): void {
    this.begun = true;
    this.firstSequence = sequence;
    this.highest = sequence;
    this.received = 0;
    this.expectedBefore = 0;
    this.receivedBefore = 0;
    this.paced = false;
  }

  private noteArrival(timestamp: number, arrivalTicks: number): void {
    if (this.paced) {
      const difference = Math.abs(arrivalTicks - this.arrivalTicks - ((timestamp - this.lastTimestamp) | 0));
      // After a pause or a jump of the timestamps the difference is no jitter.
      if (difference < this.clockRate) {
        const seen = difference <= this.grainTicks ? 0 : difference;
        this.jitterTicks += (seen - this.jitterTicks) / 16;
      }
    }
    this.paced = true;
    this.arrivalTicks = arrivalTicks;
    this.lastTimestamp = timestamp;
  }
}
