import type { ReceivedCallback } from '../support/callback-receiver.ts';

/** What was promised and what was told of it, judged at the end. Empty lists are what should come out. */
export interface Judgement {
  readonly accepted: number;
  readonly events: number;
  /** Plays that were accepted and whose end was never told, or told otherwise than once for each target. */
  readonly lost: readonly string[];
  /** Events that must have been and did not come. */
  readonly missing: readonly string[];
  /** Events that were answered with 200 and came again. */
  readonly doubled: readonly string[];
}

interface Story {
  readonly last: RegExp;
  readonly told: Map<number, { readonly event: string; readonly member: string; readonly targets: number }>;
}

/** Keeps, for each play, recording and MPC, the events that its receiver has taken. */
export class Ledger {
  readonly #plays = new Set<string>();
  readonly #recordings = new Set<string>();
  readonly #stories = new Map<string, Story>();
  readonly #doubled: string[] = [];
  #events = 0;

  playAccepted(id: string): void {
    this.#plays.add(id);
  }

  recordingAccepted(id: string): void {
    this.#recordings.add(id);
  }

  get plays(): number {
    return this.#plays.size;
  }

  get events(): number {
    return this.#events;
  }

  /** Plays whose last event is still to come. */
  get open(): number {
    let open = 0;
    for (const id of this.#plays) if (!this.#isOver(`play ${id}`)) open += 1;
    return open;
  }

  /** Call it only for what was answered with a 2xx. */
  take({ fields }: ReceivedCallback): void {
    this.#events += 1;
    const { EventName: event = '', MemberID: member = '', SequenceNumber, Targets } = fields;
    const [key, last] = storyOf(fields);
    let story = this.#stories.get(key);
    if (!story) {
      story = { last, told: new Map() };
      this.#stories.set(key, story);
    }
    const number = Number(SequenceNumber);
    if (story.told.has(number)) this.#doubled.push(`${key}: ${event} ${number}`);
    story.told.set(number, { event, member, targets: Number(Targets) });
  }

  judge(): Judgement {
    const lost = [...this.#plays].flatMap((id) => this.#faultOfPlay(id) ?? []);
    const missing: string[] = [];
    for (const id of this.#recordings) if (!this.#stories.has(`recording ${id}`)) missing.push(`recording ${id}: all`);
    for (const [key, { told }] of this.#stories) {
      if (!this.#isOver(key)) missing.push(`${key}: its last`);
      const highest = Math.max(...told.keys());
      for (let number = 1; number < highest; number++) if (!told.has(number)) missing.push(`${key}: number ${number}`);
    }
    return { accepted: this.plays, events: this.#events, lost, missing, doubled: this.#doubled };
  }

  #isOver(key: string): boolean {
    const story = this.#stories.get(key);
    return story !== undefined && [...story.told.values()].some(({ event }) => story.last.test(event));
  }

  #faultOfPlay(id: string): string | undefined {
    const told = [...(this.#stories.get(`play ${id}`)?.told.values() ?? [])];
    const finished = told.filter(({ event }) => event === 'PlayFinished');
    if (finished.length !== 1) return `${id} has ${finished.length} ends`;
    const ended = told.filter(({ event }) => event === 'PlayEnded').map(({ member }) => member);
    const targets = finished[0]?.targets;
    if (ended.length === targets && new Set(ended).size === ended.length) return undefined;
    return `${id} ended for ${ended.join()}, and had ${targets} targets`;
  }
}

function storyOf({ PlayID, RecordingUUID, MPCUUID }: Readonly<Record<string, string>>): [key: string, last: RegExp] {
  if (RecordingUUID !== undefined) return [`recording ${RecordingUUID}`, /(?:Completed|Failed)$/];
  if (PlayID !== undefined) return [`play ${PlayID}`, /^PlayFinished$/];
  return [`mpc ${MPCUUID}`, /^MPCEnd$/];
}
