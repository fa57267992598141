import { FRAME_MS, FRAMES_PER_SECOND, type SampleRate, samplesPerFrame } from '../audio/frame.ts';
import type { EngineRecording, RecordingEnd, RecordRequest } from '../engine.ts';
import { FrameRing } from '../recording/frame-ring.ts';
import type { RecordCommand } from '../worker/protocol.ts';

/** The mixer is this far ahead at most of who writes: longer than any stall of the main thread or of a disk that is forgiven. */
const RING_SECONDS = 4;
/** Written at a time. */
const CHUNK_FRAMES = FRAMES_PER_SECOND;

/** The main thread's end of a recording: takes frames out of the ring and has them written, one write at a time. */
export class LiveRecording implements EngineRecording {
  readonly request: RecordRequest;
  readonly sampleRate: SampleRate;
  missingFrames = 0;
  readonly #post: (command: RecordCommand) => void;
  readonly #onGone: () => void;
  readonly #memory: SharedArrayBuffer;
  readonly #ring: FrameRing;
  readonly #samplesPerFrame: number;
  /** Frames of silence owed before the next frame of the ring. */
  #owed = 0;
  /** A frame that was read and waits behind the silence owed. */
  readonly #held: Int16Array;
  #holds = false;
  #paused = false;
  /** A write under way, and those that wait behind it. */
  #writing: Promise<void> | undefined;
  #end: RecordingEnd | undefined;
  /** Set when the mixer will give nothing more: so many frames are missing behind what it gave. */
  #missingAtEnd: number | undefined;
  /** When the mixer died that has not been heard of since; undefined while all is well. */
  #lostSince: number | undefined;
  #opened = false;

  constructor(
    request: RecordRequest,
    sampleRate: SampleRate,
    post: (command: RecordCommand) => void,
    onGone: () => void,
  ) {
    this.request = request;
    this.sampleRate = sampleRate;
    this.#post = post;
    this.#onGone = onGone;
    this.#samplesPerFrame = samplesPerFrame(sampleRate);
    this.#memory = FrameRing.allocate(this.#samplesPerFrame, RING_SECONDS * FRAMES_PER_SECOND);
    this.#ring = new FrameRing(this.#memory, this.#samplesPerFrame);
    this.#held = new Int16Array(this.#samplesPerFrame);
    this.#open();
  }

  pause(): void {
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  stop(): void {
    this.end('stopped');
  }

  end(reason: RecordingEnd): void {
    if (this.#end) return;
    this.#end = reason;
    this.#post({ type: 'stop-record', recording: this.request.id, conference: this.request.conference });
  }

  /** The mixer has put in everything it will; `missing` frames at the end got lost. */
  complete(missing: number): void {
    if (this.#missingAtEnd !== undefined) return;
    this.#missingAtEnd = missing;
    void this.#flush().then(() => this.#finish());
  }

  /** The mixer died and another one has the conference: goes on there, with silence for the time between. */
  moved(now: number): void {
    if (this.#end) return this.complete(0);
    if (!this.#paused) this.#lostSince ??= now;
    this.#opened = false;
    // What the dead one heard comes first.
    void this.#flush().then(() => this.#open());
  }

  /** Writes what has come. `now` in ms. */
  collect(now: number): void {
    const waiting = this.#ring.length;
    if (this.#lostSince !== undefined && this.#opened && waiting > 0) {
      this.#miss(Math.max(0, Math.round((now - this.#lostSince) / FRAME_MS) - waiting));
      this.#lostSince = undefined;
    }
    if (!this.#writing) void this.#flush();
  }

  #open(): void {
    if (this.#end) return;
    this.#opened = true;
    const { id, conference, leg } = this.request;
    this.#post({ type: 'record', recording: id, conference, leg, ring: this.#memory, paused: this.#paused });
  }

  #setPaused(paused: boolean): void {
    if (this.#end || paused === this.#paused) return;
    this.#paused = paused;
    this.#lostSince = undefined;
    const { id, conference } = this.request;
    this.#post({ type: 'pause-record', recording: id, conference, paused });
  }

  /** Resolves when all that is there now has been written. */
  #flush(): Promise<void> {
    const writing = (this.#writing ?? Promise.resolve())
      .then(() => this.#writeAll())
      .finally(() => {
        if (this.#writing === writing) this.#writing = undefined;
      });
    this.#writing = writing;
    return writing;
  }

  async #writeAll(): Promise<void> {
    for (let chunk = this.#take(); chunk.length > 0; chunk = this.#take()) await this.request.write(chunk);
  }

  #miss(frames: number): void {
    this.#owed += frames;
    this.missingFrames += frames;
  }

  async #finish(): Promise<void> {
    this.#miss(this.#missingAtEnd ?? 0);
    await this.#flush();
    this.#onGone();
    this.request.onEnd(this.#end ?? 'stopped');
  }

  /** Up to a chunk of what is there. */
  #take(): Int16Array {
    const size = this.#samplesPerFrame;
    const waiting = this.#owed + (this.#holds ? 1 : 0) + this.#ring.length;
    const chunk = new Int16Array(Math.min(CHUNK_FRAMES, waiting) * size);
    let at = 0;
    while (at < chunk.length) {
      if (this.#owed > 0) {
        this.#owed -= 1;
      } else if (this.#holds) {
        chunk.set(this.#held, at);
        this.#holds = false;
      } else {
        const missing = this.#ring.read(this.#held, 0);
        if (missing < 0) break;
        this.#holds = true;
        this.#miss(missing);
        continue;
      }
      at += size;
    }
    return chunk.subarray(0, at);
  }
}
