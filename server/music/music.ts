import { type MediaEngine, PLAIN_PLAY, type Play, type PlayOptions } from '../../media/index.ts';
import { type ErrorLog, inBackground } from '../background.ts';
import type { CallbackTarget } from '../callbacks/index.ts';
import type { Directory, Member, Mpc } from '../mpc/index.ts';
import type { Score } from './score.ts';
import { musicFor } from './wanted.ts';

export interface MusicDeps {
  readonly directory: Directory;
  readonly engine: Pick<MediaEngine, 'play'>;
  /** What a source has to be played to a member. */
  readonly score: (source: CallbackTarget, mpc: Mpc, member: Member) => Promise<Score>;
  /** Process-wide monotonic, in ms. */
  readonly nowMs: () => number;
  readonly newUuid: () => string;
  readonly log: ErrorLog;
}

/** Music that a member hears, or is about to. */
interface Tune {
  readonly source: CallbackTarget;
  play: Play | undefined;
  over: boolean;
}

/** Under everything that is said to the member; no fades, since it gives way to speech. */
const BED: PlayOptions = { ...PLAIN_PLAY, loop: 0, layer: 'bed' };

/** Plays wait and hold music: to each member what she is to hear, over and over, until she is to hear something else. */
export function playMusic(deps: MusicDeps): void {
  const tunes = new Map<Member, Tune>();
  deps.directory.subscribe((event) => {
    if (event.type === 'leg' || event.type === 'mpc-initialized') return;
    if (event.type === 'member-left') stop(event.member);
    // Who just dials in brings no music, and most MPCs have none.
    if (event.mpc.terms) for (const member of event.mpc.presentMembers) adjust(event.mpc, member);
  });

  function adjust(mpc: Mpc, member: Member): void {
    const source = musicFor(mpc, member);
    if (tunes.get(member)?.source === source) return;
    stop(member);
    if (!source) return;
    const tune: Tune = { source, play: undefined, over: false };
    tunes.set(member, tune);
    const scored = deps.score(source, mpc, member).then((score) => start(mpc, member, tune, score));
    inBackground(scored, 'music', deps.log);
  }

  function start(mpc: Mpc, member: Member, tune: Tune, urls: Score): void {
    if (tune.over || urls.length === 0 || !member.leg) return;
    const { engine, newUuid, nowMs } = deps;
    const request = { id: newUuid(), conference: mpc.uuid, legs: [member.leg.id], urls, requestedAt: nowMs() };
    const accepted = engine.play({ ...request, options: BED }, () => {});
    if (accepted.ok) tune.play = accepted.play;
  }

  function stop(member: Member): void {
    const tune = tunes.get(member);
    if (!tune) return;
    tunes.delete(member);
    tune.over = true;
    tune.play?.stop();
  }
}
