import type { OpusTerms } from '../../media/engine.ts';

const MAX_BITRATE = 510_000;
const MIN_BITRATE = 6000;

/** What a peer's decoder wants of an Opus stream, out of its fmtp (RFC 7587 section 6.1). Strange values count as absent. */
export function readOpusTerms(fmtp: string | undefined): OpusTerms {
  const given = new Map<string, string>();
  for (const part of (fmtp ?? '').split(';')) {
    const [name = '', value = ''] = part.split('=', 2);
    given.set(name.trim().toLowerCase(), value.trim());
  }
  const bitrate = wholeIn(given.get('maxaveragebitrate'), MIN_BITRATE, MAX_BITRATE);
  return {
    fec: given.get('useinbandfec') === '1',
    dtx: given.get('usedtx') === '1',
    ...(bitrate === undefined ? {} : { maxBitrate: bitrate }),
  };
}

function wholeIn(text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}
