import type { PlayEndReason, PlayEvent } from '../../media/index.ts';
import type { Member } from './member.ts';
import type { PlayRecord } from './play-record.ts';

/** Something that happened to a play, with whom it happened to. */
export type PlayNews = {
  readonly play: PlayRecord;
  readonly at: Date;
  /** Counts the news of one play from 1. */
  readonly serial: number;
} & (
  | { readonly type: 'started'; readonly member: Member | undefined; readonly latencyMs: number | undefined }
  | {
      readonly type: 'ended';
      readonly member: Member | undefined;
      readonly reason: PlayEndReason;
      readonly playedMs: number;
      readonly underruns: number;
    }
  | { readonly type: 'finished' }
);

interface Story {
  told: number;
  readonly heldBack: { readonly event: PlayEvent; readonly at: Date }[];
}

export interface NewsDeskDeps {
  readonly now: () => Date;
  readonly onNews: (news: PlayNews) => void;
}

/**
 * Tells what happens to each play, in order. A member who joins in the midst of a play may hear it before the directory
 * knows her: then the news waits until it can say her name.
 */
export class NewsDesk {
  readonly #deps: NewsDeskDeps;
  readonly #stories = new Map<PlayRecord, Story>();

  constructor(deps: NewsDeskDeps) {
    this.#deps = deps;
  }

  add(play: PlayRecord, event: PlayEvent): void {
    let story = this.#stories.get(play);
    if (!story) {
      story = { told: 0, heldBack: [] };
      this.#stories.set(play, story);
    }
    story.heldBack.push({ event, at: this.#deps.now() });
    this.#tell(play, story, event.type === 'finished');
    if (event.type === 'finished') this.#stories.delete(play);
  }

  /** Somebody may have become known. */
  retry(play: PlayRecord): void {
    const story = this.#stories.get(play);
    if (story) this.#tell(play, story, false);
  }

  /** `all`: nobody becomes known any more. */
  #tell(play: PlayRecord, story: Story, all: boolean): void {
    for (;;) {
      const next = story.heldBack[0];
      if (!next) return;
      const { event, at } = next;
      const member = event.type === 'finished' ? undefined : memberOf(play, event.leg);
      if (!member && event.type !== 'finished' && !all) return;
      story.heldBack.shift();
      story.told += 1;
      const head = { play, at, serial: story.told };
      if (event.type === 'started') {
        this.#deps.onNews({ ...head, type: 'started', member, latencyMs: event.latencyMs });
      } else if (event.type === 'ended') {
        const { reason, playedMs, underruns } = event;
        this.#deps.onNews({ ...head, type: 'ended', member, reason, playedMs, underruns });
      } else {
        this.#deps.onNews({ ...head, type: 'finished' });
      }
    }
  }
}

function memberOf(play: PlayRecord, leg: number): Member | undefined {
  // A call that came back has the same leg as before.
  return play.mpc.members.findLast((member) => member.leg?.id === leg);
}
