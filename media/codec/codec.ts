/** Turns the payloads of one stream into PCM. Holds that stream's memory, if its codec has any. */
export interface FrameDecoder {
  /** Rate of the PCM written, in Hz. */
  readonly sampleRate: number;
  /**
   * Decodes `payload[offset, offset + length)` into the start of `pcm` and returns the samples written.
   * The payload comes from outside: what does not fit `pcm` is left out, what cannot be decoded gives 0.
   */
  decode(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number;
  /** A payload of nothing but this byte decodes to nothing but zeros; absent when there is no such byte. */
  readonly silentByte?: number;
  /** The codec's own concealment: writes `samples` samples in place of a lost packet, returns the samples written. */
  conceal?(samples: number, pcm: Int16Array): number;
  /**
   * Rebuilds the packet BEFORE this payload from its forward error correction, one frame of `pcm.length` samples at most.
   * Call it before `decode` of the same payload. 0 when the payload carries no such data.
   */
  recover?(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number;
  /** Releases memory outside the JavaScript heap. Whoever made the decoder calls it once. */
  close?(): void;
}

/** Turns PCM frames into the payloads of one stream. Holds that stream's memory, if its codec has any. */
export interface FrameEncoder {
  /** Rate of the PCM read, in Hz. */
  readonly sampleRate: number;
  /** Encodes one 20 ms frame into `out` at `offset`; returns the bytes written, 0 for DTX (send nothing). */
  encode(pcm: Int16Array, out: Uint8Array, offset: number): number;
  /** Releases memory outside the JavaScript heap. Whoever made the encoder calls it once. */
  close?(): void;
}

export type CodecName = 'PCMU' | 'PCMA' | 'G722' | 'L16' | 'opus';

/** What the media path needs to know of a codec: immutable, shared by every leg that speaks it. */
export interface Codec {
  /** Encoding name as registered for SDP. */
  readonly name: CodecName;
  /** RTP timestamp rate in Hz; for G.722 and Opus it differs from `sampleRate`. */
  readonly clockRate: number;
  /** Rate of the PCM on our side, in Hz. */
  readonly sampleRate: number;
  /** Channels as SDP writes them. We always decode to and encode from mono. */
  readonly channels: number;
  /** RFC 3551 payload type, or undefined when SDP must assign one. */
  readonly staticPayloadType: number | undefined;
  /** True when encoding keeps no memory: one encode serves all listeners of the same sound. */
  readonly stateless: boolean;
  /** Most bytes that `encode` writes for one frame. */
  readonly maxPayloadBytes: number;
  createDecoder(): FrameDecoder;
  createEncoder(): FrameEncoder;
}
