import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Cores, onCores, shield } from '../machine.ts';
import type { System } from './system.ts';

/**
 * Nothing but packets: receives what every leg sends and sends every leg 50 frames of silence a second, through Node's own
 * sockets, without a mixer. What a server costs above this is its own doing.
 */
export class PacketsOnly implements System {
  readonly name = 'packets only';
  readonly pid: number;
  readonly admitAtOnce = 16;
  readonly #child: ChildProcess;
  readonly #waiting: ((port: number) => void)[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    if (!child.stdout) throw new Error('packets-main has no output');
    createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.(Number(line)));
  }

  static async start(cores: Cores): Promise<PacketsOnly> {
    const node = [process.execPath, '--import', 'tsx', new URL('packets-main.ts', import.meta.url).pathname];
    const [program = '', ...args] = [...onCores(cores.server), ...node];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const packets = new PacketsOnly(child);
    // Its first line says that it runs; only then it has a session of its own.
    await packets.#nextLine();
    if (cores.server !== undefined) shield(packets.pid);
    return packets;
  }

  admit(_room: string, rtpPort: number): Promise<number> {
    this.#child.stdin?.write(`${rtpPort}\n`);
    return this.#nextLine();
  }

  lastWords(): string {
    return '(its output is not kept)';
  }

  #nextLine(): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await exited;
  }
}
