import { type Clock, digitTextMs, type MediaEngine, PLAIN_PLAY } from '../../media/index.ts';
import type { CallbackTarget, FieldValues } from '../callbacks/index.ts';
import type { Call, CallEndCause, Calls } from '../calls/index.ts';
import type { Logger } from '../log.ts';
import type { ExitCause, Member, Mpc } from '../mpc/index.ts';
import type { Speaker } from '../speak/index.ts';
import { callFields } from './call-fields.ts';
import { type AppXmlDeps, fetchAppXml } from './fetch.ts';
import type { Verb } from './verbs.ts';

export interface RunDeps {
  readonly calls: Calls;
  readonly engine: Pick<MediaEngine, 'play'>;
  readonly speaker: Pick<Speaker, 'address'>;
  readonly xml: AppXmlDeps;
  /** Asked when another URL gave nothing that could be used. */
  readonly fallback: CallbackTarget | undefined;
  readonly clock: Clock;
  readonly newUuid: () => string;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** So many documents in so short a time are an app that redirects in circles. */
const MAX_LOADS = 20;
const LOADS_WINDOW_MS = 10_000;

/** Carries out an app's verbs on one call, one after the other. A call that runs out of verbs is hung up. */
export class AppRun {
  readonly #call: Call;
  readonly #deps: RunDeps;
  readonly #stop = new AbortController();
  #queue: readonly Verb[] = [];
  #loads: number[] = [];
  #cancelHangup: () => void = () => {};

  constructor(call: Call, deps: RunDeps) {
    this.#call = call;
    this.#deps = deps;
  }

  /** Begins with verbs that are there already. */
  begin(verbs: readonly Verb[]): void {
    this.#queue = verbs;
    void this.#guarded(() => this.#run());
  }

  /** Begins with what a URL says, once the call is in its room. */
  beginAt(target: CallbackTarget, extra: FieldValues): void {
    void this.#guarded(async () => {
      await this.#deps.calls.enterRoom(this.#call);
      await this.#load(target, extra);
      await this.#run();
    });
  }

  /** The call is over, or somebody else's. */
  stop(): void {
    this.#stop.abort();
    this.#cancelHangup();
    this.#call.keeper = undefined;
  }

  get #over(): boolean {
    return this.#stop.signal.aborted;
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#deps.log.error({ err: error, call: this.#call.uuid }, "an app's XML could not be carried out");
      this.#end('app_failed');
    }
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      const [verb, ...rest] = this.#queue;
      if (!verb) return this.#end('end_of_xml');
      this.#queue = rest;
      await this.#do(verb);
    }
  }

  async #do(verb: Verb): Promise<void> {
    switch (verb.verb) {
      case 'Play':
        return this.#play(verb.url, verb.loop);
      case 'Speak': {
        const speech = this.#deps.speaker.address(verb.text, verb.voice, verb.language);
        if (speech.ok) return this.#play(speech.address, verb.loop);
        return this.#skip(
          'Speak',
          speech.wrong === 'engine' ? 'nothing here can speak' : `${speech.wrong} ${speech.expected}`,
        );
      }
      case 'Wait':
        return this.#sleep(verb.ms);
      case 'DTMF':
        this.#call.leg?.sendDigits(verb.digits);
        return this.#sleep(digitTextMs(verb.digits));
      case 'Hangup':
        if (verb.afterMs === undefined) return this.#end('hangup_xml');
        this.#cancelHangup();
        this.#cancelHangup = this.#deps.clock.setTimeout(() => this.#end('hangup_xml'), verb.afterMs);
        return;
      case 'Redirect':
        return this.#load(verb.target, { Event: 'Redirect' });
      case 'MultiPartyCall':
        return this.#join(verb);
      default:
        verb satisfies never;
    }
  }

  async #play(url: string, loop: number): Promise<void> {
    const { leg } = this.#call;
    if (!leg) return;
    const { engine, clock, newUuid } = this.#deps;
    await this.#unlessStopped((resolve) => {
      const accepted = engine.play(
        {
          id: newUuid(),
          conference: this.#call.room,
          legs: [leg.id],
          urls: [url],
          requestedAt: clock.now(),
          options: { ...PLAIN_PLAY, loop },
        },
        (event) => {
          if (event.type !== 'finished') return;
          const { failure } = event.play;
          if (failure) this.#skip('Play', `${failure.reason}: ${failure.detail}`);
          resolve();
        },
      );
      if (!accepted.ok) {
        this.#skip('Play', accepted.reason);
        resolve();
        return () => {};
      }
      return () => accepted.play.stop();
    });
  }

  /** A member until it leaves; then what its exit action says, or else what follows. */
  async #join({ name, terms }: Extract<Verb, { verb: 'MultiPartyCall' }>): Promise<void> {
    const { calls } = this.#deps;
    const call = this.#call;
    let isOut: (cause: ExitCause) => void = () => {};
    const out = new Promise<ExitCause | undefined>((resolve) => {
      isOut = resolve;
      this.#stop.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    call.keeper = (cause) => {
      if (!terms.onExitAction && this.#queue.length === 0) return false;
      isOut(cause);
      return true;
    };
    const entered = await calls.enterMpc(call, name, terms);
    if (!entered.ok) {
      call.keeper = undefined;
      if (!this.#over) this.#skip('MultiPartyCall', entered.reason);
      return;
    }
    const { mpc, member } = entered;
    const cause = await out;
    if (this.#over) return;
    call.keeper = undefined;
    await calls.enterRoom(call);
    if (terms.onExitAction) await this.#load(terms.onExitAction, exitFields(mpc, member, cause));
  }

  /** What is still to be done is replaced by what the app says now. */
  async #load(target: CallbackTarget, extra: FieldValues): Promise<void> {
    if (this.#over) return;
    const now = this.#deps.clock.now();
    this.#loads = [...this.#loads.filter((at) => now - at < LOADS_WINDOW_MS), now];
    if (this.#loads.length > MAX_LOADS) {
      this.#skip('Redirect', `more than ${MAX_LOADS} documents in ${LOADS_WINDOW_MS / 1000} s`);
      return this.#end('app_failed');
    }
    const { xml, fallback, log } = this.#deps;
    const read = await fetchAppXml(target, callFields(this.#call, extra), xml, this.#stop.signal);
    if (this.#over) return;
    if (read.ok) {
      this.#queue = read.verbs;
      if (read.unknown.length > 0) log.warn({ call: this.#call.uuid, unknown: read.unknown }, 'XML elements left out');
      return;
    }
    log.warn({ call: this.#call.uuid, url: withoutQuery(target), problem: read.problem }, 'no XML from the app');
    if (fallback && target !== fallback) return this.#load(fallback, extra);
    this.#end('app_failed');
  }

  #skip(verb: string, why: string): void {
    this.#deps.log.warn({ call: this.#call.uuid, verb, why }, 'a verb could not be carried out');
  }

  #sleep(ms: number): Promise<void> {
    return this.#unlessStopped((resolve) => this.#deps.clock.setTimeout(resolve, ms));
  }

  /** Waits for the work, which gives a way to give it up. A call may do any number of things: nothing of one stays behind. */
  async #unlessStopped(work: (done: () => void) => () => void): Promise<void> {
    const { signal } = this.#stop;
    let giveUp = (): void => {};
    await new Promise<void>((resolve) => {
      let stop = (): void => {};
      giveUp = () => {
        stop();
        resolve();
      };
      signal.addEventListener('abort', giveUp);
      stop = work(resolve);
    });
    signal.removeEventListener('abort', giveUp);
  }

  #end(cause: CallEndCause): void {
    if (!this.#over) this.#deps.calls.end(this.#call, cause, true);
  }
}

/** What an exit action is told of the membership that is over: Plivo's fields, and why. */
export function exitFields(mpc: Mpc, member: Member, cause: ExitCause | undefined): FieldValues {
  return {
    Event: 'ExitMPC',
    MPCUUID: mpc.uuid,
    MPCFriendlyName: mpc.name,
    MemberID: member.id,
    ParticipantCallUUID: member.callUuid,
    ParticipantRole: member.role,
    ParticipantJoinTime: member.joinedAt.toISOString(),
    ParticipantEndTime: member.exitedAt?.toISOString(),
    ExitCause: cause,
  };
}

function withoutQuery({ url }: CallbackTarget): string {
  return `${url.origin}${url.pathname}`;
}
