/*
 * MPEG audio frame headers (ISO 11172-3 section 2.4.1.3, 13818-3, and the common 2.5 extension):
 *
 *   AAAAAAAA AAABBCCD EEEEFFGH IIJJKLMM
 *   A sync, all ones; B version; C layer; D no CRC; E bit rate; F sample rate; G padding; I channel mode (3 = mono)
 */

export interface MpegFrame {
  /** 1, 2, or 3 for MPEG 2.5. */
  readonly version: 1 | 2 | 3;
  readonly layer: 1 | 2 | 3;
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  /** Samples of each channel. */
  readonly samples: number;
  /** Length with its header. */
  readonly bytes: number;
}

export const MPEG_HEADER_BYTES = 4;
/** The longest frame there is: layer II, 160 kbit/s at 8 kHz. */
export const MPEG_FRAME_MAX_BYTES = 2881;

const VERSIONS = [3, undefined, 2, 1] as const;
const LAYERS = [undefined, 3, 2, 1] as const;
const SAMPLE_RATES = { 1: [44100, 48000, 32000], 2: [22050, 24000, 16000], 3: [11025, 12000, 8000] } as const;
/** kbit/s by the index E; 0 is "free format", which nobody can find the end of. */
const BIT_RATES_1 = {
  1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
} as const;
const BIT_RATES_2 = {
  1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const MONO = 3;

/** Reads the frame header at `at`; undefined when there is none. */
export function readMpegFrame(bytes: Uint8Array, at: number): MpegFrame | undefined {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + MPEG_HEADER_BYTES);
  if (a !== 0xff || (b & 0xe0) !== 0xe0) return undefined;
  const version = VERSIONS[(b >> 3) & 3];
  const layer = LAYERS[(b >> 1) & 3];
  if (version === undefined || layer === undefined) return undefined;
  const kilobits = (version === 1 ? BIT_RATES_1 : BIT_RATES_2)[layer][c >> 4];
  const sampleRate = SAMPLE_RATES[version][(c >> 2) & 3];
  if (!kilobits || sampleRate === undefined) return undefined;
  const padding = (c >> 1) & 1;
  const samples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
  // Layer I counts in slots of four bytes, the others in bytes.
  const slot = layer === 1 ? 4 : 1;
  const slots = Math.floor((samples / 8 / slot) * ((kilobits * 1000) / sampleRate)) + padding;
  return { version, layer, sampleRate, channels: d >> 6 === MONO ? 1 : 2, samples, bytes: slots * slot };
}

/** Whether two frames can belong to one stream: what decides that a sync was no accident. */
export function sameStream(one: MpegFrame, other: MpegFrame): boolean {
  return one.version === other.version && one.layer === other.layer && one.sampleRate === other.sampleRate;
}

/**
 * Follows a stream from frame to frame, looking at headers only, to tell at its end whether the last frame is whole.
 * After a header that does not fit (a tag at the end, damage) it gives no more opinion.
 */
export class MpegFrameWalk {
  private readonly header = new Uint8Array(MPEG_HEADER_BYTES);
  private have = 0;
  /** Bytes left of the current frame after its header. */
  private left = 0;
  private lost = false;

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.lost; ) {
      if (this.left > 0) {
        const skipped = Math.min(this.left, bytes.length - at);
        this.left -= skipped;
        at += skipped;
        continue;
      }
      this.header[this.have++] = bytes[at++] ?? 0;
      if (this.have < MPEG_HEADER_BYTES) continue;
      this.have = 0;
      const frame = readMpegFrame(this.header, 0);
      if (frame) this.left = frame.bytes - MPEG_HEADER_BYTES;
      else this.lost = true;
    }
  }

  /** The stream ended inside a frame. */
  get cutShort(): boolean {
    return !this.lost && this.left > 0;
  }
}
