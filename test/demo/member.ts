import { Resampler } from '../../media/audio/resample.ts';
import type { TestServer } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { rmsDb, type Tone } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

/** Who joins the demo: a name, a way in, a pitch of its own. */
export interface Role {
  readonly name: string;
  readonly hz: number;
  readonly transport: string;
  readonly join: (server: TestServer, mpc: string, name: string) => Promise<Line>;
}

/** What the two softphones have in common. */
interface Line {
  readonly sampleRate: number;
  speak(tone: Tone): { stop(): void };
  /** 20 ms pieces of sound and when each came, by `performance.now()`. */
  arrivals(): readonly { readonly at: number; readonly samples: Int16Array }[];
  hangUp(): Promise<void>;
}

const HUM_DB = -26;
const ANALYSIS_RATE = 8000;
const FRAMES_PER_SECOND = 50;

export const ROLES: readonly Role[] = [
  { name: 'Ana', hz: 220, transport: 'SIP, PCMU', join: bySip('PCMU') },
  { name: 'Ben', hz: 277, transport: 'SIP, PCMA', join: bySip('PCMA') },
  {
    name: 'Eve',
    hz: 330,
    transport: 'WebSocket, mu-law',
    join: byWebSocket('audio/x-mulaw;rate=8000', 'json'),
  },
  {
    name: 'Kim',
    hz: 440,
    transport: 'WebSocket, L16 16 kHz',
    join: byWebSocket('audio/x-l16;rate=16000', 'binary'),
  },
];

/** One member of the conference: hums, listens, and remembers all it heard. */
export class DemoMember {
  readonly role: Role;
  readonly id: string;
  readonly #line: Line;
  #hum: { stop(): void } | undefined;

  private constructor(role: Role, id: string, line: Line) {
    this.role = role;
    this.id = id;
    this.#line = line;
  }

  static async join(role: Role, id: string, server: TestServer, mpc: string): Promise<DemoMember> {
    return new DemoMember(role, id, await role.join(server, mpc, role.name));
  }

  hum(): void {
    this.#hum ??= this.#line.speak({ hz: this.role.hz, db: HUM_DB });
  }

  /** What came between two times, at 8 kHz, and when its first piece came. */
  heard(from: number, to: number): Int16Array {
    return atAnalysisRate(
      this.#line
        .arrivals()
        .filter(({ at }) => at >= from && at < to)
        .map(({ samples }) => samples),
      this.#line.sampleRate,
    );
  }

  /** When the piece arrived that holds a sample, counted at 8 kHz from the first piece after `from`. */
  arrivalOf(sample: number, from: number): number {
    const pieces = this.#line.arrivals().filter(({ at }) => at >= from);
    return pieces[Math.floor((sample * FRAMES_PER_SECOND) / ANALYSIS_RATE)]?.at ?? Number.NaN;
  }

  /** Level of the last 160 ms in dBFS. */
  get levelDb(): number {
    const last = this.#line
      .arrivals()
      .slice(-8)
      .map(({ samples }) => rmsDb(samples));
    return last.length === 0 ? Number.NEGATIVE_INFINITY : Math.max(...last);
  }

  /** Everything from the first moment to now, at the member's own rate. */
  recording(): { readonly samples: Int16Array; readonly sampleRate: number } {
    return { samples: joined(this.#line.arrivals().map(({ samples }) => samples)), sampleRate: this.#line.sampleRate };
  }

  async leave(): Promise<void> {
    this.#hum?.stop();
    await this.#line.hangUp();
  }
}

function bySip(codec: 'PCMU' | 'PCMA'): Role['join'] {
  return async ({ sipPort }, mpc, name) => {
    const phone = await Softphone.call({ sipPort, mpc, codec, user: name.toLowerCase() });
    return {
      sampleRate: phone.sampleRate,
      speak: (tone) => phone.speak(tone),
      arrivals: () => phone.packets,
      hangUp: () => phone.hangUp(),
    };
  };
}

function byWebSocket(
  contentType: 'audio/x-mulaw;rate=8000' | 'audio/x-l16;rate=16000',
  framing: 'json' | 'binary',
): Role['join'] {
  return async ({ wsUrl, authId, authToken }, mpc) => {
    const client = await WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}`, contentType, framing });
    return {
      sampleRate: client.sampleRate,
      speak: (tone) => client.speak(tone),
      arrivals: () => client.frames,
      hangUp: async () => {
        await client.leave();
      },
    };
  };
}

function atAnalysisRate(pieces: readonly Int16Array[], sampleRate: number): Int16Array {
  if (sampleRate === ANALYSIS_RATE) return joined(pieces);
  const resampler = new Resampler(sampleRate, ANALYSIS_RATE);
  return joined(
    pieces.map((piece) => {
      const frame = new Int16Array(ANALYSIS_RATE / FRAMES_PER_SECOND);
      resampler.process(piece, frame);
      return frame;
    }),
  );
}

function joined(pieces: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
