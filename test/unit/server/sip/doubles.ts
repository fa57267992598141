import { randomUUID } from 'node:crypto';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import type { LegEvent, MediaEngine, RtpLeg, RtpLegChanges, RtpLegOptions } from '../../../../media/engine.ts';
import { EngineBusy } from '../../../../media/engine.ts';
import { MASTER_BYTES } from '../../../../media/srtp/srtp-terms.ts';
import { Calls } from '../../../../server/calls/index.ts';
import { Directory } from '../../../../server/mpc/index.ts';
import { G711 } from '../../../../server/sip/codecs.ts';
import { type ContactShelf, Contacts, type KeptContacts } from '../../../../server/sip/contacts.ts';
import { DIGEST_ALGORITHMS, type DigestAlgorithm, ha1Of } from '../../../../server/sip/digest.ts';
import { Endpoint } from '../../../../server/sip/endpoint.ts';
import type { Flow, Pressure } from '../../../../server/sip/flow.ts';
import { Guard } from '../../../../server/sip/guard.ts';
import { DEFAULT_LIMITS, type SipLimits } from '../../../../server/sip/limits.ts';
import type { SipLog } from '../../../../server/sip/log.ts';
import type { SipObserver } from '../../../../server/sip/observer.ts';
import { readDatagram } from '../../../../server/sip/reader.ts';
import type { SrtpPolicy } from '../../../../server/sip/sdes.ts';
import { userParts } from '../../../../server/sip/users.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { CallScript, type ScriptOptions, SipText, sdpText } from '../../../support/sip-script.ts';

/** A peer's address, and everything sent to it. */
export class FakeFlow implements Flow {
  readonly transport: Flow['transport'];
  readonly address: string;
  readonly port: number;
  open = true;
  holders = 0;
  readonly sent: SipText[] = [];
  readonly #closers = new Set<() => void>();

  constructor(options: { transport?: Flow['transport']; address?: string; port?: number } = {}) {
    this.transport = options.transport ?? 'UDP';
    this.address = options.address ?? '127.0.0.1';
    this.port = options.port ?? 5999;
  }

  get reliable(): boolean {
    return this.transport !== 'UDP';
  }

  send(bytes: Buffer): void {
    this.sent.push(new SipText(bytes.toString('latin1')));
  }

  hold(): () => void {
    this.holders += 1;
    return () => {
      this.holders -= 1;
    };
  }

  onClose(run: () => void): () => void {
    this.#closers.add(run);
    return () => this.#closers.delete(run);
  }

  /** The connection breaks, or was never made. */
  close(): void {
    this.open = false;
    for (const run of this.#closers) run();
  }

  get statuses(): readonly number[] {
    return this.sent.map((message) => message.status);
  }

  get last(): SipText {
    const last = this.sent.at(-1);
    if (!last) throw new Error('nothing was sent');
    return last;
  }

  /** Takes away what was sent so far. */
  take(): readonly SipText[] {
    return this.sent.splice(0);
  }
}

/** A leg that remembers what it was told, change by change. */
export class FakeRtpLeg implements RtpLeg {
  readonly id: number;
  readonly port: number;
  readonly stats = undefined;
  readonly options: RtpLegOptions;
  readonly report: (event: LegEvent) => void;
  readonly changes: RtpLegChanges[] = [];
  conference = '';
  closed = false;

  constructor(id: number, options: RtpLegOptions, report: (event: LegEvent) => void) {
    this.id = id;
    this.port = 20_000 + 2 * id;
    this.options = options;
    this.report = report;
  }

  update(changes: RtpLegChanges): void {
    this.changes.push(changes);
  }

  sendDigits(): void {}

  async move(conference: string): Promise<void> {
    this.conference = conference;
  }

  close(): void {
    this.closed = true;
  }
}

/** Opens legs at once, or when told to. */
export class FakeEngine {
  readonly legs: FakeRtpLeg[] = [];
  busy = false;
  /** Holds back every leg until `release`. */
  slow = false;
  #waiting: (() => void)[] = [];

  openConference(): void {}
  closeConference(): void {}

  async openRtpLeg(_: string, options: RtpLegOptions, onEvent: (event: LegEvent) => void): Promise<FakeRtpLeg> {
    if (this.busy) throw new EngineBusy('no port');
    if (this.slow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const leg = new FakeRtpLeg(this.legs.length + 1, options, onEvent);
    this.legs.push(leg);
    return leg;
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The last leg opened. */
  get leg(): FakeRtpLeg {
    const leg = this.legs.at(-1);
    if (!leg) throw new Error('no leg was opened');
    return leg;
  }

  asEngine(): MediaEngine {
    return this as unknown as MediaEngine;
  }
}

export interface BenchOptions {
  readonly trusted?: readonly string[];
  /** Passwords by username; undefined leaves everybody who is not trusted outside. */
  readonly users?: Readonly<Record<string, string>>;
  readonly algorithms?: readonly DigestAlgorithm[];
  readonly failuresPerMinute?: number;
  readonly limits?: Partial<SipLimits>;
  readonly maxMembersPerMpc?: number;
  readonly maxMembers?: number;
  readonly publicAddress?: string;
  readonly srtp?: SrtpPolicy;
}

/** A directory of MPCs over an engine that has no sound. */
export function directoryFor(
  engine: FakeEngine,
  limits: { readonly maxMembers?: number; readonly maxMembersPerMpc?: number } = {},
): Directory {
  return new Directory({
    engine: engine.asEngine(),
    limits: { maxMembers: limits.maxMembers ?? 100, maxMembersPerMpc: limits.maxMembersPerMpc ?? 100 },
    sound: () => ({ sampleRate: 8000, floor: OPEN_FLOOR }),
    now: () => new Date(0),
    newUuid: randomUUID,
  });
}

/** Calls that the directory's MPCs take in. */
export function callsFor(engine: FakeEngine, directory: Directory): Calls {
  return new Calls({
    engine: engine.asEngine(),
    directory,
    roomSound: { sampleRate: 8000, floor: OPEN_FLOOR },
    maxCalls: 100,
    now: () => new Date(0),
    newUuid: randomUUID,
  });
}
/** Of the users of a bench. */
export const REALM = 'example.com';

/** An endpoint with everything around it, on a clock that stands still. */
export class SipBench {
  readonly clock = new HandClock(0);
  readonly engine = new FakeEngine();
  readonly directory: Directory;
  readonly calls: Calls;
  readonly endpoint: Endpoint;
  readonly counts = new Map<string, number>();
  /** What was logged as our own mistake. */
  readonly errors: object[] = [];
  readonly limits: SipLimits;
  readonly contacts: Contacts;
  /** What would be on disk, by username. */
  readonly kept = new Map<string, KeptContacts>();
  readonly shelf: ContactShelf = {
    put: (username, contacts) => this.kept.set(username, contacts),
    delete: (username) => this.kept.delete(username),
  };
  readonly codec = { name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1 } as const;
  /** Connections that the endpoint opened by itself. */
  readonly connected: FakeFlow[] = [];
  /** SRTP keys made. */
  masters = 0;

  constructor(options: BenchOptions = {}) {
    this.limits = { ...DEFAULT_LIMITS, ratePerSecond: 10_000, ...options.limits };
    this.directory = directoryFor(this.engine, options);
    this.calls = callsFor(this.engine, this.directory);
    const observer = this.#observer();
    const log = { ...silentLog(), error: (fields: object) => this.errors.push(fields) };
    const passwords = new Map(Object.entries(options.users ?? {}));
    this.contacts = new Contacts({
      clock: this.clock,
      now: () => this.date,
      shelf: this.shelf,
      maxPerUser: this.limits.contactsPerUser,
      maxRoutes: this.limits.routes,
      displaced: () => observer.contactDisplaced(),
    });
    const { authenticate, registrar } = userParts(
      {
        realm: REALM,
        algorithms: options.algorithms ?? DIGEST_ALGORITHMS,
        failuresPerMinute: options.failuresPerMinute ?? 20,
        has: (username) => passwords.has(username),
        ha1: (username) => {
          const password = passwords.get(username);
          return password === undefined ? undefined : ha1Of(username, REALM, password);
        },
        contacts: this.contacts,
        keptContacts: [],
      },
      { clock: this.clock, limits: this.limits, observer, log, now: () => this.date },
    );
    let tokens = 0;
    this.endpoint = new Endpoint({
      clock: this.clock,
      limits: this.limits,
      calls: this.calls,
      guard: new Guard({
        trusted: options.trusted ?? ['127.0.0.0/8', '::1/128'],
        // Without users the guard is as it is before there are any.
        ...(options.users ? { authenticate } : {}),
        isRegistered: (flow) => this.contacts.isRegistered(flow),
      }),
      observer,
      realm: REALM,
      registrar,
      engine: this.engine.asEngine(),
      codecs: G711,
      log,
      publicAddress: options.publicAddress ?? '127.0.0.1',
      port: 5060,
      newToken: () => {
        tokens += 1;
        return `token${tokens}`;
      },
      newSessionId: () => 7,
      srtp: options.srtp ?? 'optional',
      newMaster: () => {
        this.masters += 1;
        return new Uint8Array(MASTER_BYTES).fill(this.masters);
      },
      connect: (transport, address, port) => {
        const flow = new FakeFlow({ transport, address, port });
        this.connected.push(flow);
        return flow;
      },
    });
  }

  /** The time of day moves with the clock. */
  get date(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.clock.now());
  }

  /** Hands a message in as if it had come from there. */
  receive(flow: Flow, text: string | Buffer, pressure: Pressure = 'pass'): void {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    this.endpoint.receive(readDatagram(bytes, this.limits), flow, pressure);
  }

  count(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** A script that calls MPC `demo`, from one address. */
  caller(options: Partial<ScriptOptions> & { readonly flow?: FakeFlow } = {}): BenchCaller {
    return new BenchCaller(this, options.flow ?? new FakeFlow({ transport: options.transport ?? 'UDP' }), {
      uri: 'sip:demo@127.0.0.1:5060',
      ...options,
    });
  }

  #observer(): SipObserver {
    const add = (what: string): void => {
      this.counts.set(what, this.count(what) + 1);
    };
    return {
      request: (method) => add(`request ${method}`),
      response: (statusClass) => add(`response ${statusClass}`),
      dropped: (reason) => add(`dropped ${reason}`),
      authenticated: (result) => add(`authenticated ${result}`),
      registration: (result) => add(`registration ${result}`),
      contactDisplaced: () => add('contact displaced'),
      dialogs: (count) => this.counts.set('dialogs', count),
    };
  }
}

/** One phone in front of the bench. */
export class BenchCaller {
  readonly script: CallScript;
  readonly flow: FakeFlow;
  readonly #bench: SipBench;

  constructor(bench: SipBench, flow: FakeFlow, options: ScriptOptions) {
    this.#bench = bench;
    this.flow = flow;
    this.script = new CallScript(options);
  }

  send(method: string, changes?: Parameters<CallScript['request']>[1]): string {
    const text = this.script.request(method, changes);
    this.#bench.receive(this.flow, text);
    return text;
  }

  /** Sends an INVITE and lets everything that follows at once happen. Takes the tag from the answer. */
  async invite(changes: Parameters<CallScript['request']>[1] = { body: sdpText() }): Promise<SipText> {
    this.send('INVITE', changes);
    await settle();
    const answer = this.flow.last;
    if (answer.status >= 200 && answer.status < 300) this.script.learn(answer);
    return answer;
  }

  /** A call that stands: INVITE, 200, ACK. */
  async establish(changes?: Parameters<CallScript['request']>[1]): Promise<SipText> {
    const answer = await this.invite(changes);
    if (answer.status !== 200) throw new Error(answer.startLine);
    this.send('ACK');
    return answer;
  }
}

/** Lets promises that wait for nothing but each other run to their end. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

export function silentLog(): SipLog {
  return { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
}
