import { soundAddress } from '../../media/clip/index.ts';
import type { MediaEngine, Play } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import type { Mpc } from '../mpc/index.ts';

/** A ringing tone below everything else, until it is stopped; who comes meanwhile hears it too. */
const OPTIONS = {
  loop: 0,
  gainDb: 0,
  startMs: 0,
  lengthMs: undefined,
  fadeInMs: 0,
  fadeOutMs: 0,
  mix: true,
  mode: 'queue',
  layer: 'bed',
  covered: 'dip',
  priority: 0,
  duck: undefined,
  laterJoiners: true,
} as const;

export interface RingMusicDeps {
  readonly engine: Pick<MediaEngine, 'play'>;
  readonly clock: Clock;
  readonly newUuid: () => string;
}

/** Lets everybody in an MPC hear that somebody is being called; the returned function ends it. */
export function playRinging(mpc: Mpc, { engine, clock, newUuid }: RingMusicDeps): () => void {
  const legs = mpc.presentMembers.flatMap((member) => (member.leg ? [member.leg.id] : []));
  if (legs.length === 0) return () => {};
  const accepted = engine.play(
    {
      id: newUuid(),
      conference: mpc.uuid,
      legs,
      urls: [soundAddress('ring')],
      requestedAt: clock.now(),
      options: OPTIONS,
    },
    () => {},
  );
  const play: Play | undefined = accepted.ok ? accepted.play : undefined;
  return () => play?.stop();
}
