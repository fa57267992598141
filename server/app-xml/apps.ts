import type { CallbackFields, CallbackTarget, FieldValues } from '../callbacks/index.ts';
import type { Call, Decision, Reception } from '../calls/index.ts';
import { callFields, hangupFields } from './call-fields.ts';
import { fetchAppXml } from './fetch.ts';
import { AppRun, exitFields, type RunDeps } from './run.ts';

export interface AppsDeps extends RunDeps {
  /** Asked what becomes of a call that comes in. */
  readonly answer: CallbackTarget | undefined;
  /** Told that such a call is over. */
  readonly hangup: CallbackTarget | undefined;
  /** Delivers, in order for each call, and never waits. */
  readonly tell: (callUuid: string, target: CallbackTarget, fields: CallbackFields) => void;
}

/** The apps behind calls: answers for those that come in, and one run of XML at a time for each. */
export class Apps implements Reception {
  readonly #deps: AppsDeps;
  readonly #runs = new Map<Call, AppRun>();

  constructor(deps: AppsDeps) {
    this.#deps = deps;
    deps.calls.subscribe((event) => {
      if (event.type === 'moved') this.#keepForExit(event.call);
      if (event.type === 'ended') this.#onEnded(event.call);
    });
  }

  /** Asks the app, then the fallback, about a call that rings. */
  async decide(call: Call): Promise<Decision> {
    const { answer, fallback, xml, log } = this.#deps;
    for (const target of [answer, fallback]) {
      if (!target) continue;
      const aborted = new AbortController();
      const stop = this.#deps.calls.subscribe((event) => {
        if (event.type === 'ended' && event.call === call) aborted.abort();
      });
      const read = await fetchAppXml(target, callFields(call, { Event: 'StartApp' }), xml, aborted.signal);
      stop();
      if (!read.ok) {
        log.warn({ call: call.uuid, url: target.url.origin, problem: read.problem }, 'no XML from the app');
        continue;
      }
      if (read.unknown.length > 0) log.warn({ call: call.uuid, unknown: read.unknown }, 'XML elements left out');
      const [first] = read.verbs;
      if (!first) return { take: false, cause: 'rejected' };
      if (first.verb === 'Hangup' && first.afterMs === undefined)
        return { take: false, cause: first.reason ?? 'rejected' };
      return { take: true, begin: () => this.#begin(call).begin(read.verbs) };
    }
    return { take: false, cause: 'app_failed' };
  }

  /** The app at this URL has the call from now on, wherever it is. */
  run(call: Call, target: CallbackTarget, extra: FieldValues): void {
    this.#begin(call).beginAt(target, extra);
  }

  #begin(call: Call): AppRun {
    this.#runs.get(call)?.stop();
    const run = new AppRun(call, this.#deps);
    this.#runs.set(call, run);
    return run;
  }

  /** Members that no XML brought here have exit actions as well. */
  #keepForExit(call: Call): void {
    if (call.place.in !== 'mpc' || call.keeper) return;
    const { mpc, member } = call.place;
    const { onExitAction } = member.terms;
    if (!onExitAction) return;
    call.keeper = (cause) => {
      call.keeper = undefined;
      // The call is moved to its room first.
      queueMicrotask(() => this.run(call, onExitAction, exitFields(mpc, member, cause)));
      return true;
    };
  }

  /** A member whose call is over has left her MPC as well; nothing is left that the answer could go on with. */
  #tellExit(call: Call): void {
    if (call.place.in !== 'mpc') return;
    const { mpc, member } = call.place;
    const { onExitAction } = member.terms;
    if (!onExitAction) return;
    this.#deps.tell(call.uuid, onExitAction, callFields(call, exitFields(mpc, member, member.exitCause)));
  }

  #onEnded(call: Call): void {
    this.#runs.get(call)?.stop();
    this.#runs.delete(call);
    this.#tellExit(call);
    const { hangup, answer, tell } = this.#deps;
    if (hangup && answer && call.kind === 'sip' && call.direction === 'inbound')
      tell(call.uuid, hangup, hangupFields(call));
  }
}
