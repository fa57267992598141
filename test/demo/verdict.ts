import { type ClipMatch, findClip } from '../support/clip-match.ts';
import { hzIn } from '../support/tones.ts';
import type { DemoMember } from './member.ts';

/** One play as it was: who was meant to hear it, when it was asked for and when it was over. */
export interface PlayShown {
  readonly nth: string;
  /** Member ids. */
  readonly targets: ReadonlySet<string>;
  readonly from: number;
  readonly to: number;
}

/** What one member heard of one play. */
export interface ClipVerdict {
  readonly heard: boolean;
  /** Heard by whom it was meant for, and by nobody else. */
  readonly right: boolean;
  readonly snrDb: number;
  /** From the request to the arrival of the first frame; NaN when it was not heard. */
  readonly firstFrameMs: number;
}

/** Pitches heard in a stretch in which everybody hums, and whether they are those of all others and not one's own. */
export interface HumVerdict {
  readonly heardHz: readonly number[];
  readonly right: boolean;
}

const THERE_DB = 10;
const NOT_THERE_DB = -10;
/** A play may start so late and is still found. */
const LATEST_START_SAMPLES = 8000;
const HUM_FLOOR_DB = -40;

export function judgeHums(member: DemoMember, all: readonly DemoMember[], from: number, to: number): HumVerdict {
  const pitches = all.map(({ role }) => role.hz);
  const heardHz = hzIn(member.heard(from, to), 8000, pitches, HUM_FLOOR_DB);
  const others = pitches.filter((hz) => hz !== member.role.hz);
  return { heardHz, right: heardHz.join() === others.join() };
}

export function judgeClip(
  member: DemoMember,
  all: readonly DemoMember[],
  play: PlayShown,
  clip: Int16Array,
): ClipVerdict {
  const hums = all.map(({ role }) => role.hz);
  const recording = member.heard(play.from, play.to);
  const { at, snrDb }: ClipMatch = findClip(clip, recording, hums, LATEST_START_SAMPLES);
  const meant = play.targets.has(member.id);
  const heard = snrDb >= THERE_DB;
  return {
    heard,
    right: meant ? heard : snrDb <= NOT_THERE_DB,
    snrDb,
    firstFrameMs: heard ? member.arrivalOf(at, play.from) - play.from : Number.NaN,
  };
}
