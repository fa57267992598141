import { join } from 'node:path';
import type { Clock, MediaEngine } from '../../media/index.ts';
import type { CallbackQueue, RecordingAddresses } from '../callbacks/index.ts';
import { recordingCallbacks } from '../callbacks/recording-callbacks.ts';
import type { CallbackTarget } from '../callbacks/target.ts';
import type { Calls } from '../calls/index.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Directory, Mpc } from '../mpc/index.ts';
import type { Store } from '../store/index.ts';
import { Folder } from './folder.ts';
import { recordAsJoined } from './join-rules.ts';
import { findMp3Encoder } from './mp3-encoder.ts';
import { type RecordingRow, recordingRows } from './recording-row.ts';
import { type RecordingNews, type RecordingObserver, Recordings } from './recordings.ts';

export interface StartRecordingsDeps {
  readonly config: Pick<Config, 'dataDir' | 'recordings'>;
  readonly engine: Pick<MediaEngine, 'record'>;
  readonly store: Store;
  readonly directory: Directory;
  readonly calls: Pick<Calls, 'find'>;
  readonly callbacks: Pick<CallbackQueue, 'add'>;
  /** The ffmpeg that works, where there is one. */
  readonly ffmpeg: string | undefined;
  readonly observer: RecordingObserver;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly clock: Clock;
  readonly newUuid: () => string;
  readonly now: () => Date;
  readonly addressesOf: (recording: RecordingRow) => RecordingAddresses;
  /** What URLs of recordings begin with that nobody asked for in a request. */
  readonly base: () => string;
  /** Plays to everybody in the conversation. */
  readonly announce: (mpc: Mpc, source: CallbackTarget) => void;
}

/** Puts the parts together; `recover` is left to be called once the rest of the server stands. */
export async function startRecordings(deps: StartRecordingsDeps): Promise<Recordings> {
  const { config, directory, log } = deps;
  const encoder = await findMp3Encoder(deps.ffmpeg);
  if (typeof encoder === 'string') log.warn({ why: encoder }, 'recordings are kept as wav: no mp3 can be made');
  const hearers: ((news: RecordingNews) => void)[] = [recordingCallbacks(deps.callbacks, deps.addressesOf)];
  const recordings = new Recordings({
    engine: deps.engine,
    folder: new Folder({ path: join(config.dataDir, 'recordings'), encoder }),
    rows: recordingRows(deps.store),
    clock: deps.clock,
    base: deps.base,
    limits: config.recordings,
    findCall: (uuid) => deps.calls.find(uuid),
    now: deps.now,
    newUuid: deps.newUuid,
    onNews: (news) => {
      for (const hear of hearers) hear(news);
    },
    observer: deps.observer,
    log,
  });
  hearers.push(
    recordAsJoined({
      directory,
      recordings,
      base: deps.base,
      announce: deps.announce,
      onRefused: ({ uuid }, reason) => log.warn({ mpc: uuid, reason }, 'a recording that a member asks for is refused'),
    }),
  );
  return recordings;
}
