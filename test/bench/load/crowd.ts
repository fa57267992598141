import { setTimeout as wait } from 'node:timers/promises';
import type { Cores } from '../machine.ts';
import { busiestThread, readCoreTime, readProcessCost } from '../measure/process-cost.ts';
import type { System } from '../systems/system.ts';
import { Generator, type LoadReport, NO_TONE, TONES } from './generator.ts';

export interface RoomPlan {
  readonly name: string;
  readonly members: number;
  /** So many of them speak, each with a tone of its own; the others send silence. */
  readonly talkers: number;
  /** Talkers sound for 200 ms of every second instead of always; nobody's tones are judged then. */
  readonly gated?: boolean;
}

export interface Room {
  readonly name: string;
  /** Legs in the order in which they joined: the member ids 1, 2, 3 … of its MPC. */
  readonly legs: readonly number[];
}

/** What one window showed of a server and its load. */
export interface Window {
  readonly load: LoadReport;
  /** Share of one core that the server used, its decoders included. */
  readonly cores: number;
  /** The same of its busiest thread, which under load is the mixer. */
  readonly mixerCores: number;
  readonly cpuPerLegMinute: number;
  readonly rssMb: number;
  /** Share of the server's core that something else used, and that the hypervisor took. */
  readonly foreign: number;
  readonly steal: number;
  /** Share of its own core that the generator used. */
  readonly generator: number;
}

/** The upper tones are left to clips. */
export const TALKER_TONES = 44;
/** Level of a talker among up to four; more are quieter, so that their sum stays below full scale. */
const TALKER_DB = -18;
const FLOOR_BELOW_TALKER_DB = 12;
const MIB = 2 ** 20;

/** Room after room of `size` members until `legs` have a place. */
export function roomsOf(legs: number, size: number, talkers: number, prefix = 'room'): RoomPlan[] {
  return Array.from({ length: Math.ceil(legs / size) }, (_, i) => {
    const members = Math.min(size, legs - i * size);
    return { name: `${prefix}-${i}`, members, talkers: Math.min(talkers, members) };
  });
}

/** All legs that one load generator speaks for. */
export class Crowd {
  readonly generator: Generator;
  readonly #cores: Cores;
  /** What each leg should hear of the talkers, as a set of tones. */
  readonly #expected: bigint[] = [];
  #rooms = 0;
  #opened = 0;

  private constructor(generator: Generator, cores: Cores) {
    this.generator = generator;
    this.#cores = cores;
  }

  static async start(generatorPath: string, cores: Cores): Promise<Crowd> {
    return new Crowd(await Generator.start(generatorPath, cores.load), cores);
  }

  /** Brings everybody in: rooms side by side, the members of a room one after another. */
  async join(system: System, plans: readonly RoomPlan[]): Promise<Room[]> {
    const total = plans.reduce((sum, plan) => sum + plan.members, 0);
    const ports = await this.generator.open(total);
    let next = this.#opened;
    const firstPort = this.#opened;
    this.#opened += total;
    const rooms = plans.map((plan) => {
      const legs = Array.from({ length: plan.members }, (_, i) => next + i);
      next += plan.members;
      return { name: plan.name, legs };
    });
    const queue = plans.map((plan, i) => ({ plan, room: rooms[i]!, number: this.#rooms + i }));
    this.#rooms += plans.length;
    const admit = async (): Promise<void> => {
      for (let job = queue.shift(); job; job = queue.shift()) {
        const { plan, room, number } = job;
        // One big room is filled by all hands: who gets which member id does not matter there.
        const hands = plans.length < system.admitAtOnce ? Math.ceil(system.admitAtOnce / plans.length) : 1;
        const waiting = room.legs.map((leg, index) => ({ leg, index }));
        const seat = async (): Promise<void> => {
          for (let each = waiting.shift(); each; each = waiting.shift()) {
            const { leg, index } = each;
            const remote = await system.admit(plan.name, ports[leg - firstPort]!);
            this.#speak(plan, leg, index, number, remote);
          }
        };
        await Promise.all(Array.from({ length: plan.gated || plan.members <= 8 ? 1 : hands }, seat));
      }
    };
    await Promise.all(Array.from({ length: Math.min(system.admitAtOnce, plans.length) }, admit));
    return rooms;
  }

  /** How tones are judged while up to `talkers` speak in one room. */
  judge(talkers: number, every: number, judged: bigint = (1n << BigInt(TONES)) - 1n): void {
    this.generator.judge(every, talkerDb(talkers) - FLOOR_BELOW_TALKER_DB, judged);
  }

  /** From now on everybody should hear these tones besides the talkers: a clip played to all, or nothing more. */
  expectToo(tones: bigint): void {
    for (const [leg, talkers] of this.#expected.entries()) this.generator.expect(leg, talkers | tones);
  }

  /** Lets things settle, then counts for `seconds`. */
  async measure(system: System, settleSeconds: number, seconds: number, during?: () => Promise<void>): Promise<Window> {
    this.generator.settle();
    await wait(settleSeconds * 1000);
    const [cost, core] = [readProcessCost(system.pid), readCoreTime(this.#cores.server)];
    this.generator.begin();
    await Promise.all([wait(seconds * 1000), during?.()]);
    const [costAfter, coreAfter] = [readProcessCost(system.pid), readCoreTime(this.#cores.server)];
    const load = await this.generator.end();
    const passed = (costAfter.at - cost.at) / 1000;
    const cpu = costAfter.cpu - cost.cpu + costAfter.childrenCpu - cost.childrenCpu;
    return {
      load,
      cores: cpu / passed,
      mixerCores: busiestThread(cost, costAfter) / passed,
      cpuPerLegMinute: (cpu / passed / load.legs) * 60,
      rssMb: costAfter.rssBytes / MIB,
      foreign: Math.max(0, (coreAfter.busy - core.busy - cpu) / passed),
      steal: (coreAfter.steal - core.steal) / passed,
      generator: load.cpuSeconds / load.seconds,
    };
  }

  stop(): Promise<void> {
    return this.generator.stop();
  }

  #speak(plan: RoomPlan, leg: number, index: number, room: number, port: number): void {
    const toneOf = (talker: number): number => (room * plan.talkers + talker) % TALKER_TONES;
    let heard = 0n;
    for (let talker = 0; talker < plan.talkers; talker++) if (talker !== index) heard |= 1n << BigInt(toneOf(talker));
    const tone = index < plan.talkers ? toneOf(index) : NO_TONE;
    this.#expected[leg] = plan.gated ? 0n : heard;
    this.generator.expect(leg, plan.gated ? 0n : heard);
    this.generator.speak(leg, port, tone, talkerDb(plan.talkers), plan.gated === true && index < plan.talkers);
  }
}

function talkerDb(talkers: number): number {
  return TALKER_DB - 10 * Math.log10(Math.max(1, talkers / 4));
}

/** Share of packets that came too late or not at all. */
export function badShare({ load }: Window): number {
  return load.expected === 0 ? 1 : (load.late + load.missing) / load.expected;
}

/**
 * Frames with wrong tones that are let pass: where the server was overwhelmed and packets were lost on their way to it,
 * it filled gaps, and what fills a gap spills over into neighbouring tones.
 */
const WRONG_FRAMES = { well: 0.001, overwhelmed: 0.05 } as const;

/** What must never happen, however slow the machine. Empty when all is well. */
export function faultsOf(what: string, window: Window): string[] {
  const { load } = window;
  const faults: string[] = [];
  const wrongAllowed = badShare(window) < 0.001 ? WRONG_FRAMES.well : WRONG_FRAMES.overwhelmed;
  const count = (number: number, of: string): void => {
    if (number > 0) faults.push(`${what}: ${number} ${of}`);
  };
  if (load.received === 0) faults.push(`${what}: nothing was received`);
  count(load.silentLegs, 'legs heard nothing');
  count(load.sequenceGaps, 'gaps in the sequence numbers');
  count(load.reordered + load.duplicate, 'packets out of order or twice');
  count(load.badTimestamps, 'wrong RTP timestamps');
  count(load.ssrcChanges, 'changes of SSRC');
  count(load.malformed, 'packets that are no PCMU frame');
  if (load.framesWrong > load.framesChecked * wrongAllowed) {
    const [first] = load.faulty;
    count(
      load.framesWrong,
      `of ${load.framesChecked} frames with the wrong tones; leg ${first?.leg} lacked ${first?.missing}, had ${first?.extra} too much (hex sets)`,
    );
  }
  return faults;
}
