import type { FuzzTarget } from './target.ts';
import { MEDIA_TARGETS } from './targets/media.ts';
import { SIP_TARGETS } from './targets/sip.ts';
import { TEXT_TARGETS } from './targets/text.ts';

/** Everything that reads bytes of strangers. */
export const TARGETS: readonly FuzzTarget[] = [SIP_TARGETS, MEDIA_TARGETS, TEXT_TARGETS].flatMap((targets) =>
  Object.values(targets),
);
