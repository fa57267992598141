import { Agent, request } from 'undici';
import { startServer, type TestServer } from '../../support/server.ts';
import { SipCaller } from '../load/sip-caller.ts';
import { type Cores, onCores, pin, shield } from '../machine.ts';
import { parseScrape, type Scrape } from '../measure/prometheus.ts';
import type { System } from './system.ts';

export interface PartylineOptions {
  /** The most legs that will come: decides the range of media ports. */
  readonly legs: number;
  readonly cores: Cores;
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeFlags?: readonly string[];
  /** Cores the server may use, as taskset has it; the server's own core when left out. */
  readonly onCores?: string;
}

export interface ApiReply {
  readonly status: number;
  readonly body: unknown;
}

/** Ports of media when there is room for all of them above those that the system hands out, and else. */
const HIGH_PORTS = { first: 61_000, last: 65_535 } as const;
const LOW_PORTS = { first: 11_000, last: 32_767 } as const;
/** So few legs fit into the ports that any test's server gets. */
const FEW = 100;
const MANY = '1000000';

/** partyline as `npm start` runs it, in a process of its own; legs arrive by SIP. */
export class Partyline implements System {
  readonly name: string;
  readonly pid: number;
  readonly admitAtOnce = 16;
  readonly #server: TestServer;
  readonly #caller: SipCaller;
  readonly #agent = new Agent({ connections: 64, pipelining: 1 });
  readonly #authorization: string;

  private constructor(name: string, server: TestServer, caller: SipCaller) {
    this.name = name;
    this.#server = server;
    this.pid = server.pid;
    this.#caller = caller;
    this.#authorization = `Basic ${Buffer.from(`${server.authId}:${server.authToken}`).toString('base64')}`;
  }

  static async start(options: PartylineOptions): Promise<Partyline> {
    const { legs, cores } = options;
    // Each leg has two ports; those of a leg that just left rest for a while.
    const needed = 2 * legs + 100;
    const ports = HIGH_PORTS.last - HIGH_PORTS.first >= needed ? HIGH_PORTS : LOW_PORTS;
    const server = await startServer(
      {
        ...(legs > FEW ? { RTP_PORT_MIN: String(ports.first), RTP_PORT_MAX: String(ports.last) } : {}),
        MEDIA_WORKERS: '1',
        MAX_MEMBERS: MANY,
        MAX_MIXER_LOAD: '0',
        MAX_MEMBERS_PER_MPC: '100000',
        SIP_RATE_LIMIT: MANY,
        PLAYS_PER_NODE: MANY,
        LOG_LEVEL: 'info',
        ...options.env,
      },
      {
        wrapper: onCores(options.onCores ?? cores.server),
        ...(options.nodeFlags ? { nodeFlags: options.nodeFlags } : {}),
      },
    );
    if (cores.server !== undefined) shield(server.pid);
    return new Partyline(options.name ?? 'partyline', server, await SipCaller.open());
  }

  get httpUrl(): string {
    return this.#server.httpUrl;
  }

  /** All it wrote so far. */
  log(): string {
    return this.#server.log();
  }

  lastWords(): string {
    const lines = this.#server.log().trim().split('\n');
    const warnings = lines.filter((line) => /"level":[456]0/.test(line));
    return [...warnings.slice(-10), ...lines.slice(-3)].join('\n');
  }

  admit(room: string, rtpPort: number): Promise<number> {
    return this.#caller.call(this.#server.sipPort, room, rtpPort);
  }

  /** `path` follows `/v1/Account/{auth_id}`. */
  async api(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<ApiReply> {
    const reply = await request(`${this.#server.httpUrl}/v1/Account/${this.#server.authId}${path}`, {
      dispatcher: this.#agent,
      method,
      headers: { authorization: this.#authorization, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await reply.body.text();
    return { status: reply.statusCode, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** Starts a play; throws unless it was accepted. */
  async play(room: string, members: string, url: string, more: object = {}): Promise<void> {
    const reply = await this.api('POST', `/MultiPartyCall/name_${room}/Member/${members}/Play/`, { url, ...more });
    if (reply.status !== 202) throw new Error(`play refused with ${reply.status}: ${JSON.stringify(reply.body)}`);
  }

  async stopPlay(room: string, members: string): Promise<void> {
    await this.api('DELETE', `/MultiPartyCall/name_${room}/Member/${members}/Play/`);
  }

  async scrape(): Promise<Scrape> {
    return parseScrape(await this.#server.metrics());
  }

  /** Moves the server to other cores. */
  moveTo(cores: string): void {
    pin(this.pid, cores);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    this.#caller.close();
    await this.#agent.close();
  }
}
