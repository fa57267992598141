import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, fetch as fetchBy } from 'undici';
import { rtpPorts } from './ports.ts';

export interface ApiAnswer {
  readonly status: number;
  /** The JSON of the answer; undefined when it has no body. */
  readonly body: unknown;
  readonly headers: Headers;
}

/** The real server in a process of its own, on free ports and in a folder of its own. */
export interface TestServer {
  readonly pid: number;
  /** Without a slash at the end, such as `http://127.0.0.1:40123`. */
  readonly httpUrl: string;
  readonly wsUrl: string;
  readonly sipPort: number;
  /** 0 without a certificate. */
  readonly sipTlsPort: number;
  readonly authId: string;
  readonly authToken: string;
  readonly dataDir: string;
  /** All it wrote so far: the start-up text and the log. */
  log(): string;
  /** `path` follows `/v1/Account/{auth_id}`, such as `/MultiPartyCall/`; a body is sent as JSON. */
  api(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<ApiAnswer>;
  metrics(): Promise<string>;
  /** SIGTERM, SIGKILL when that is not enough; removes the folder. Returns the exit code. */
  stop(): Promise<number | null>;
}

/** What the build made, unless another build is to be tested. */
export const ENTRY = process.env.PARTYLINE_ENTRY ?? 'dist/server/main.js';
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 10_000;
const AUTH_ID = 'MATESTTESTTESTTESTTE';
const AUTH_TOKEN = 'test-token-of-a-server-nobody-reaches-99';
const RTP_PORTS = 400;

/** How the server's process is started. */
export interface Launch {
  /** A command put before it that becomes it, such as `taskset -c 0`. */
  readonly wrapper?: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** The server's main file, `dist/server/main.js` when left out. */
  readonly entry?: string;
  /** PEM of the authority of its certificate, when it speaks TLS. */
  readonly ca?: string;
}

/** Starts `dist/server/main.js` and waits until it takes calls. `env` goes on top of the test's own settings. */
export async function startServer(
  env: Readonly<Record<string, string>> = {},
  launch: Launch = {},
): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'partyline-test-'));
  const rtpMin = rtpPorts(RTP_PORTS);
  const settings: Record<string, string> = {
    HTTP_PORT: '0',
    SIP_PORT: '0',
    SIP_TLS_PORT: '0',
    RTP_PORT_MIN: String(rtpMin),
    RTP_PORT_MAX: String(rtpMin + RTP_PORTS - 1),
    AUTH_ID,
    AUTH_TOKEN,
    MEDIA_WORKERS: '1',
    DRAIN_SECONDS: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'debug',
    ...env,
  };
  const entry = launch.entry ?? ENTRY;
  const ask = asker(launch.ca);
  const [program = process.execPath, ...args] = [
    ...(launch.wrapper ?? []),
    process.execPath,
    ...(launch.nodeFlags ?? []),
    entry,
  ];
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });

  const stop = async (): Promise<number | null> => {
    const code = await end(child);
    await rm(dataDir, { recursive: true, force: true });
    return code;
  };
  let ports: { httpUrl: string; sipPort: number };
  try {
    ports = await untilReady(child, () => output, ask);
  } catch (error) {
    await stop();
    throw error;
  }
  const { httpUrl, sipPort } = ports;
  const authId = settings.AUTH_ID ?? AUTH_ID;
  const authToken = settings.AUTH_TOKEN ?? AUTH_TOKEN;
  const authorization = `Basic ${Buffer.from(`${authId}:${authToken}`).toString('base64')}`;
  return {
    pid: child.pid ?? 0,
    httpUrl,
    wsUrl: httpUrl.replace('http', 'ws'),
    sipPort,
    sipTlsPort: Number(/"sipTlsPort":(\d+)/.exec(output)?.[1] ?? 0),
    authId,
    authToken,
    dataDir,
    log: () => output,
    async api(method, path, body, headers) {
      const response = await ask(`${httpUrl}/v1/Account/${authId}${path}`, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers };
    },
    metrics: async () => (await ask(`${httpUrl}/metrics`)).text(),
    stop,
  };
}

/** Resolves once `condition` gives a value, and fails with `what` after the deadline. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 5000,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await wait(20);
  }
}

/** `fetch`, believing the certificates of one authority. */
function asker(ca: string | undefined): typeof fetch {
  if (ca === undefined) return fetch;
  const dispatcher = new Agent({ connect: { ca } });
  return ((url: string, init: object = {}) => fetchBy(url, { ...init, dispatcher })) as unknown as typeof fetch;
}

async function untilReady(
  child: ChildProcess,
  output: () => string,
  ask: typeof fetch,
): Promise<{ httpUrl: string; sipPort: number }> {
  return until(
    'the server is ready',
    async () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the server ended at its start with ${child.exitCode ?? child.signalCode}:\n${output()}`);
      const [, httpUrl, sipPort] = /"http":"(https?:[^"]+)","sipPort":(\d+)/.exec(output()) ?? [];
      if (httpUrl === undefined) return undefined;
      const ready = await ask(`${httpUrl}/readyz`).catch(() => undefined);
      await ready?.text();
      return ready?.status === 200 ? { httpUrl, sipPort: Number(sipPort) } : undefined;
    },
    START_DEADLINE_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${output()}`);
  });
}

async function end(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(timer);
  }
  return child.exitCode;
}
