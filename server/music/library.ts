import { publicUrl, Slots } from '../../media/clip/index.ts';
import type { CallbackTarget, Exchange } from '../callbacks/index.ts';
import type { Member, Mpc } from '../mpc/index.ts';
import { isXml, readScore, type Score, type ScoreRules } from './score.ts';

export interface LibraryDeps {
  /** Asks a source, signed and guarded, for at most `maxBytes` of its answer. */
  readonly ask: (
    source: CallbackTarget,
    fields: ReadonlyMap<string, string>,
    signal: AbortSignal,
    maxBytes: number,
  ) => Promise<Exchange>;
  readonly rules: ScoreRules;
  /** A source gave nothing that can be played; `url` is fit for logs. */
  readonly onTrouble: (url: string, detail: string) => void;
}

const MAX_XML_BYTES = 64 * 1024;
const NOTHING: Score = [];

/** Finds out what a music or sound URL is: XML that says what to play, or audio itself. */
export class Library {
  readonly #deps: LibraryDeps;
  readonly #slots = new Slots({ total: 32, perKey: 8, queue: 1000 });
  readonly #end = new AbortController();

  constructor(deps: LibraryDeps) {
    this.#deps = deps;
  }

  /** What to play to this member. Never rejects: a source that fails is silence, as it is with Plivo. */
  score(source: CallbackTarget, mpc: Mpc, member: Member): Promise<Score> {
    return this.scoreFor(source, fieldsOf(mpc, member));
  }

  /** What to play to somebody of whom these fields tell. */
  async scoreFor(source: CallbackTarget, fields: ReadonlyMap<string, string>): Promise<Score> {
    const { signal } = this.#end;
    const slot = await this.#slots.enter(source.url.origin, signal);
    if (slot === 'aborted') return NOTHING;
    if (slot === 'busy') return this.#nothing(source, 'too many sources are asked at once');
    try {
      return this.#read(source, await this.#deps.ask(source, fields, signal, MAX_XML_BYTES));
    } finally {
      slot.leave();
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#end.abort();
  }

  #read(source: CallbackTarget, answer: Exchange): Score {
    if (!answer.ok) return this.#nothing(source, answer.detail);
    const { status } = answer;
    if (status >= 400) return this.#nothing(source, `it answered ${status}`);
    const text = answer.body.toString('utf8').replace(/^\uFEFF/, '');
    // Audio may lie behind redirects, which whoever fetches clips follows under guard.
    if (status >= 300 || !isXml(text)) return [source.url.href];
    if (answer.cut) return this.#nothing(source, `the XML breaks off, or has more than ${MAX_XML_BYTES} bytes`);
    const read = readScore(text, this.#deps.rules);
    return read.ok ? read.score : this.#nothing(source, read.problem);
  }

  #nothing(source: CallbackTarget, detail: string): Score {
    this.#deps.onTrouble(publicUrl(source.url), detail);
    return NOTHING;
  }
}

function fieldsOf(mpc: Mpc, member: Member): ReadonlyMap<string, string> {
  return new Map([
    ['MPCUUID', mpc.uuid],
    ['MPCName', mpc.name],
    ['MemberID', member.id],
    ['ParticipantRole', member.role],
    ['ParticipantCallUUID', member.callUuid],
  ]);
}
