import type { Member } from '../conference/member.ts';
import type { PlayRun } from './play-run.ts';
import type { Voice } from './voice.ts';

/** One voice of a play and the members who hear it: all of them started on the same tick, or joined it later. */
export class Airing {
  /** Rises through the life of a conference; orders the airings of a group. */
  readonly id: number;
  readonly run: PlayRun;
  readonly voice: Voice;
  /** Each listener with the samples the voice had sounded before she came. */
  readonly listeners = new Map<Member, number>();
  /** Being stopped: the listeners' lanes are already free for what comes next. */
  stopping = false;
  /** Paused for as long as a higher layer sounds to its listeners. */
  covered = false;
  /** Its end was reported to every listener. */
  reported = false;
  /** Ticks for which it stays, silent, while the speech it ducked comes back. */
  lingerFrames = 0;

  constructor(id: number, run: PlayRun, voice: Voice) {
    this.id = id;
    this.run = run;
    this.voice = voice;
  }

  playedTo(member: Member): number {
    return this.voice.played - (this.listeners.get(member) ?? this.voice.played);
  }
}
