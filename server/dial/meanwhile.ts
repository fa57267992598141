import { soundAddress } from '../../media/clip/index.ts';
import { type Clock, type LegId, type MediaEngine, PLAIN_PLAY, type PlayOptions } from '../../media/index.ts';
import { type ErrorLog, inBackground } from '../background.ts';
import type { CallbackTarget } from '../callbacks/target.ts';
import type { DialMusic } from './order.ts';

/** Below everything else, over and over until it is stopped; who comes meanwhile hears it too. */
const OPTIONS: PlayOptions = { ...PLAIN_PLAY, loop: 0, layer: 'bed', laterJoiners: true };

export interface MeanwhileDeps {
  readonly engine: Pick<MediaEngine, 'play'>;
  readonly clock: Clock;
  readonly newUuid: () => string;
  readonly log: ErrorLog;
  /** What a source has to be played to somebody of whom the fields tell; nothing when it fails. */
  readonly score: (source: CallbackTarget, fields: ReadonlyMap<string, string>) => Promise<readonly string[]>;
}

/** Who hears it. */
export interface Audience {
  readonly conference: string;
  /** Asked once the sound is known. */
  readonly legs: () => readonly LegId[];
  readonly fields: ReadonlyMap<string, string>;
}

/** Lets somebody hear a sound while something is waited for; the returned function ends it. */
export function playMeanwhile(music: DialMusic, audience: Audience, deps: MeanwhileDeps): () => void {
  let stop: (() => void) | undefined = () => {};
  const play = (urls: readonly string[]): void => {
    const legs = audience.legs();
    if (!stop || legs.length === 0 || urls.length === 0) return;
    const { conference } = audience;
    const request = { id: deps.newUuid(), conference, legs, urls, requestedAt: deps.clock.now(), options: OPTIONS };
    const accepted = deps.engine.play(request, () => {});
    if (accepted.ok) stop = () => accepted.play.stop();
  };
  if (music === 'real') play([soundAddress('ring')]);
  else if (music !== 'none')
    inBackground(deps.score(music, audience.fields).then(play), 'the sound while it rings', deps.log);
  return () => {
    stop?.();
    stop = undefined;
  };
}
