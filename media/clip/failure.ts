/** Every way a clip can fail: a closed set, also a metric label. */
export const CLIP_FAILURES = [
  /** The address, port or scheme is one we never fetch from. */
  'refused_address',
  /** Any answer but 200. */
  'http_status',
  'timeout',
  'too_large',
  /** Neither wav nor mp3 by its first bytes, or declared as text, or compressed. */
  'not_audio',
  /** Says it is wav or mp3 and is broken, or holds less than one frame of sound. */
  'bad_audio',
  /** DNS, refused, reset, or no HTTP spoken there. */
  'unreachable',
  'tls',
  /** Too many, or from https to http. */
  'redirects',
  /** No working ffmpeg, and the file needs one. */
  'decoder_unavailable',
  /** ffmpeg crashed, was killed by its limits, or hung. */
  'decoder_failed',
  /** A queue or the clip memory is full. */
  'busy',
  'too_long',
  /** The speech program crashed, hung, or said nothing. */
  'speech_failed',
] as const;

export type ClipFailure = (typeof CLIP_FAILURES)[number];
