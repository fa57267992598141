import type { CodecName } from '../codec/codec.ts';

/*
 * How a call sounds, estimated from what can be measured: the E-model of ITU-T G.107 with all its defaults, which leaves
 * delay, codec and loss. It was made for narrowband telephony; for wideband codecs it says how much loss and delay take away,
 * not how much better they sound.
 */

/** Rating of a connection with the default values and nothing wrong: the basic signal-to-noise ratio less loudness. */
const BEST_RATING = 93.2;

/** A codec's equipment impairment Ie, and its robustness to loss Bpl (ITU-T G.113 appendix I; estimates where it is silent). */
const CODECS: Readonly<Record<CodecName, { readonly impairment: number; readonly robustness: number }>> = {
  // With concealment after G.711 Appendix I.
  PCMU: { impairment: 0, robustness: 25.1 },
  PCMA: { impairment: 0, robustness: 25.1 },
  L16: { impairment: 0, robustness: 25.1 },
  // Our concealment repeats its decoder's output; the decoder itself needs a moment to recover.
  G722: { impairment: 0, robustness: 15 },
  opus: { impairment: 0, robustness: 30 },
};

export interface QualityInput {
  readonly codec: CodecName;
  /** Share of packets that could not be played, 0 to 1: lost, and come too late. */
  readonly lossShare: number;
  /** Mouth to ear, one way, in ms: half the round trip, packet time, playout delay. */
  readonly delayMs: number;
  /** How bunched the losses are: 1 when each is on its own, the default; 2 when bursts are twice as long as by chance. */
  readonly burstRatio?: number;
}

export interface Quality {
  /** Transmission rating R, 0 to 93.2. */
  readonly rating: number;
  /** Mean opinion score that corresponds, 1 to 4.41. */
  readonly mos: number;
}

/** Estimates conversational quality (ITU-T G.107 sections 7.4 and 7.5, annex B). */
export function estimateQuality(input: QualityInput): Quality {
  const { impairment, robustness } = CODECS[input.codec];
  const lossPercent = 100 * Math.max(0, Math.min(1, input.lossShare));
  const burstRatio = Math.max(1, input.burstRatio ?? 1);
  const lossImpairment =
    impairment + (95 - impairment) * (lossPercent === 0 ? 0 : lossPercent / (lossPercent / burstRatio + robustness));
  const rating = Math.max(0, BEST_RATING - delayImpairment(Math.max(0, input.delayMs)) - lossImpairment);
  return { rating, mos: meanOpinion(rating) };
}

/** Nothing to speak of up to 177 ms one way, then steeply more: the usual approximation of G.107's Idd and its echo terms. */
function delayImpairment(delayMs: number): number {
  return 0.024 * delayMs + 0.11 * Math.max(0, delayMs - 177.3);
}

/** ITU-T G.107 annex B. */
function meanOpinion(rating: number): number {
  if (rating >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}
