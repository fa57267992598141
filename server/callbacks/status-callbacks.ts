import type { CutOff, MemberFacts, MpcFacts } from '../history/index.ts';
import type {
  Directory,
  DirectoryEvent,
  MemberChanges,
  PlayNews,
  StatusEventGroup,
  StatusTerms,
} from '../mpc/index.ts';
import { playFields } from './play-callbacks.ts';
import type { CallbackQueue } from './queue.ts';
import { type CallbackFields, type FieldValues, fieldsFrom } from './signature.ts';

/** Something to tell whoever asked for news of an MPC. */
export interface StatusNews {
  readonly group: StatusEventGroup;
  /** The `EventName`. */
  readonly event: string;
  /** The MPC, or what is known of one that is not there yet: then the news has no number. */
  readonly mpc: Told | { readonly name: string; readonly terms: { readonly status: StatusTerms | undefined } };
  readonly member?: Pick<MemberFacts, 'id' | 'role' | 'callUuid' | 'coach'> | undefined;
  /** What the event has beyond the others. */
  readonly fields?: FieldValues;
  /** When it happened, if an earlier process saw it: then nobody knows its number. */
  readonly earlier?: Date | undefined;
}

type Told = Pick<MpcFacts, 'uuid' | 'name' | 'terms'>;

export interface StatusCallbacksDeps {
  readonly queue: Pick<CallbackQueue, 'add'>;
  /** Who is told of an MPC that names nobody. */
  readonly fallback: StatusTerms | undefined;
  readonly now: () => Date;
}

const CHANGED: StatusEventGroup = 'participant-state-changes';
const CHANGES: Readonly<Record<keyof MemberChanges, readonly [on: string, off: string]>> = {
  muted: ['ParticipantMute', 'ParticipantUnmute'],
  held: ['ParticipantHold', 'ParticipantUnhold'],
  coach: ['ParticipantCoachModeStart', 'ParticipantCoachModeStop'],
};

/** Tells an MPC's status callback what happens in it, as far as it asked for it. Whatever is told is numbered for each MPC. */
export class StatusCallbacks {
  readonly #deps: StatusCallbacksDeps;
  readonly #told = new WeakMap<object, number>();

  constructor(deps: StatusCallbacksDeps) {
    this.#deps = deps;
  }

  /** Tells what happens in a directory. Returns what ends it. */
  follow(directory: Directory): () => void {
    return directory.subscribe((event) => {
      const news = newsOf(event);
      if (news) this.tell(news);
    });
  }

  /** For events that the directory does not know of. */
  tell(news: StatusNews): void {
    const { mpc, member } = news;
    this.#send(news, (SequenceNumber) =>
      fieldsFrom({
        EventName: news.event,
        EventTimestamp: (news.earlier ?? this.#deps.now()).toISOString(),
        SequenceNumber,
        MPCUUID: 'uuid' in mpc ? mpc.uuid : undefined,
        MPCName: mpc.name,
        MemberID: member?.id,
        ParticipantRole: member?.role,
        ParticipantCallUUID: member?.callUuid,
        ParticipantCoachMode: member?.coach,
        ...news.fields,
      }),
    );
  }

  /** The end of an MPC that an earlier process could not tell of, for it ended with it. */
  tellCutOff({ mpc, left }: CutOff): void {
    const earlier = mpc.endedAt;
    for (const member of left) this.tell({ ...ofMember({ mpc, member }, CHANGED, 'ParticipantExit'), earlier });
    this.tell({ group: 'mpc-state-changes', event: 'MPCEnd', mpc, fields: endOf(mpc), earlier });
  }

  /** The events of a play, as its own callback has them but for their number. */
  tellPlay(news: PlayNews): void {
    const { mpc } = news.play;
    this.#send({ group: 'mpc-play-events', mpc }, (number) =>
      new Map(playFields(news)).set('SequenceNumber', String(number)),
    );
  }

  #send(
    { group, mpc, earlier }: Pick<StatusNews, 'group' | 'mpc' | 'earlier'>,
    fields: (number: number | undefined) => CallbackFields,
  ): void {
    const status = mpc.terms?.status ?? this.#deps.fallback;
    if (!status?.events.includes(group)) return;
    if (!('uuid' in mpc)) return this.#deps.queue.add(mpc.name, status.target, fields(undefined));
    if (earlier) return this.#deps.queue.add(mpc.uuid, status.target, fields(undefined));
    const number = (this.#told.get(mpc) ?? 0) + 1;
    this.#told.set(mpc, number);
    this.#deps.queue.add(mpc.uuid, status.target, fields(number));
  }
}

function newsOf(event: DirectoryEvent): StatusNews | undefined {
  const { mpc } = event;
  const ofMpc = (name: string, fields: FieldValues = {}): StatusNews => {
    return { group: 'mpc-state-changes', event: name, mpc, fields };
  };
  switch (event.type) {
    case 'mpc-initialized':
      return ofMpc('MPCInitialized');
    case 'mpc-started':
      return ofMpc('MPCStart');
    case 'mpc-ended':
      return ofMpc('MPCEnd', endOf(mpc));
    case 'member-joined':
      return ofMember(event, CHANGED, 'ParticipantJoin');
    case 'member-left':
      return ofMember(event, CHANGED, 'ParticipantExit');
    case 'member-changed': {
      const [on, off] = CHANGES[event.what];
      return ofMember(event, CHANGED, event.member[event.what] ? on : off);
    }
    case 'leg':
      return newsOfLeg(event);
  }
}

function newsOfLeg(told: Extract<DirectoryEvent, { type: 'leg' }>): StatusNews | undefined {
  const { event } = told;
  if (event.type === 'talking')
    return ofMember(told, 'participant-speak-events', event.active ? 'ParticipantSpeakStart' : 'ParticipantSpeakStop');
  if (event.type === 'dtmf')
    return ofMember(told, 'participant-digit-input-events', 'ParticipantDigitInput', { Digits: event.digit });
  return undefined;
}

function ofMember(
  { mpc, member }: { readonly mpc: MpcFacts; readonly member: MemberFacts },
  group: StatusEventGroup,
  event: string,
  fields: FieldValues = {},
): StatusNews {
  return { group, event, mpc, member, fields };
}

/** Nothing is billed; who reads the fields finds numbers there. */
function endOf({ startedAt, endedAt }: MpcFacts): FieldValues {
  const lengthMs = startedAt && endedAt ? endedAt.getTime() - startedAt.getTime() : 0;
  return { MPCDuration: Math.round(lengthMs / 1000), MPCBilledDuration: 0, MPCBilledAmount: '0.00000' };
}
