import { FRAME_MS } from '../../media/audio/frame.ts';
import type { MediaEngine } from '../../media/index.ts';
import { inBackground } from '../background.ts';
import { rowOfTarget } from '../callbacks/stored-target.ts';
import type { CallbackTarget } from '../callbacks/target.ts';
import type { Call } from '../calls/index.ts';
import type { Member, Mpc } from '../mpc/index.ts';
import { Archive, type ArchiveDeps, type ArchiveLimits, type ArchiveObserver } from './archive.ts';
import type { FinishedFile } from './folder.ts';
import {
  RECORDING_FAILURES,
  type RecordFormat,
  type RecordingFailure,
  type RecordingRow,
  type RecordTrack,
} from './recording-row.ts';
import { Running, type RunningEnd } from './running.ts';

export interface RecordingLimits extends ArchiveLimits {
  /** Under way at once. */
  readonly running: number;
  /** One recording, pauses left out. */
  readonly maxMs: number;
}

/** Something that happened to a recording, as it is after that. */
export interface RecordingNews {
  /** `stopped`: nothing is recorded any more, and the file is being made. */
  readonly type: 'initiated' | 'paused' | 'resumed' | 'stopped' | 'completed' | 'failed';
  readonly recording: RecordingRow;
  readonly at: Date;
  /** Counts the news of one recording from 1; `stopped`, of which nobody outside is told, does not count. */
  readonly serial: number;
}

/** What happens as it happens, for metrics and logs. */
export interface RecordingObserver extends ArchiveObserver {
  ended(result: 'completed' | 'failed', recording: RecordingRow): void;
  /** It is a wav, though an mp3 was asked for. */
  fellBack(recording: RecordingRow, why: string): void;
}

export interface RecordingsDeps extends ArchiveDeps {
  readonly engine: Pick<MediaEngine, 'record'>;
  readonly limits: RecordingLimits;
  readonly findCall: (uuid: string) => Pick<Call, 'from' | 'to'> | undefined;
  readonly newUuid: () => string;
  readonly onNews: (news: RecordingNews) => void;
  readonly observer: RecordingObserver;
  /** What URLs of recordings begin with that nobody asked for in a request. */
  readonly base: () => string;
}

export interface RecordOrder {
  readonly mpc: Mpc;
  /** Whose recording it is; undefined for the MPC's own. */
  readonly member: Member | undefined;
  readonly track: RecordTrack;
  readonly format: RecordFormat;
  readonly callback: CallbackTarget | undefined;
  /** What URLs of it begin with. */
  readonly base: string;
}

export type RecordStarted =
  | { readonly ok: true; readonly recordings: readonly RecordingRow[] }
  | { readonly ok: false; readonly reason: 'already_recording' | 'too_many_recordings' | 'recordings_full' };

/** One recording in the process: its row as it is now, and what brings its sound. */
interface Entry {
  row: RecordingRow;
  /** Undefined when it is of an earlier run of the server. */
  readonly mpc: Mpc | undefined;
  /** Until its wav is closed. */
  running: Running | undefined;
  /** Its part of what all take on disk. */
  bytes: number;
}

/** The recordings of this node that are under way: begins and ends them, and sees to it that each becomes a file. Main thread. */
export class Recordings {
  /** All, also those that are over. */
  readonly archive: Archive;
  readonly #deps: RecordingsDeps;
  /** Those that are not over. */
  readonly #entries = new Map<string, Entry>();
  /** Of these, the ones that record or are paused. */
  readonly #live = new Set<Entry>();
  readonly #closing = new AbortController();
  readonly #finishing = new Set<Promise<void>>();

  constructor(deps: RecordingsDeps) {
    this.#deps = deps;
    this.archive = new Archive(deps);
  }

  get active(): number {
    return this.#live.size;
  }

  /** The recording under way of an MPC, or of one of its members and one track. */
  running(mpc: Mpc, member: Member | undefined, track: RecordTrack): RecordingRow | undefined {
    return this.#runningEntry(mpc, member, track)?.row;
  }

  /** Where the file of a finished recording is; undefined while, or when, there is none. */
  fileOf({ id, format, bytes }: RecordingRow): string | undefined {
    return bytes === null ? undefined : this.#deps.folder.file(id, format);
  }

  /** Begins all of them or none. */
  start(orders: readonly RecordOrder[]): RecordStarted {
    for (const { mpc, member, track } of orders)
      if (this.#runningEntry(mpc, member, track)) return { ok: false, reason: 'already_recording' };
    if (this.active + orders.length > this.#deps.limits.running) return { ok: false, reason: 'too_many_recordings' };
    if (!this.archive.takes(orders.length)) return { ok: false, reason: 'recordings_full' };
    return { ok: true, recordings: orders.map((order) => this.#start(order)) };
  }

  /** Of a recording under way; false when it is paused already. */
  pause(id: string): boolean {
    return this.#setPaused(id, true);
  }

  /** False when it is not paused. */
  resume(id: string): boolean {
    return this.#setPaused(id, false);
  }

  /** Ends a recording under way; its file follows. */
  stop(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry || !this.#live.has(entry)) return;
    entry.running?.stop();
    this.#leave(entry);
  }

  /** Takes in what earlier runs of the server left, and finishes what they could not. */
  async recover(): Promise<void> {
    for (const row of await this.archive.recover(this.#deps.base())) {
      if (this.#entries.has(row.id)) continue;
      const entry: Entry = { row, mpc: undefined, running: undefined, bytes: row.bytes ?? 0 };
      this.#entries.set(row.id, entry);
      this.#track(this.#resumeFinishing(entry));
    }
  }

  /**
   * Finishes what it can in `graceMs`, and leaves the rest to the next start. To be called when the engine has ended, and
   * so has all sound.
   */
  async close(graceMs: number): Promise<void> {
    this.archive.close();
    let cancel = (): void => {};
    const expired = new Promise<void>((resolve) => {
      cancel = this.#deps.clock.setTimeout(resolve, graceMs);
    });
    await Promise.race([this.#settled(), expired]);
    cancel();
    this.#closing.abort();
    await Promise.all([...this.#finishing]);
  }

  async #settled(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ running }) => running?.closed));
    await Promise.all([...this.#finishing]);
  }

  #start(order: RecordOrder): RecordingRow {
    const { folder, observer, newUuid, now } = this.#deps;
    const { mpc, member, format } = order;
    const id = newUuid();
    const running = this.#run(id, order);
    const ends = member && this.#deps.findCall(member.callUuid);
    const row: RecordingRow = {
      id,
      mpcUuid: mpc.uuid,
      mpcName: mpc.name,
      memberId: member?.id ?? null,
      callUuid: member?.callUuid ?? null,
      from: ends?.from ?? null,
      to: ends?.to ?? null,
      track: order.track,
      state: 'recording',
      format: format === 'mp3' && folder.noMp3 !== undefined ? 'wav' : format,
      sampleRate: running.sampleRate,
      startedAt: now().toISOString(),
      endedAt: null,
      durationMs: 0,
      bytes: null,
      missingMs: 0,
      reason: null,
      detail: null,
      base: order.base,
      callback: order.callback ? rowOfTarget(order.callback) : null,
      told: 0,
    };
    const entry: Entry = { row, mpc, running, bytes: 0 };
    this.#entries.set(id, entry);
    this.#live.add(entry);
    this.archive.add(row);
    if (row.format !== format) observer.fellBack(row, folder.noMp3 ?? '');
    this.#tell(entry, 'initiated');
    return entry.row;
  }

  #run(id: string, { mpc, member, track }: RecordOrder): Running {
    const { engine, folder, limits } = this.#deps;
    return new Running({
      open: (sampleRate) => folder.create(id, sampleRate),
      record: (write, onEnd) => {
        const leg = track === 'participant' ? member?.leg?.id : undefined;
        return engine.record({ id, conference: mpc.uuid, leg, write, onEnd });
      },
      maxMs: limits.maxMs,
      mayGrow: (bytes) => {
        const entry = this.#entries.get(id);
        if (!entry || !this.archive.fits(bytes)) return false;
        this.#take(entry, entry.bytes + bytes);
        return true;
      },
      onEnd: (end) => this.#onEnd(id, end),
    });
  }

  /** From now on so much of what is on disk is this one's. */
  #take(entry: Entry, bytes: number): void {
    this.archive.grow(bytes - entry.bytes);
    entry.bytes = bytes;
  }

  #runningEntry(mpc: Mpc, member: Member | undefined, track: RecordTrack): Entry | undefined {
    for (const entry of this.#live)
      if (entry.mpc === mpc && entry.row.track === track && entry.row.memberId === (member?.id ?? null)) return entry;
    return undefined;
  }

  #setPaused(id: string, paused: boolean): boolean {
    const entry = this.#entries.get(id);
    if (!entry || entry.row.state !== (paused ? 'recording' : 'paused')) return false;
    if (paused) entry.running?.pause();
    else entry.running?.resume();
    this.#change(entry, { state: paused ? 'paused' : 'recording' });
    this.#tell(entry, paused ? 'paused' : 'resumed');
    return true;
  }

  /** Nothing is recorded any more. */
  #leave(entry: Entry): void {
    if (!this.#live.delete(entry)) return;
    const at = this.#deps.now();
    this.#change(entry, { state: 'finishing', endedAt: at.toISOString() });
    this.#deps.onNews({ type: 'stopped', recording: entry.row, at, serial: entry.row.told });
  }

  #onEnd(id: string, end: RunningEnd): void {
    const entry = this.#entries.get(id);
    const running = entry?.running;
    if (!entry || !running) return;
    entry.running = undefined;
    this.#leave(entry);
    this.#change(entry, {
      reason: end.reason,
      detail: end.detail ?? null,
      durationMs: Math.round(end.durationMs),
      missingMs: running.missingFrames * FRAME_MS,
    });
    this.#track(this.#finish(entry));
  }

  #track(work: Promise<void>): void {
    this.#finishing.add(work);
    const done = work.finally(() => this.#finishing.delete(work));
    inBackground(done, 'the end of a recording', this.#deps.log);
  }

  /** Makes the file, also of what a failure left, and says how it all ended. */
  async #finish(entry: Entry): Promise<void> {
    const { folder, observer } = this.#deps;
    const { row } = entry;
    const failed = row.reason !== null && isFailure(row.reason);
    try {
      if (failed && row.durationMs === 0) {
        await folder.removePart(row.id, 'wav');
        return this.#over(entry, undefined);
      }
      // An mp3 needs room of its own, which a failure says there is not.
      const format = failed ? 'wav' : row.format;
      const file = await folder.finish(row.id, format, row, this.#closing.signal);
      if (!file) return;
      if (file.fallback !== undefined) observer.fellBack(row, file.fallback);
      this.#over(entry, file);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#change(entry, { reason: code === 'ENOSPC' ? 'disk_full' : 'disk_error', detail: code ?? message });
      this.#over(entry, undefined);
    }
  }

  async #resumeFinishing(entry: Entry): Promise<void> {
    const { folder } = this.#deps;
    const { row } = entry;
    try {
      const made = await folder.finished(row.id);
      const found = made ? undefined : await folder.repair(row.id);
      if (made) return this.#over(entry, made);
      if (found) {
        const endedAt = row.endedAt ?? new Date(Date.parse(row.startedAt) + found.durationMs).toISOString();
        const durationMs = Math.round(found.durationMs);
        this.#change(entry, { state: 'finishing', endedAt, durationMs, reason: row.reason ?? 'server_ended' });
        this.#take(entry, found.bytes);
        return await this.#finish(entry);
      }
      this.#change(entry, { reason: 'lost', detail: 'there is no sound of it' });
    } catch (error) {
      this.#change(entry, { reason: 'lost', detail: (error as Error).message });
    }
    this.#over(entry, undefined);
  }

  /** The last change of a recording. */
  #over(entry: Entry, file: FinishedFile | undefined): void {
    const { row } = entry;
    this.#take(entry, file?.bytes ?? 0);
    const failed = row.reason !== null && isFailure(row.reason);
    this.#change(entry, {
      state: failed ? 'failed' : 'completed',
      endedAt: row.endedAt ?? this.#deps.now().toISOString(),
      format: file?.format ?? row.format,
      bytes: file?.bytes ?? null,
    });
    this.#deps.observer.ended(failed ? 'failed' : 'completed', entry.row);
    this.#tell(entry, failed ? 'failed' : 'completed');
    this.#entries.delete(row.id);
  }

  #change(entry: Entry, changes: Partial<RecordingRow>): void {
    entry.row = { ...entry.row, ...changes };
    const { mpc } = entry;
    if (mpc && entry.row.track === 'mpc') mpc.recording = this.#stateOf(mpc);
    this.archive.put(entry.row);
  }

  #stateOf(mpc: Mpc): Mpc['recording'] {
    const entry = this.#runningEntry(mpc, undefined, 'mpc');
    if (!entry) return 'not-recording';
    return entry.row.state === 'paused' ? 'paused' : 'recording';
  }

  #tell(entry: Entry, type: Exclude<RecordingNews['type'], 'stopped'>): void {
    this.#change(entry, { told: entry.row.told + 1 });
    this.#deps.onNews({ type, recording: entry.row, at: this.#deps.now(), serial: entry.row.told });
  }
}

function isFailure(reason: string): reason is RecordingFailure {
  return (RECORDING_FAILURES as readonly string[]).includes(reason);
}
