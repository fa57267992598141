import type { EngineRecording, RecordingEnd } from '../../media/index.ts';
import type { RecordingEndReason, RecordingFailure } from './recording-row.ts';
import { MAX_WAV_DATA_BYTES, type WavFile } from './wav-file.ts';

export interface RunningDeps {
  readonly open: (sampleRate: number) => Promise<WavFile>;
  /** Begins to give sound. */
  readonly record: (
    write: (samples: Int16Array) => Promise<void>,
    onEnd: (end: RecordingEnd) => void,
  ) => EngineRecording;
  readonly maxMs: number;
  /** Asks for so many bytes more of what recordings may take. */
  readonly mayGrow: (bytes: number) => boolean;
  /** Called once, when the wav is closed. */
  readonly onEnd: (end: RunningEnd) => void;
}

/** How the sound of a recording ended. */
export interface RunningEnd {
  readonly reason: RecordingEndReason;
  readonly detail: string | undefined;
  readonly durationMs: number;
}

const BYTES_PER_SAMPLE = 2;
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const ENDS = { stopped: 'stopped', member_left: 'member_left', conference_ended: 'mpc_ended' } as const;

/** A recording whose sound is coming in: what the engine hears goes into its wav, until somebody or something ends it. */
export class Running {
  /** Resolves after `onEnd`. */
  readonly closed: Promise<void>;
  readonly #deps: RunningDeps;
  readonly #engine: EngineRecording;
  readonly #file: Promise<WavFile | undefined>;
  readonly #maxBytes: number;
  /** Set when something other than the engine decided that it is over; what still comes is not written. */
  #cut: { readonly reason: RecordingEndReason; readonly detail?: string } | undefined;
  #dataBytes = 0;

  constructor(deps: RunningDeps) {
    this.#deps = deps;
    let over = (_end: RecordingEnd): void => {};
    const ended = new Promise<RecordingEnd>((resolve) => {
      over = resolve;
    });
    this.closed = ended.then((end) => this.#close(end));
    this.#engine = deps.record(
      (samples) => this.#write(samples),
      (end) => over(end),
    );
    const wanted = Math.floor((deps.maxMs / 1000) * this.#engine.sampleRate) * BYTES_PER_SAMPLE;
    this.#maxBytes = Math.min(wanted, MAX_WAV_DATA_BYTES);
    this.#file = deps.open(this.#engine.sampleRate).catch((error: NodeJS.ErrnoException) => {
      this.#fail(error);
      return undefined;
    });
  }

  get sampleRate(): number {
    return this.#engine.sampleRate;
  }

  get missingFrames(): number {
    return this.#engine.missingFrames;
  }

  get durationMs(): number {
    return (this.#dataBytes / BYTES_PER_SAMPLE / this.#engine.sampleRate) * 1000;
  }

  pause(): void {
    this.#engine.pause();
  }

  resume(): void {
    this.#engine.resume();
  }

  stop(): void {
    this.#engine.stop();
  }

  async #write(samples: Int16Array): Promise<void> {
    const file = await this.#file;
    if (!file || this.#cut) return;
    const part = samples.subarray(0, (this.#maxBytes - this.#dataBytes) / BYTES_PER_SAMPLE);
    if (!this.#deps.mayGrow(part.byteLength)) return this.#cutShort('budget_used');
    try {
      await file.append(part);
      this.#dataBytes += part.byteLength;
      if (this.#dataBytes >= this.#maxBytes) this.#cutShort('max_duration');
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException);
    }
  }

  #fail(error: NodeJS.ErrnoException): void {
    const reason: RecordingFailure = FULL.has(error.code ?? '') ? 'disk_full' : 'disk_error';
    this.#cutShort(reason, error.code ?? error.message);
  }

  #cutShort(reason: RecordingEndReason, detail?: string): void {
    this.#cut ??= { reason, ...(detail !== undefined && { detail }) };
    this.#engine.stop();
  }

  async #close(end: RecordingEnd): Promise<void> {
    const file = await this.#file;
    await file?.close().catch((error: NodeJS.ErrnoException) => this.#fail(error));
    const { reason, detail } = this.#cut ?? { reason: ENDS[end] };
    this.#deps.onEnd({ reason, detail, durationMs: this.durationMs });
  }
}
