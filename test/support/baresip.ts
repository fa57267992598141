/*
 * baresip as a phone for tests: speaks a tone, records what it hears, and is told what to do over its control port. Its
 * recorder writes decoded packets one after the other, so that a lost one makes the recording shorter, and it stops for
 * good when the call is put on hold.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { until } from './server.ts';
import { tone } from './tones.ts';
import { type Recording, readWav, writeWav } from './wav.ts';

export interface BaresipOptions {
  readonly name: string;
  /** What it says all the time, in Hz. */
  readonly hz: number;
  /** PCMU when left out. */
  readonly codec?: BaresipCodec;
  /** PEM file of the authority whose certificates it believes, for calls by TLS. */
  readonly caPath?: string;
  /** SRTP where the far side has it too, or nothing else. Plain RTP when left out. */
  readonly encryption?: 'srtp' | 'srtp-mand';
  /** Registers as a user of a server, and calls with its password. */
  readonly account?: {
    readonly user: string;
    readonly password: string;
    /** Host and port of the server, with `;transport=tcp` if need be. */
    readonly server: string;
  };
}

/** How accounts name codecs, and the rate at which the sound card of such a call runs. */
const CODECS = {
  PCMU: { named: 'PCMU', rate: 8000 },
  PCMA: { named: 'PCMA', rate: 8000 },
  G722: { named: 'G722/16000/1', rate: 16_000 },
  L16: { named: 'L16/16000/1', rate: 16_000 },
  opus: { named: 'opus/48000/2', rate: 48_000 },
} as const;

export type BaresipCodec = keyof typeof CODECS;

/** Whether this phone was built with a codec, as a module in a file of its own. */
export function hasModule(name: string): boolean {
  return existsSync(join(moduleFolder(), `${name}.so`));
}

/** What baresip tells of its calls, such as `CALL_ESTABLISHED`. */
export interface BaresipEvent {
  readonly type: string;
  readonly param: string;
}

/** baresip hangs up at the end of its microphone file. */
const SPEECH_SECONDS = 60;
const START_MS = 10_000;
const STOP_MS = 3000;
/** SIP, its TLS twin, control, and sixteen for RTP. */
const PORTS = 20;

export class Baresip {
  readonly events: BaresipEvent[] = [];
  readonly sipPort: number;
  readonly #folder: string;
  readonly #child: ChildProcess;
  #control: Socket | undefined;
  #unread = Buffer.alloc(0);
  #answers = 0;

  private constructor(sipPort: number, folder: string, child: ChildProcess) {
    this.sipPort = sipPort;
    this.#folder = folder;
    this.#child = child;
  }

  static async start(options: BaresipOptions): Promise<Baresip> {
    const folder = await mkdtemp(join(tmpdir(), `baresip-${options.name}-`));
    const port = await freePorts(PORTS);
    const { named, rate } = CODECS[options.codec ?? 'PCMU'];
    await mkdir(join(folder, 'rec'));
    const speech = tone(rate, rate * SPEECH_SECONDS, options.hz);
    await writeFile(join(folder, 'speech.wav'), writeWav(speech, rate));
    await writeFile(join(folder, 'config'), configText(folder, port, rate, options));
    await writeFile(join(folder, 'contacts'), '');
    const { account, encryption } = options;
    const login = account
      ? `<sip:${account.user}@${account.server}>;auth_user=${account.user};auth_pass=${account.password};regint=60`
      : `<sip:${options.name}@127.0.0.1:${port}>;regint=0`;
    const srtp = encryption === undefined ? '' : `;mediaenc=${encryption}`;
    await writeFile(join(folder, 'accounts'), `${login};answermode=manual;audio_codecs=${named}${srtp}\n`);
    const child = spawn('baresip', ['-4', '-f', folder], { stdio: 'ignore' });
    const phone = new Baresip(port, folder, child);
    try {
      await phone.#connect(port + 2);
    } catch (error) {
      await phone.stop();
      throw error;
    }
    return phone;
  }

  /** Calls and waits until the call stands. */
  async dial(uri: string, waitMs?: number): Promise<void> {
    await this.command('dial', uri);
    await this.event('CALL_ESTABLISHED', waitMs);
  }

  /** Waits until it rings, and takes the call. */
  async accept(waitMs?: number): Promise<void> {
    await this.event('CALL_INCOMING', waitMs);
    await this.command('accept');
    await this.event('CALL_ESTABLISHED', waitMs);
  }

  /** Puts the call on hold; resolves when our answer came. */
  async hold(waitMs?: number): Promise<void> {
    await this.#renegotiate('hold', waitMs);
  }

  async resume(waitMs?: number): Promise<void> {
    await this.#renegotiate('resume', waitMs);
  }

  async hangUp(): Promise<void> {
    await this.command('hangup');
    await this.event('CALL_CLOSED');
  }

  /** The next event of that type after all that were waited for. */
  async event(type: string, waitMs = 5000): Promise<BaresipEvent> {
    return until(
      `${type} of baresip, which told of ${this.events.map((event) => event.type).join(', ') || 'nothing'}`,
      () => {
        const at = this.events.findIndex((event) => event.type === type);
        return at < 0 ? undefined : this.events.splice(0, at + 1).at(-1);
      },
      waitMs,
    );
  }

  async command(command: string, params = ''): Promise<void> {
    const before = this.#answers;
    const text = JSON.stringify({ command, params, token: command });
    this.#control?.write(`${Buffer.byteLength(text)}:${text},`);
    await until(`baresip takes ${command}`, () => this.#answers > before);
  }

  /** All it has heard in its last call so far. */
  async heard(): Promise<Recording> {
    const folder = join(this.#folder, 'rec');
    return until('a recording', async () => {
      const name = (await readdir(folder))
        .filter((file) => file.endsWith('-dec.wav'))
        .sort()
        .at(-1);
      const file = name === undefined ? undefined : await readFile(join(folder, name));
      return file && file.length > 44 && readWav(withSize(file));
    });
  }

  async stop(): Promise<void> {
    this.#control?.destroy();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(timer);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #renegotiate(command: string, waitMs?: number): Promise<void> {
    this.events.length = 0;
    await this.command(command);
    await this.event('CALL_REMOTE_SDP', waitMs);
  }

  async #connect(port: number): Promise<void> {
    this.#control = await until(
      'baresip starts',
      async () => {
        if (this.#child.exitCode !== null) throw new Error(`baresip ended with ${this.#child.exitCode}`);
        const socket = connect(port, '127.0.0.1');
        const connected = await Promise.race([
          once(socket, 'connect').then(() => true),
          once(socket, 'close').then(() => false),
        ]).catch(() => false);
        return connected && socket;
      },
      START_MS,
    );
    this.#control.on('data', (bytes) => this.#read(bytes));
    this.#control.on('error', () => {});
  }

  /** Netstrings of JSON: `12:{"event":1},`. */
  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const colon = this.#unread.indexOf(':');
      const length = Number(this.#unread.toString('latin1', 0, Math.max(colon, 0)));
      if (colon < 0 || this.#unread.length < colon + length + 2) return;
      const message = JSON.parse(this.#unread.toString('utf8', colon + 1, colon + 1 + length));
      this.#unread = this.#unread.subarray(colon + length + 2);
      if (message.event) this.events.push({ type: String(message.type), param: String(message.param ?? '') });
      else this.#answers += 1;
    }
  }
}

/** The header of a recording under way still says 0 bytes. */
function withSize(file: Buffer): Buffer {
  const data = file.indexOf('data', 12, 'latin1');
  if (data > 0 && file.readUInt32LE(data + 4) === 0) file.writeUInt32LE(file.length - data - 8, data + 4);
  return file;
}

function moduleFolder(): string {
  const listed = spawnSync('dpkg', ['-L', 'baresip-core'], { encoding: 'utf8' }).stdout ?? '';
  return listed.split('\n').find((line) => line.endsWith('/modules')) ?? '/usr/lib/baresip/modules';
}

function configText(folder: string, port: number, rate: number, { caPath, encryption }: BaresipOptions): string {
  const codecs = ['g711', 'g722', 'l16', 'opus'].filter(hasModule);
  return [
    'poll_method epoll',
    `sip_listen 127.0.0.1:${port}`,
    ...(caPath === undefined ? [] : [`sip_cafile ${caPath}`, 'sip_verify_server yes']),
    `audio_source aufile,${folder}/speech.wav`,
    'audio_player aubridge,null',
    'audio_alert aubridge,null',
    `ausrc_srate ${rate}`,
    `auplay_srate ${rate}`,
    'ausrc_channels 1',
    'auplay_channels 1',
    'ausrc_format s16',
    'auplay_format s16',
    `rtp_ports ${port + 4}-${port + PORTS - 1}`,
    'jitter_buffer_delay 2-10',
    `module_path ${moduleFolder()}`,
    ...codecs.map((codec) => `module ${codec}.so`),
    ...(encryption === undefined ? [] : ['module srtp.so']),
    'module aufile.so',
    'module aubridge.so',
    'module sndfile.so',
    'module_tmp uuid.so',
    'module_tmp account.so',
    'module_app menu.so',
    'module_app ctrl_tcp.so',
    `ctrl_tcp_listen 127.0.0.1:${port + 2}`,
    `snd_path ${folder}/rec`,
    '',
  ].join('\n');
}
