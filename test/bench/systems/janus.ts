import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { until } from '../../support/server.ts';
import { type Cores, onCores, shield } from '../machine.ts';
import type { System } from './system.ts';

const PROGRAM = 'janus';
const PLUGIN = 'janus.plugin.audiobridge';
/** Where Debian puts its parts; the first that exists is used. */
const LIBRARIES = [`/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/janus`, '/usr/lib/janus'];
const HOST = '127.0.0.1';
const RTP_PORTS = '11000-32767';
const START_MS = 10_000;
const STOP_MS = 5000;
const LONG_POLL_MS = 60_000;
const EVENTS_PER_POLL = 100;

interface JanusMessage {
  readonly janus?: string;
  readonly transaction?: string;
  readonly data?: { readonly id: number };
  readonly error?: { readonly reason: string };
  readonly plugindata?: {
    readonly data: { readonly error?: string; readonly rtp?: { readonly port: number } };
  };
}

/** Version of the installed Janus; undefined when there is none. */
export function janusVersion(): string | undefined {
  const { status, stdout, stderr } = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  if (status === null) return undefined;
  return /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] ?? 'of an unknown version';
}

/**
 * Janus with its AudioBridge alone: 8 kHz rooms and participants of plain RTP in PCMU, which is what partyline is given
 * too. Everything else is as it comes.
 */
export class Janus implements System {
  readonly name = 'Janus AudioBridge';
  readonly pid: number;
  readonly admitAtOnce = 8;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #url: string;
  readonly #agent = new Agent({ headersTimeout: LONG_POLL_MS, bodyTimeout: LONG_POLL_MS, connections: 32 });
  readonly #rooms = new Map<string, Promise<number>>();
  readonly #events = new Map<string, (message: JanusMessage) => void>();
  #session = 0;
  #transactions = 0;
  #stopping = false;
  #polling: Promise<void> = Promise.resolve();

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#folder = folder;
    this.#url = `http://${HOST}:${port}/janus`;
  }

  static async start(cores: Cores): Promise<Janus> {
    const folder = await mkdtemp(join(tmpdir(), 'partyline-janus-'));
    const port = await freePort();
    await configure(folder, port);
    const command = [PROGRAM, '--configs-folder', folder];
    const [program = '', ...args] = [...onCores(cores.server), ...command];
    const child = spawn(program, args, { stdio: 'ignore' });
    const janus = new Janus(child, folder, port);
    try {
      await until(
        'Janus answers',
        () =>
          janus
            .#post('', { janus: 'create' })
            .then(({ data }) => data?.id)
            .then((session) => {
              janus.#session = session ?? 0;
              return session;
            })
            .catch(() => undefined),
        START_MS,
      );
    } catch (error) {
      await janus.stop();
      throw error;
    }
    if (cores.server !== undefined) shield(janus.pid);
    janus.#polling = janus.#poll();
    return janus;
  }

  async admit(room: string, rtpPort: number): Promise<number> {
    const handle = await this.#attach();
    let made = this.#rooms.get(room);
    if (!made) {
      made = this.#createRoom(handle, this.#rooms.size + 1);
      this.#rooms.set(room, made);
    }
    const joined = await this.#request(handle, {
      request: 'join',
      room: await made,
      codec: 'pcmu',
      rtp: { ip: HOST, port: rtpPort, payload_type: 0 },
    });
    const port = joined.plugindata?.data.rtp?.port;
    if (port === undefined) throw new Error(`Janus: join failed: ${JSON.stringify(joined)}`);
    return port;
  }

  lastWords(): string {
    return '(its output is not kept)';
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(timer);
    }
    await this.#agent.destroy();
    await this.#polling;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #attach(): Promise<number> {
    const { data, error } = await this.#post(`/${this.#session}`, { janus: 'attach', plugin: PLUGIN });
    if (!data) throw new Error(`Janus: attach failed: ${error?.reason}`);
    return data.id;
  }

  async #createRoom(handle: number, room: number): Promise<number> {
    const made = await this.#post(`/${this.#session}/${handle}`, {
      janus: 'message',
      body: { request: 'create', room, sampling_rate: 8000, allow_rtp_participants: true },
    });
    const failure = made.plugindata?.data.error ?? made.error?.reason;
    if (failure !== undefined) throw new Error(`Janus: room ${room}: ${failure}`);
    return room;
  }

  /** A request that Janus answers with an event, by the long poll. */
  async #request(handle: number, body: object): Promise<JanusMessage> {
    const transaction = this.#nextTransaction();
    const event = new Promise<JanusMessage>((resolve) => this.#events.set(transaction, resolve));
    await this.#post(`/${this.#session}/${handle}`, { janus: 'message', body }, transaction);
    return event;
  }

  async #post(path: string, message: object, transaction = this.#nextTransaction()): Promise<JanusMessage> {
    const { body } = await request(this.#url + path, {
      dispatcher: this.#agent,
      method: 'POST',
      body: JSON.stringify({ ...message, transaction }),
    });
    return (await body.json()) as JanusMessage;
  }

  /** Fetches events for as long as Janus lives; that also keeps the session alive. */
  async #poll(): Promise<void> {
    while (!this.#stopping) {
      try {
        const { body } = await request(`${this.#url}/${this.#session}?maxev=${EVENTS_PER_POLL}`, {
          dispatcher: this.#agent,
        });
        const events = (await body.json()) as JanusMessage | JanusMessage[];
        for (const event of Array.isArray(events) ? events : [events]) {
          const transaction = event.transaction ?? '';
          this.#events.get(transaction)?.(event);
          this.#events.delete(transaction);
        }
      } catch (error) {
        if (!this.#stopping) throw error;
      }
    }
  }

  #nextTransaction(): string {
    this.#transactions += 1;
    return `t${this.#transactions}`;
  }
}

/** A configuration folder that also holds the two libraries Janus is to load, and no others. */
async function configure(folder: string, port: number): Promise<void> {
  const library = LIBRARIES.find((path) => spawnSync('test', ['-d', path]).status === 0) ?? '';
  for (const name of ['plugins', 'transports', 'events', 'loggers']) await mkdir(join(folder, name));
  await symlink(join(library, 'plugins/libjanus_audiobridge.so'), join(folder, 'plugins/libjanus_audiobridge.so'));
  await symlink(join(library, 'transports/libjanus_http.so'), join(folder, 'transports/libjanus_http.so'));
  const write = (name: string, lines: readonly string[]): Promise<void> =>
    writeFile(join(folder, name), `${lines.join('\n')}\n`);
  await write('janus.jcfg', [
    'general: {',
    ...['plugins', 'transports', 'events', 'loggers'].map((name) => `  ${name}_folder = "${join(folder, name)}"`),
    '  debug_level = 0',
    '}',
    `nat: { nat_1_1_mapping = "${HOST}" }`,
  ]);
  await write('janus.plugin.audiobridge.jcfg', [`general: { rtp_port_range = "${RTP_PORTS}", local_ip = "${HOST}" }`]);
  await write('janus.transport.http.jcfg', [
    `general: { json = "compact", base_path = "/janus", http = true, port = ${port}, ip = "${HOST}", https = false }`,
    'admin: { admin_http = false, admin_https = false }',
  ]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
