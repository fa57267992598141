/*
 * RIFF/WAVE as "Multimedia Programming Interface and Data Specifications 1.0" (1991) and Microsoft's
 * WAVEFORMATEXTENSIBLE have it: `RIFF` size `WAVE`, then chunks of a four-letter name, a little-endian length, the
 * body, and a pad byte after an odd one.
 */

export type WavCoding = 'pcm8' | 'pcm16' | 'pcm24' | 'pcm32' | 'float32' | 'mulaw' | 'alaw';

export interface WavFormat {
  readonly coding: WavCoding;
  readonly channels: number;
  readonly sampleRate: number;
  /** One sample of every channel. */
  readonly frameBytes: number;
}

export type WavPart =
  /** Samples, cut anywhere: a frame may be split between two parts. */
  | { readonly type: 'samples'; readonly format: WavFormat; readonly bytes: Uint8Array }
  | { readonly type: 'bad'; readonly detail: string };

const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const FORMAT_BYTES = 16;
const EXTENSIBLE_BYTES = 40;
/** No writer puts this many chunks before the sound; a file that does wants to keep us busy. */
const MAX_CHUNKS = 100;
const MAX_FORMAT_BYTES = 1024;
/** From here on a length is no length but what a writer leaves that cannot go back to fill in the real one; so is 0. */
const STREAM_LENGTH = 0x7fff_f000;

const PCM = 1;
const FLOAT = 3;
const ALAW = 6;
const MULAW = 7;
const EXTENSIBLE = 0xfffe;
/** What follows the two-byte format tag in the GUID of every such sub-format. */
const GUID_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71] as const;

const MIN_RATE = 4_000;
const MAX_RATE = 192_000;
const MAX_CHANNELS = 8;

/** Reads a wav as it streams by: first its chunks up to the sound, then the sound, and nothing after it. */
export class WavReader {
  private stage: 'riff' | 'chunk' | 'format' | 'skip' | 'samples' | 'done' = 'riff';
  private readonly header = new Uint8Array(MAX_FORMAT_BYTES);
  private have = 0;
  private need = RIFF_HEADER_BYTES;
  /** Body bytes left of the chunk at hand. */
  private left = 0;
  private chunks = 0;
  private found: WavFormat | undefined;

  /** Known once the samples begin. */
  get format(): WavFormat | undefined {
    return this.found;
  }

  /** The file ended before all samples came that it announced, or before any. */
  get cutShort(): boolean {
    return this.stage !== 'done' && !(this.stage === 'samples' && this.left === Number.POSITIVE_INFINITY);
  }

  /** Takes the next bytes of the file. Undefined: no samples among them. */
  push(bytes: Uint8Array): WavPart | undefined {
    let at = 0;
    while (at < bytes.length) {
      switch (this.stage) {
        case 'riff':
        case 'chunk':
        case 'format': {
          const taken = Math.min(this.need - this.have, bytes.length - at);
          this.header.set(bytes.subarray(at, at + taken), this.have);
          this.have += taken;
          at += taken;
          if (this.have < this.need) return undefined;
          const problem = this.takeHeader();
          if (problem !== undefined) return { type: 'bad', detail: problem };
          break;
        }
        case 'skip': {
          const taken = Math.min(this.left, bytes.length - at);
          this.left -= taken;
          at += taken;
          if (this.left === 0) this.expect('chunk', CHUNK_HEADER_BYTES);
          break;
        }
        case 'samples': {
          if (!this.found) throw new Error('samples before their format');
          const taken = Math.min(this.left, bytes.length - at);
          this.left -= taken;
          if (this.left === 0) this.stage = 'done';
          return { type: 'samples', format: this.found, bytes: bytes.subarray(at, at + taken) };
        }
        case 'done':
          return undefined;
      }
    }
    return undefined;
  }

  private takeHeader(): string | undefined {
    const view = new DataView(this.header.buffer, 0, this.have);
    switch (this.stage) {
      case 'riff':
        this.expect('chunk', CHUNK_HEADER_BYTES);
        return undefined;
      case 'chunk':
        return this.enterChunk(String.fromCharCode(...this.header.subarray(0, 4)), view.getUint32(4, true));
      default: {
        const format = readFormat(view);
        if (typeof format === 'string') return format;
        this.found = format;
        this.expect('chunk', CHUNK_HEADER_BYTES);
        return undefined;
      }
    }
  }

  private enterChunk(name: string, length: number): string | undefined {
    if (++this.chunks > MAX_CHUNKS) return 'too many chunks before the sound';
    const padded = length + (length & 1);
    if (name === 'data') {
      if (!this.found) return 'sound before its format';
      this.stage = 'samples';
      this.left = length === 0 || length >= STREAM_LENGTH ? Number.POSITIVE_INFINITY : length;
    } else if (name === 'fmt ') {
      if (this.found) return 'two formats';
      if (length < FORMAT_BYTES || padded > MAX_FORMAT_BYTES) return `a format of ${length} bytes`;
      this.expect('format', padded);
    } else if (padded === 0) {
      this.expect('chunk', CHUNK_HEADER_BYTES);
    } else {
      this.stage = 'skip';
      this.left = padded;
    }
    return undefined;
  }

  private expect(stage: 'chunk' | 'format', bytes: number): void {
    this.stage = stage;
    this.have = 0;
    this.need = bytes;
  }
}

/** Judges a format chunk's body; a string says what is wrong with it. */
function readFormat(view: DataView): WavFormat | string {
  let tag = view.getUint16(0, true);
  const channels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  const blockBytes = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  if (tag === EXTENSIBLE) {
    if (view.byteLength < EXTENSIBLE_BYTES) return 'an extensible format that is cut short';
    if (GUID_TAIL.some((byte, i) => view.getUint8(26 + i) !== byte)) return 'an unknown sub-format';
    tag = view.getUint16(24, true);
  }
  const coding = codingOf(tag, bits);
  if (coding === undefined) return `coding ${tag} with ${bits} bits is not supported`;
  if (channels < 1 || channels > MAX_CHANNELS) return `${channels} channels`;
  if (sampleRate < MIN_RATE || sampleRate > MAX_RATE) return `a sample rate of ${sampleRate} Hz`;
  const frameBytes = (channels * bits) / 8;
  if (blockBytes !== frameBytes) return `${blockBytes} bytes a frame instead of ${frameBytes}`;
  return { coding, channels, sampleRate, frameBytes };
}

function codingOf(tag: number, bits: number): WavCoding | undefined {
  if (tag === PCM) {
    if (bits === 8) return 'pcm8';
    if (bits === 16) return 'pcm16';
    if (bits === 24) return 'pcm24';
    return bits === 32 ? 'pcm32' : undefined;
  }
  if (tag === FLOAT && bits === 32) return 'float32';
  if (tag === MULAW && bits === 8) return 'mulaw';
  return tag === ALAW && bits === 8 ? 'alaw' : undefined;
}
