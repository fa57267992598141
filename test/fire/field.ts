import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { Crowd, faultsOf, roomsOf } from '../bench/load/crowd.ts';
import { SipCaller } from '../bench/load/sip-caller.ts';
import { UNPINNED } from '../bench/machine.ts';
import type { System } from '../bench/systems/system.ts';
import { ClipServer } from '../support/clip-server.ts';
import { seededRandom } from '../support/random.ts';
import { type Scrape, scrape } from '../support/scrape.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { StallWatch } from '../support/stall-watch.ts';
import { type Attack, type Bystander, type Fates, TRUSTED_NETWORK } from './attack.ts';
import { isDisturbed, judge, type Row } from './verdict.ts';

const ROOM_SIZE = 8;
const TALKERS = 2;
/** One frame in so many is judged by its tones. */
const JUDGE_EVERY = 10;
const SETTLE_SECONDS = 0.5;
/** Mixers report once a second. */
const REPORT_MS = 1100;
const JOIN_AT_ONCE = 4;
const ANSWER_MS = 2000;
const MIB = 2 ** 20;
const FAULTS_SHOWN = 5;
/** Of the generator, before it counts as the machine's standing still. */
const ALLOWED_SEND_LATENESS_MS = 15;
/** Attackers are other machines in truth: here they weigh as much as the server's main thread, and less than its mixers. */
const ATTACKERS_NICENESS = 5;
/** A window in which the machine stood still, or did other things, says little: it is tried again so often. */
const TRIES = 3;

/** A server with callers who talk, before whom one attack after the other is run. */
export class Field {
  readonly legs: number;
  readonly #server: TestServer;
  readonly #source: ClipServer;
  readonly #caller: SipCaller;
  readonly #crowd: Crowd;
  readonly #system: System;
  readonly #bystanders: readonly Bystander[];
  readonly #machine = new StallWatch();
  #serial = 0;

  private constructor(
    legs: number,
    server: TestServer,
    source: ClipServer,
    caller: SipCaller,
    crowd: Crowd,
    seated: Seated,
  ) {
    this.legs = legs;
    this.#server = server;
    this.#source = source;
    this.#caller = caller;
    this.#crowd = crowd;
    this.#system = seated.system;
    this.#bystanders = seated.bystanders;
  }

  /** Starts a server and seats so many callers. */
  static async open(generatorPath: string, legs: number): Promise<Field> {
    giveWay();
    const source = await ClipServer.start();
    const server = await startServer({
      FETCH_ALLOW: source.allow,
      SIP_TRUSTED: `127.0.0.1/32,${TRUSTED_NETWORK}`,
      // Callers arrive as quickly as they can, and a flood is still far above it.
      SIP_RATE_LIMIT: '300',
      MAX_MEMBERS: '1000',
      LOG_LEVEL: 'info',
      RTP_PORT_MIN: '31000',
      RTP_PORT_MAX: '32767',
      HTTP_HEADERS_SECONDS: '2',
      HTTP_REQUEST_SECONDS: '4',
      FETCH_FIRST_BYTE_SECONDS: '1',
      FETCH_IDLE_SECONDS: '1',
      FETCH_TOTAL_SECONDS: '3',
      CLIP_CACHE_BYTES: String(32 * MIB),
    });
    const caller = await SipCaller.open();
    const crowd = await Crowd.start(generatorPath, UNPINNED);
    const seated = await seat(server, caller, crowd, legs);
    return new Field(legs, server, source, caller, crowd, seated);
  }

  /** Runs one attack for so many seconds and judges what bystanders had of it. */
  async face(attack: Attack, seconds: number, seed: number, most = TRIES): Promise<Row> {
    for (let tries = 1; ; tries++) {
      const row = await this.#window(attack, seconds, seed, tries);
      const spotless = judge({ ...row, stalledMs: 0, foreignCores: 0 }).length === 0;
      if (spotless || !isDisturbed(row) || tries === most) return row;
    }
  }

  async #window(attack: Attack, seconds: number, seed: number, tries: number): Promise<Row> {
    const [server, caller, crowd] = [this.#server, this.#caller, this.#crowd];
    const rssBefore = rssMb(server.pid);
    await wait(REPORT_MS);
    const before = scrape(await server.metrics());
    const [stalledBefore, hungUpBefore] = [this.#machine.stalledMs, caller.hungUp];
    const faults: string[] = [];
    let sighting = { sent: 0, wrong: [] as readonly string[], note: '' };
    const during = async (): Promise<void> => {
      const endsAt = performance.now() + seconds * 1000;
      const front = {
        server,
        bystanders: this.#bystanders,
        rooms: [...new Set(this.#bystanders.map(({ room }) => room))],
        source: this.#source,
        random: seededRandom(seed),
        endsAt,
        serial: () => ++this.#serial,
      };
      try {
        sighting = { note: '', ...(await attack.run(front)) };
      } catch (error) {
        faults.push(`the attack broke off: ${(error as Error).stack}`);
      }
    };
    const ownBefore = process.cpuUsage();
    const window = await crowd.measure(this.#system, SETTLE_SECONDS, seconds, during);
    const own = process.cpuUsage(ownBefore);
    await wait(REPORT_MS);
    const alive = await this.#isAlive();
    const after = scrape(alive ? await server.metrics() : '');
    const rss = rssMb(server.pid);
    const { load } = window;
    const rose = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    faults.push(...sighting.wrong.slice(0, FAULTS_SHOWN), ...faultsOf('bystanders', window));
    if (caller.hungUp > hungUpBefore) faults.push(`${caller.hungUp - hungUpBefore} bystanders were hung up`);
    return {
      attack: attack.name,
      legs: this.legs,
      seconds: load.seconds,
      tries,
      sent: sighting.sent,
      ...fatesOf(attack.counts, before, after),
      skipped: rose('partyline_ticks_skipped_total'),
      concealed: rose('partyline_frames_concealed_total'),
      judgesConcealed: attack.conceals !== true,
      packets: load.expected,
      late: load.late,
      missing: load.missing,
      latenessMs: load.lateness.p999,
      // The generator runs before all ordinary processes where it may: then nothing but the machine can keep it waiting.
      stalledMs:
        this.#machine.stalledMs -
        stalledBefore +
        Math.max(0, Math.floor(load.sendLateness.max) - ALLOWED_SEND_LATENESS_MS),
      foreignCores: Math.max(
        0,
        window.foreign + window.steal - window.generator - (own.user + own.system) / 1e6 / load.seconds,
      ),
      alive,
      rssMb: rss,
      grownMb: rss - rssBefore,
      note: sighting.note,
      faults,
    };
  }

  async #isAlive(): Promise<boolean> {
    const answer = this.#server.api('GET', '/MultiPartyCall/?limit=1').catch(() => undefined);
    const answered = await Promise.race([answer, wait(ANSWER_MS)]);
    return answered?.status === 200;
  }

  /** Ends all of it; the server's exit code. */
  async close(): Promise<number | null> {
    const exit = await this.#server.stop();
    await this.#crowd.stop();
    this.#caller.close();
    this.#machine.stop();
    await this.#source.close();
    return exit;
  }

  /** The end of what the server wrote. */
  get lastWords(): string {
    return this.#system.lastWords();
  }
}

interface Seated {
  readonly system: System;
  readonly bystanders: readonly Bystander[];
}

async function seat(server: TestServer, caller: SipCaller, crowd: Crowd, legs: number): Promise<Seated> {
  const seats: { room: string; port: number }[] = [];
  const system: System = {
    name: 'partyline',
    pid: server.pid,
    admitAtOnce: JOIN_AT_ONCE,
    admit: async (room, port) => {
      const remote = await caller.call(server.sipPort, room, port);
      seats.push({ room, port: remote });
      return remote;
    },
    lastWords: () => server.log().slice(-2000),
    stop: async () => {},
  };
  await crowd.join(system, roomsOf(legs, ROOM_SIZE, TALKERS));
  crowd.judge(TALKERS, JUDGE_EVERY);
  const counts = new Map<string, number>();
  // Within a room they came one after the other.
  const bystanders = seats.map(({ room, port }) => {
    const number = (counts.get(room) ?? 0) + 1;
    counts.set(room, number);
    return { room, port, memberId: String(number) };
  });
  await until('everybody is there', async () => scrape(await server.metrics()).get('partyline_members') === legs);
  return { system, bystanders };
}

function fatesOf(
  counts: Fates,
  before: Scrape,
  after: Scrape,
): Record<'answered' | 'refused' | 'dropped', number | undefined> {
  const sum = (names: readonly string[] | undefined): number | undefined =>
    names?.reduce((total, name) => total + (after.get(name) ?? 0) - (before.get(name) ?? 0), 0);
  return { answered: sum(counts.answered), refused: sum(counts.refused), dropped: sum(counts.dropped) };
}

function rssMb(pid: number): number {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / MIB;
  } catch {
    return 0;
  }
}

function giveWay(): void {
  if (process.platform === 'linux') setPriority(0, ATTACKERS_NICENESS);
}
