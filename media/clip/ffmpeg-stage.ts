import { type Failed, failed } from './fetch-outcome.ts';
import type { LoadOptions } from './load.ts';
import type { PcmSink } from './pcm-sink.ts';
import type { Slot } from './slots.ts';
import { Transcode, type TranscodeEnd, type TranscodeInput } from './transcode.ts';

/** One second more than a clip may have, so that the sink sees the overflow instead of a quiet end. */
const SPARE_SECONDS = 1;
const OUT_OF_MEMORY = /cannot allocate memory/i;

/**
 * ffmpeg between the source and the sink. It holds one of the decoders' places while it has work, and steps out while
 * the source keeps it waiting: a slow source does not stand in the way of a fast one.
 */
export class FfmpegStage {
  private readonly options: LoadOptions;
  private readonly sink: PcmSink;
  private readonly signal: AbortSignal;
  private readonly input: TranscodeInput;
  private readonly onGone: () => void;
  private transcode: Transcode | undefined;
  private slot: Slot | undefined;
  private enteredAt = 0;
  private activeMs = 0;
  private finishing = false;
  /** The first half of a sample whose second has not come yet. */
  private odd: number | undefined;

  /** `onGone`: the decoder ended before its input did; there is no point in feeding it any more. */
  constructor(options: LoadOptions, input: TranscodeInput, sink: PcmSink, signal: AbortSignal, onGone: () => void) {
    this.options = options;
    this.input = input;
    this.sink = sink;
    this.signal = signal;
    this.onGone = onGone;
  }

  /** The decoder was started and has not ended yet. */
  get running(): boolean {
    return this.transcode !== undefined && !this.transcode.over;
  }

  /** Hands bytes over, once there is a place for the decoder; resolves when it can take more. */
  async write(bytes: Uint8Array): Promise<Failed | undefined> {
    const problem = this.transcode ? undefined : await this.start();
    if (!problem) await this.transcode?.write(bytes);
    return problem;
  }

  private async start(): Promise<Failed | undefined> {
    const { decoder, limits, clock } = this.options;
    if (!decoder) return failed('decoder_unavailable', 'no working ffmpeg was found at start');
    const slot = await this.options.decodes.enter('', this.signal);
    if (slot === 'busy') return failed('busy', 'too many decoders are waiting');
    if (slot === 'aborted') return undefined;
    this.hold(slot);
    const transcode = new Transcode({
      program: decoder,
      input: this.input,
      sampleRate: this.options.sampleRate,
      maxSeconds: limits.clipSeconds + SPARE_SECONDS,
      deadlineMs: limits.decodeMs,
      cpuSeconds: limits.decodeCpuSeconds,
      memoryBytes: limits.decodeMemoryBytes,
      clock,
      onPcm: (bytes) => this.take(bytes),
    });
    this.transcode = transcode;
    const kill = () => transcode.kill();
    this.signal.addEventListener('abort', kill, { once: true });
    void transcode.done.then((end) => {
      this.signal.removeEventListener('abort', kill);
      this.letGo();
      this.options.observer.decoded?.(this.activeMs / 1000);
      const exit = exitOf(end);
      if (exit) this.options.observer.decoderExited?.(exit.code, exit.signal);
      if (!this.finishing) this.onGone();
    });
    return undefined;
  }

  /** The source keeps us waiting: somebody else may decode. */
  stepOut(): void {
    this.letGo();
  }

  /** Data has come; back to work, ahead of those who have not begun. */
  async stepIn(): Promise<void> {
    const slot = await this.options.decodes.enter('', this.signal, true);
    if (typeof slot !== 'string') this.hold(slot);
  }

  /** Lets the rest be decoded. `truncated`: the decoder gave up after some sound. */
  async finish(): Promise<Failed | { readonly truncated: boolean }> {
    if (!this.transcode) return { truncated: false };
    this.finishing = true;
    this.transcode.end();
    const end = await this.transcode.done;
    switch (end.status) {
      case 'finished':
      case 'killed':
        return { truncated: false };
      case 'rejected':
        if (OUT_OF_MEMORY.test(end.detail)) return failed('decoder_failed', 'the decoder ran out of memory');
        return this.sink.audible ? { truncated: true } : failed('bad_audio', end.detail);
      case 'crashed':
        return failed('decoder_failed', `the decoder was ended by ${end.signal}`);
      case 'hung':
        return failed('decoder_failed', `the decoder took longer than ${this.options.limits.decodeMs} ms`);
      case 'unstartable':
        return failed('decoder_unavailable', end.detail);
    }
  }

  /** Resolves when no process is left. */
  async closed(): Promise<void> {
    await this.transcode?.done;
  }

  private hold(slot: Slot): void {
    this.slot = slot;
    this.enteredAt = this.options.clock.now();
    // The decoder may have gone while we waited for its place.
    if (this.transcode?.over) this.letGo();
  }

  private letGo(): void {
    if (!this.slot) return;
    this.slot.leave();
    this.slot = undefined;
    this.activeMs += this.options.clock.now() - this.enteredAt;
  }

  private take(bytes: Uint8Array): void {
    const whole = this.odd === undefined ? bytes : Buffer.concat([Uint8Array.of(this.odd), bytes]);
    const samples = whole.length >> 1;
    this.odd = whole.length % 2 === 1 ? whole.at(-1) : undefined;
    // Typed arrays need even offsets, which pooled buffers do not promise.
    const aligned = whole.byteOffset % 2 === 0 ? whole : Uint8Array.from(whole);
    this.sink.write(new Int16Array(aligned.buffer, aligned.byteOffset, samples));
  }
}

function exitOf(end: TranscodeEnd): { code: number | null; signal: string | null } | undefined {
  switch (end.status) {
    case 'finished':
      return { code: 0, signal: null };
    case 'rejected':
      return { code: end.code, signal: null };
    case 'crashed':
      return { code: null, signal: end.signal };
    case 'hung':
    case 'killed':
      return { code: null, signal: 'SIGKILL' };
    case 'unstartable':
      return undefined;
  }
}
