import { soundAddress } from '../../media/clip/index.ts';
import { PLAIN_PLAY, type PlayOptions } from '../../media/index.ts';
import { inBackground } from '../background.ts';
import type { CallbackTarget } from '../callbacks/target.ts';
import type { EntrySound, Member, Mpc } from '../mpc/index.ts';
import type { MusicDeps } from './music.ts';
import type { Score } from './score.ts';

/** At once, over whatever is being played. */
const ONCE: PlayOptions = { ...PLAIN_PLAY, layer: 'whisper' };
/** Plivo's sound for a supervisor who is heard by others from now on than before. */
const COACHING: EntrySound = { kind: 'beep', beep: 1 };

/** Plays what a source gives to everybody who is in the conversation, over all else. `who`: whose terms ask for it. */
export async function announce(deps: MusicDeps, mpc: Mpc, who: Member, source: CallbackTarget): Promise<void> {
  playOnce(deps, mpc, await deps.score(source, mpc, who));
}

/** Tells everybody who is in the conversation, by a sound, that somebody came or went, or began or ended coaching. */
export function playEntrySounds(deps: MusicDeps): void {
  const { directory } = deps;
  directory.subscribe((event) => {
    if (event.type === 'member-joined') begin(event.mpc, event.member, event.member.terms.enterSound);
    if (event.type === 'member-left') begin(event.mpc, event.member, event.member.terms.exitSound);
    if (event.type === 'member-changed' && event.what === 'coach' && !event.quiet)
      begin(event.mpc, event.member, COACHING);
  });

  function begin(mpc: Mpc, who: Member, sound: EntrySound): void {
    inBackground(tell(mpc, who, sound), 'a sound of who comes or goes', deps.log);
  }

  async function tell(mpc: Mpc, who: Member, sound: EntrySound): Promise<void> {
    if (sound.kind === 'none' || mpc.status !== 'active') return;
    if (sound.kind === 'beep') playOnce(deps, mpc, [soundAddress(`beep:${sound.beep}`)]);
    else await announce(deps, mpc, who, sound.source);
  }
}

function playOnce({ engine, newUuid, nowMs }: MusicDeps, mpc: Mpc, urls: Score): void {
  if (mpc.status !== 'active') return;
  // Before the MPC starts there is no conversation, and who is on hold is not in it.
  const legs = mpc.presentMembers.flatMap((member) => (member.outside || !member.leg ? [] : [member.leg.id]));
  if (urls.length === 0 || legs.length === 0) return;
  const request = { id: newUuid(), conference: mpc.uuid, legs, urls, requestedAt: nowMs() };
  engine.play({ ...request, options: ONCE }, () => {});
}
