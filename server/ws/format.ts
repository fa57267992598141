import type { StreamLegOptions } from '../../media/engine.ts';

/** How one direction of a stream is coded; `L16` is little-endian, one channel. */
export type AudioFormat = Pick<StreamLegOptions, 'encoding' | 'sampleRate'>;

/** Content types by the names Plivo gives them. */
export const CONTENT_TYPES = ['audio/x-mulaw', 'audio/x-l16'] as const;
export type ContentType = (typeof CONTENT_TYPES)[number];

/** All formats, by the names under which they are asked for. */
export const FORMAT_NAMES = [
  'audio/x-l16;rate=8000',
  'audio/x-l16;rate=16000',
  'audio/x-l16;rate=24000',
  'audio/x-mulaw;rate=8000',
] as const;

/** What a client gets that asks for nothing: Plivo's own default. */
export const DEFAULT_CONTENT_TYPE = 'audio/x-l16;rate=8000';

export function contentTypeOf(format: AudioFormat): ContentType {
  return format.encoding === 'PCMU' ? 'audio/x-mulaw' : 'audio/x-l16';
}

/** The format of a content type at a rate in Hz, or undefined for a pair that we do not speak. */
export function formatOf(contentType: ContentType, sampleRate: number): AudioFormat | undefined {
  if (sampleRate === 8000) return { encoding: contentType === 'audio/x-mulaw' ? 'PCMU' : 'L16', sampleRate };
  const isWide = sampleRate === 16000 || sampleRate === 24000;
  return isWide && contentType === 'audio/x-l16' ? { encoding: 'L16', sampleRate } : undefined;
}

/** Reads `audio/x-l16;rate=16000`; without a rate it is 8000 Hz. */
export function parseContentType(text: string): AudioFormat | undefined {
  const [type = '', parameter, ...more] = text.split(';').map((part) => part.trim().toLowerCase());
  const contentType = CONTENT_TYPES.find((known) => known === type);
  if (!contentType || more.length > 0) return undefined;
  if (parameter === undefined) return formatOf(contentType, 8000);
  const rate = /^rate=(\d{4,5})$/.exec(parameter);
  return rate ? formatOf(contentType, Number(rate[1])) : undefined;
}

export function bytesPerSample(format: AudioFormat): 1 | 2 {
  return format.encoding === 'PCMU' ? 1 : 2;
}

export function sameFormat(a: AudioFormat, b: AudioFormat): boolean {
  return a.encoding === b.encoding && a.sampleRate === b.sampleRate;
}

/** As people write it: `audio/x-l16 at 16000 Hz`. */
export function describeFormat(format: AudioFormat): string {
  return `${contentTypeOf(format)} at ${format.sampleRate} Hz`;
}
