import type { PlayoutCounters } from '../rtp/playout-counters.ts';

/** What all RTP legs of a mixer thread count together. */
export class RtpTotals {
  packetsIn = 0;
  packetsOut = 0;
  lost = 0;
  concealed = 0;
  reordered = 0;
  resyncs = 0;
  stretched = 0;
  recovered = 0;
  /** Digits that did not go out, and pauses between them. */
  digitsDropped = 0;
  /** Ports of a peer's NAT that moved and were followed. */
  rebinds = 0;
  readonly discarded = {
    /** Not RTP. */
    malformed: 0,
    /** Not authentic under the call's key, or come before. */
    srtp: 0,
    /** From an address or a stream that is not the call's. */
    foreign: 0,
    /** A payload type that was not negotiated. */
    payload_type: 0,
    /** While the call is on hold in that direction. */
    direction: 0,
    late: 0,
    duplicate: 0,
    overflow: 0,
    /** Far from the stream's numbers. */
    jump: 0,
    /** Empty, or larger than any packet of audio. */
    size: 0,
    undecodable: 0,
  };
}

type DiscardReason = 'late' | 'duplicate' | 'overflow' | 'jump' | 'size' | 'undecodable';

/** Carries one playout's counters over to the totals, each count once. */
export class PlayoutTally {
  #lost = 0;
  #concealed = 0;
  #reordered = 0;
  #resyncs = 0;
  #stretched = 0;
  #recovered = 0;
  readonly #discarded = { late: 0, duplicate: 0, overflow: 0, jump: 0, size: 0, undecodable: 0 };

  addTo(totals: RtpTotals, counters: PlayoutCounters): void {
    // A packet that comes late takes its loss back; a counter for Prometheus cannot.
    totals.lost += Math.max(0, counters.lost - this.#lost);
    this.#lost = Math.max(this.#lost, counters.lost);
    totals.concealed += counters.concealedFrames - this.#concealed;
    this.#concealed = counters.concealedFrames;
    totals.reordered += counters.reordered - this.#reordered;
    this.#reordered = counters.reordered;
    totals.resyncs += counters.resyncs - this.#resyncs;
    this.#resyncs = counters.resyncs;
    totals.stretched += counters.stretched - this.#stretched;
    this.#stretched = counters.stretched;
    totals.recovered += counters.recovered - this.#recovered;
    this.#recovered = counters.recovered;
    const { discarded } = counters;
    this.#discard(totals, 'late', counters.late);
    this.#discard(totals, 'duplicate', counters.duplicate);
    this.#discard(totals, 'overflow', discarded.overflow);
    this.#discard(totals, 'jump', discarded.jump);
    this.#discard(totals, 'size', discarded.size);
    this.#discard(totals, 'undecodable', discarded.undecodable);
  }

  #discard(totals: RtpTotals, reason: DiscardReason, count: number): void {
    totals.discarded[reason] += count - this.#discarded[reason];
    this.#discarded[reason] = count;
  }
}
