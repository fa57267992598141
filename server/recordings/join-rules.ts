import type { CallbackTarget } from '../callbacks/target.ts';
import type { Directory, Member, Mpc } from '../mpc/index.ts';
import type { RecordTerms } from '../mpc/join-terms.ts';
import type { RecordTrack } from './recording-row.ts';
import type { RecordingNews, Recordings, RecordStarted } from './recordings.ts';

export interface JoinRulesDeps {
  readonly directory: Directory;
  readonly recordings: Pick<Recordings, 'start' | 'running'>;
  /** What URLs of recordings begin with that nobody asked for in a request. */
  readonly base: () => string;
  /** Plays to everybody in the conversation. */
  readonly announce: (mpc: Mpc, source: CallbackTarget) => void;
  /** A recording that a member's terms ask for is refused. */
  readonly onRefused: (mpc: Mpc, reason: Extract<RecordStarted, { ok: false }>['reason']) => void;
}

const TRACKS: Readonly<Record<'all' | 'participant' | 'both', readonly RecordTrack[]>> = {
  all: ['all'],
  participant: ['participant'],
  both: ['all', 'participant'],
};

/**
 * Records what members ask for as they join: their MPC, once enough are there, and themselves. Returns who is to hear the
 * news of recordings, for members may want a sound played when theirs begins and ends.
 */
export function recordAsJoined(deps: JoinRulesDeps): (news: RecordingNews) => void {
  const { directory, recordings } = deps;
  /** MPCs that are recorded once they have enough members. */
  const waiting = new Set<Mpc>();

  directory.subscribe((event) => {
    if (event.type === 'mpc-ended') waiting.delete(event.mpc);
    else if (event.type === 'member-joined') joined(event.mpc, event.member);
  });

  function joined(mpc: Mpc, member: Member): void {
    const own = member.terms.mpc?.record;
    // Once somebody has stopped a recording, only another member who asks for it begins one again.
    if (own?.on && !recordings.running(mpc, undefined, 'mpc')) waiting.add(mpc);
    const terms = mpc.terms?.record;
    if (terms && waiting.has(mpc) && mpc.presentMembers.length >= terms.minMembers) {
      waiting.delete(mpc);
      begin(mpc, undefined, ['mpc'], terms);
    }
    if (member.terms.recordTrack) begin(mpc, member, TRACKS[member.terms.recordTrack], own);
  }

  function begin(
    mpc: Mpc,
    member: Member | undefined,
    tracks: readonly RecordTrack[],
    terms: RecordTerms | undefined,
  ): void {
    const order = { mpc, member, format: terms?.fileFormat ?? 'mp3', callback: terms?.callback, base: deps.base() };
    const started = recordings.start(tracks.map((track) => ({ ...order, track })));
    if (!started.ok && started.reason !== 'already_recording') deps.onRefused(mpc, started.reason);
  }

  return ({ type, recording }) => {
    if (recording.track !== 'mpc' || recording.mpcUuid === null) return;
    const mpc = directory.find({ by: 'uuid', uuid: recording.mpcUuid });
    const terms = mpc && mpc.status !== 'ended' ? mpc.terms?.record : undefined;
    const source = type === 'initiated' ? terms?.startAudio : type === 'stopped' ? terms?.stopAudio : undefined;
    if (mpc && source) deps.announce(mpc, source);
  };
}
