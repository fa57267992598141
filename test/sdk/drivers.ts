/*
 * Programs that ask and read as an SDK does, by the HTTP library that it uses. Each reads a task as JSON from its standard
 * input and writes what came of it to its standard output.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isOnPath } from '../support/programs.ts';
import type { Operation, Params } from './operations.ts';
import type { SdkName } from './wire.ts';

/** A callback as it came, to be checked by the SDK's way to do so. */
export interface CallbackCheck {
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly signature: string;
  readonly token: string;
  readonly params: Readonly<Record<string, string>>;
}

export interface Task {
  /** Of the server: `http://127.0.0.1:40123`. */
  readonly base: string;
  readonly authId: string;
  readonly authToken: string;
  readonly calls: readonly {
    readonly does: Operation;
    readonly method: string;
    /** Segments, unescaped. */
    readonly path: readonly string[];
    readonly params: Params | undefined;
    /** What is sent in the end, for who writes no JSON and no queries. */
    readonly wire: { readonly path: string; readonly body: string };
  }[];
  readonly callbacks: readonly CallbackCheck[];
}

export interface Outcome {
  /** Which library it was, with its version. */
  readonly library: string;
  readonly answers: readonly {
    readonly status: number;
    /** What the SDK hands to its caller. */
    readonly value?: Readonly<Record<string, unknown>> | null;
    /** The class of what it throws. */
    readonly error?: string;
    readonly message?: string;
  }[];
  /** Of each callback, whether the SDK believes it; empty for who cannot tell. */
  readonly valid: readonly boolean[];
}

interface Driver {
  /** What it needs, and Debian's packages that bring it. */
  readonly program: string;
  readonly packages: readonly string[];
  /** CI has them: there it must run. */
  readonly required: boolean;
  readonly arguments: readonly string[];
  /** A command that fails where a library is missing. */
  readonly probe: readonly string[];
  readonly write?: (task: Task) => string;
  readonly read?: (output: string) => Outcome;
}

/** Debian's own Python has Debian's libraries; another one that comes first on PATH may not. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const JARS = '/usr/share/java/okhttp.jar:/usr/share/java/okio.jar';
const DEADLINE_MS = 60_000;

export const DRIVERS: Readonly<Partial<Record<SdkName, Driver>>> = {
  python: {
    program: PYTHON,
    packages: ['python3-requests'],
    required: true,
    arguments: ['test/sdk/python/driver.py'],
    probe: ['-c', 'import requests'],
  },
  ruby: {
    program: 'ruby',
    packages: ['ruby-faraday', 'ruby-faraday-middleware'],
    required: true,
    arguments: ['test/sdk/ruby/driver.rb'],
    probe: ['-e', "require 'faraday'; require 'faraday_middleware' if Faraday::VERSION < '2'"],
  },
  php: {
    program: 'php',
    packages: ['php-cli', 'php-curl', 'php-guzzlehttp-guzzle'],
    required: true,
    arguments: ['test/sdk/php/driver.php'],
    probe: ['-r', "require 'GuzzleHttp/autoload.php'; exit(extension_loaded('curl') ? 0 : 1);"],
  },
  go: {
    program: 'go',
    packages: ['golang-go'],
    required: false,
    arguments: ['run', 'test/sdk/go/driver.go'],
    probe: ['version'],
  },
  java: {
    program: 'java',
    packages: ['default-jdk-headless', 'libokhttp-java'],
    required: false,
    arguments: ['-cp', JARS, 'test/sdk/java/Driver.java'],
    // A runtime without the compiler runs no source.
    probe: ['--describe-module', 'jdk.compiler'],
    write: ({ base, authId, authToken, calls }) =>
      [...[base, authId, authToken], ...calls.flatMap(({ method, wire }) => [method, wire.path, wire.body]), ''].join(
        '\n',
      ),
    read: (output) => ({
      library: 'OkHttp',
      valid: [],
      answers: output
        .trimEnd()
        .split('\n')
        .map((line) => ({
          status: Number(line.slice(0, 3)),
          value: line.length > 4 ? JSON.parse(line.slice(4)) : null,
        })),
    }),
  },
};

/** Says what is missing for a driver to run; undefined when nothing is. */
export async function missing({ program, packages, probe, arguments: own }: Driver): Promise<string | undefined> {
  const what = `not installed: ${packages.join(' ')}`;
  if (!program.startsWith('/') && !isOnPath(program)) return what;
  if (own.includes(JARS) && !JARS.split(':').every((jar) => existsSync(jar))) return what;
  return run(program, probe, '').then(
    () => undefined,
    () => what,
  );
}

/** Gives a driver its task and waits for what comes of it. */
export async function drive(driver: Driver, task: Task): Promise<Outcome> {
  const { write = JSON.stringify, read = JSON.parse } = driver;
  return read(await run(driver.program, driver.arguments, write(task)));
}

/** Runs a program with this as its standard input and gives its standard output. */
export function run(program: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { timeout: DEADLINE_MS }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
