import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPEN_FLOOR } from '../../media/conference/floor.ts';
import type { CallbackTarget } from '../../server/callbacks/index.ts';
import { Directory, type JoinTerms, type Member, type Mpc, plainTerms } from '../../server/mpc/index.ts';
import { Folder } from '../../server/recordings/folder.ts';
import type { Mp3Encoder } from '../../server/recordings/mp3-encoder.ts';
import { type RecordingRow, type RecordTrack, recordingRows } from '../../server/recordings/recording-row.ts';
import {
  type RecordingLimits,
  type RecordingNews,
  Recordings,
  type RecordStarted,
} from '../../server/recordings/recordings.ts';
import type { WavHandle } from '../../server/recordings/wav-file.ts';
import type { Timeline } from '../../server/store/index.ts';
import { DiskDouble } from './disk-double.ts';
import { type DoubleRecording, EngineDouble } from './engine-double.ts';
import { HandClock } from './hand-clock.ts';
import { until } from './server.ts';
import { storeOn } from './store.ts';

const LIMITS: RecordingLimits = {
  running: 10,
  maxMs: 3600_000,
  totalBytes: 2 ** 30,
  totalCount: 1000,
  keptMs: undefined,
};

/** An mp3 is the wav with another name. */
const COPYING: Mp3Encoder = {
  encode: async ({ from, to }) => {
    const { copyFile } = await import('node:fs/promises');
    await copyFile(from, to);
    return undefined;
  },
};

export interface RecordingRigOptions {
  readonly limits?: Partial<RecordingLimits>;
  readonly encoder?: Mp3Encoder | string;
  readonly openFile?: (path: string) => Promise<WavHandle>;
}

/** Recordings over an engine without sound, with files in a folder of their own that outlives `restart`. */
export class RecordingRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'partyline-recordings-'));
  readonly clock = new HandClock();
  /** What was deleted for its age, and what was done with files of nobody. */
  readonly told: string[] = [];
  rows: Timeline<RecordingRow>;
  readonly news: RecordingNews[] = [];
  readonly fallbacks: string[] = [];
  /** Hears the news as well. */
  hear: ((news: RecordingNews) => void) | undefined;
  engine = new EngineDouble();
  directory = this.#newDirectory();
  recordings: Recordings;
  date = new Date('2026-03-04T05:06:07.000Z');
  readonly #disk = new DiskDouble();
  #store = storeOn(this.#disk).store;
  readonly #open = new Set<WavHandle>();
  #uuids = 0;
  #options: RecordingRigOptions;

  constructor(options: RecordingRigOptions = {}) {
    this.#options = options;
    this.rows = recordingRows(this.#store);
    this.recordings = this.#newRecordings();
  }

  /** The process ends at once and another begins with what is on disk. */
  async restart(options: RecordingRigOptions = {}): Promise<void> {
    this.#options = options;
    this.recordings.archive.close();
    await this.#letGo();
    await this.#store.write([]);
    this.#store = storeOn(this.#disk).store;
    this.rows = recordingRows(this.#store);
    this.engine = new EngineDouble();
    this.directory = this.#newDirectory();
    this.recordings = this.#newRecordings();
    await this.recordings.recover();
  }

  async join(mpcName = 'board', terms: Partial<JoinTerms> = {}): Promise<{ mpc: Mpc; member: Member }> {
    const joined = await this.directory.join({
      mpcName,
      terms: { ...plainTerms('customer'), ...terms },
      kind: 'sip',
      address: 'sip:somebody@example.com',
      openLeg: (conference, onEvent) => this.engine.openRtpLeg(conference, {}, onEvent),
      hangUp: () => {},
    });
    if (!joined.ok) throw new Error(joined.reason);
    return joined;
  }

  start(
    mpc: Mpc,
    order: {
      readonly member?: Member;
      readonly track?: RecordTrack;
      readonly format?: 'mp3' | 'wav';
      readonly callback?: CallbackTarget;
    } = {},
  ): RecordStarted {
    const { member, track = 'mpc', format = 'wav', callback } = order;
    return this.recordings.start([{ mpc, member, track, format, callback, base: 'http://here' }]);
  }

  /** Starts one that has to start. */
  begin(mpc: Mpc, order: Parameters<RecordingRig['start']>[1] = {}): { row: RecordingRow; engine: DoubleRecording } {
    const started = this.start(mpc, order);
    if (!started.ok) throw new Error(started.reason);
    return { row: started.recordings[0]!, engine: this.engine.recordings.at(-1)! };
  }

  /** Waits until a recording is over. */
  over(id: string): Promise<RecordingRow> {
    return until(`${id} is over`, async () => {
      const row = await this.recordings.archive.find(id);
      return row && (row.state === 'completed' || row.state === 'failed') && row;
    });
  }

  file(name: string): Buffer | undefined {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path) : undefined;
  }

  types(id: string): string[] {
    return this.news.filter(({ recording }) => recording.id === id).map(({ type }) => type);
  }

  async remove(): Promise<void> {
    await this.#letGo();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** As the end of a process does. */
  async #letGo(): Promise<void> {
    // Most are closed already.
    for (const handle of this.#open) await handle.close().catch(() => {});
    this.#open.clear();
  }

  #newDirectory(): Directory {
    return new Directory({
      engine: this.engine,
      limits: { maxMembers: 100, maxMembersPerMpc: 10 },
      sound: () => ({ sampleRate: 8000, floor: OPEN_FLOOR }),
      now: () => this.date,
      newUuid: () => this.#uuid('d'),
    });
  }

  #newRecordings(): Recordings {
    const { rows } = this;
    const { limits, encoder = COPYING, openFile = (path) => open(path, 'wx') } = this.#options;
    return new Recordings({
      engine: this.engine,
      folder: new Folder({
        path: this.folder,
        encoder,
        openFile: async (path) => {
          const handle = await openFile(path);
          this.#open.add(handle);
          return handle;
        },
      }),
      rows,
      clock: this.clock,
      base: () => 'http://here',
      limits: { ...LIMITS, ...limits },
      findCall: () => ({ from: 'sip:+4930111@trunk.example', to: 'sip:board@partyline.test' }),
      now: () => this.date,
      newUuid: () => this.#uuid('e'),
      log: {
        error: (_fields, message) => {
          throw new Error(message);
        },
      },
      onNews: (news) => {
        this.news.push(news);
        this.hear?.(news);
      },
      observer: {
        ended: () => {},
        fellBack: (_row, why) => this.fallbacks.push(why),
        expired: ({ id }) => this.told.push(`expired ${id}`),
        leftover: (result, id) => this.told.push(`${result} ${id}`),
        stuck: (id) => this.told.push(`stuck ${id}`),
      },
    });
  }

  #uuid(letter: string): string {
    this.#uuids += 1;
    return `${letter.repeat(8)}-0000-4000-8000-${String(this.#uuids).padStart(12, '0')}`;
  }
}

/** Files on a disk that takes so many bytes in all. */
export function smallDisk(bytes: number, code = 'ENOSPC'): (path: string) => Promise<WavHandle> {
  let left = bytes;
  return async (path) => {
    const handle = await open(path, 'wx');
    return {
      write: (async (buffer: Uint8Array, offset: number, length: number, position: number) => {
        // A header that is written again takes no room.
        const grows = position === 0 ? 0 : Math.min(length, left);
        if (position > 0 && grows === 0) throw Object.assign(new Error('the disk is full'), { code });
        left -= grows;
        return handle.write(buffer, offset, position === 0 ? length : grows, position);
      }) as WavHandle['write'],
      datasync: () => handle.datasync(),
      close: () => handle.close(),
    };
  };
}
