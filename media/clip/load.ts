import type { SampleRate } from '../audio/frame.ts';
import type { Clock } from '../time/clock.ts';
import type { Decoder } from './decoder.ts';
import { type BodyPart, type FetchOptions, type FileSource, SourceFetch, type Validators } from './fetch.ts';
import { type Failed, failed, type ResponseHeaders } from './fetch-outcome.ts';
import { FfmpegStage } from './ffmpeg-stage.ts';
import type { ClipLimits } from './limits.ts';
import { type LocalSounds, LocalSource } from './local-sounds.ts';
import { MpegFrameWalk } from './mpeg.ts';
import type { ClipObserver } from './observer.ts';
import { PcmSink, type SinkEvents } from './pcm-sink.ts';
import type { Slots } from './slots.ts';
import { Sniffer } from './sniff.ts';
import type { TranscodeInput } from './transcode.ts';
import { WavReader } from './wav-header.ts';
import { WavMono } from './wav-samples.ts';

export interface LoadOptions {
  readonly sampleRate: SampleRate;
  readonly decoder: Decoder | undefined;
  readonly decodes: Slots;
  readonly limits: ClipLimits;
  readonly clock: Clock;
  readonly observer: Partial<ClipObserver>;
  readonly fetch: FetchOptions;
  readonly local: LocalSounds;
}

export type LoadOutcome =
  | {
      readonly status: 'ready';
      /** There is less sound than the file announced. */
      readonly truncated: boolean;
      /** The reason was the connection, not the file. */
      readonly cutShort: boolean;
      readonly finalUrl: string;
      readonly headers: ResponseHeaders;
    }
  | { readonly status: 'not_modified'; readonly headers: ResponseHeaders }
  | { readonly status: 'cancelled' }
  | Failed;

interface Decoded {
  readonly truncated: boolean;
  readonly cutShort: boolean;
}

/** What turns file bytes into samples in the sink. */
interface Decoding {
  push(bytes: Uint8Array): Promise<Failed | undefined>;
  finish(): Promise<Failed | { readonly truncated: boolean }>;
}

/** A source that is quiet for this long keeps its decoder waiting, in ms; the decoder's place goes to others. */
const STARVED_MS = 20;

/** One clip's way from URL to samples, streaming: the first are out while the rest is still downloading. */
export class ClipLoad {
  readonly done: Promise<LoadOutcome>;
  private readonly options: LoadOptions;
  private readonly controller = new AbortController();
  private readonly source: FileSource;
  private readonly sink: PcmSink;
  private stage: FfmpegStage | undefined;
  private verdict: Failed | undefined;
  private reported = false;

  constructor(
    options: LoadOptions,
    url: URL,
    validators: Validators | undefined,
    events: Omit<SinkEvents, 'onOverflow'>,
  ) {
    const { limits, sampleRate } = options;
    this.options = options;
    const make = options.local.get(url.protocol);
    this.source = make ? new LocalSource(make, sampleRate) : new SourceFetch(options.fetch, validators);
    this.sink = new PcmSink(
      { sampleRate, maxSeconds: limits.clipSeconds, clock: options.clock },
      {
        ...events,
        onOverflow: () => this.stop(failed('too_long', `more than ${limits.clipSeconds} s of sound`)),
      },
    );
    this.done = this.run(url);
  }

  /** Ends the fetch and the decoder at once; `done` resolves to the verdict, or to `cancelled` without one. */
  stop(verdict?: Failed): void {
    this.verdict ??= verdict;
    this.controller.abort();
    this.source.close();
    this.sink.close();
  }

  private async run(url: URL): Promise<LoadOutcome> {
    const fetched = await this.source.open(url);
    if (fetched.status !== 'ok') {
      this.fetchEnded();
      return this.verdict ?? fetched;
    }
    const decoded = await this.decode();
    if ('status' in decoded) this.stop(decoded.status === 'failed' ? decoded : undefined);
    this.fetchEnded();
    await this.stage?.closed();
    if (this.controller.signal.aborted) return this.verdict ?? { status: 'cancelled' };
    if ('status' in decoded) return decoded;
    if (!this.sink.audible) return failed('bad_audio', 'less than 20 ms of sound');
    this.sink.flush();
    return { ...fetched, ...decoded, status: 'ready' };
  }

  private async decode(): Promise<Failed | { readonly status: 'cancelled' } | Decoded> {
    const sniffer = new Sniffer();
    let decoding: Decoding | undefined;
    for (;;) {
      const part = await this.nextPart();
      if (part.type === 'data') {
        let bytes: Uint8Array | undefined = part.bytes;
        if (!decoding) {
          const sniffed = sniffer.push(part.bytes);
          if (sniffed?.format === 'unknown') return failed('not_audio', sniffed.detail);
          decoding = sniffed && this.decodingOf(sniffed.format);
          bytes = sniffed?.bytes;
        }
        const problem = bytes && (await decoding?.push(bytes));
        if (problem) return problem;
        continue;
      }
      this.fetchEnded();
      if (part.type === 'failed') return failed(part.reason, part.detail);
      // Cancelled by whoever wanted it, or by us because the decoder is gone: then it knows why.
      if (part.type === 'cancelled') {
        const end = await decoding?.finish();
        return end ? decodedBy(end, true) : { status: 'cancelled' };
      }
      if (!decoding) {
        const sniffed = sniffer.end();
        if (sniffed.format === 'unknown') return failed('not_audio', sniffed.detail);
        decoding = this.decodingOf(sniffed.format);
        const problem = await decoding.push(sniffed.bytes);
        if (problem) return problem;
      }
      return decodedBy(await decoding.finish(), part.cutShort);
    }
  }

  /** The next piece of the file. While it is slow to come, the decoder's place is free for others. */
  private async nextPart(): Promise<BodyPart> {
    const coming = this.source.read();
    const { stage } = this;
    if (!stage?.running) return coming;
    let starved = false;
    const cancel = this.options.clock.setTimeout(() => {
      starved = true;
      stage.stepOut();
    }, STARVED_MS);
    const part = await coming;
    cancel();
    if (starved) await stage.stepIn();
    return part;
  }

  private decodingOf(format: 'wav' | 'mp3'): Decoding {
    return format === 'mp3' ? this.mp3() : this.wav();
  }

  private mp3(): Decoding {
    const walk = new MpegFrameWalk();
    const stage = this.ffmpeg({ format: 'mp3' });
    return {
      push: async (bytes) => {
        walk.push(bytes);
        return stage.write(bytes);
      },
      finish: async () => {
        const end = await stage.finish();
        return 'truncated' in end ? { truncated: end.truncated || walk.cutShort } : end;
      },
    };
  }

  /** Wav is read here; ffmpeg is only needed, and only sees samples of ours, when the rate must change. */
  private wav(): Decoding {
    const reader = new WavReader();
    let mono: WavMono | undefined;
    let stage: FfmpegStage | undefined;
    return {
      push: async (bytes) => {
        const part = reader.push(bytes);
        if (part?.type === 'bad') return failed('bad_audio', part.detail);
        if (!part) return undefined;
        mono ??= new WavMono(part.format);
        const samples = mono.push(part.bytes);
        const { sampleRate } = part.format;
        if (sampleRate === this.options.sampleRate) {
          this.sink.write(samples);
          return undefined;
        }
        stage ??= this.ffmpeg({ format: 's16le', sampleRate });
        return stage.write(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
      },
      finish: async () => {
        if (!reader.format) return failed('bad_audio', 'the file ends before its sound begins');
        const end = (await stage?.finish()) ?? { truncated: false };
        return 'truncated' in end ? { truncated: end.truncated || reader.cutShort } : end;
      },
    };
  }

  /** An ffmpeg that starts with its first bytes. */
  private ffmpeg(input: TranscodeInput): FfmpegStage {
    this.stage = new FfmpegStage(this.options, input, this.sink, this.controller.signal, () => this.source.close());
    return this.stage;
  }

  /** Gives the connection back, and reports the fetch once. */
  private fetchEnded(): void {
    const { seconds, receivedBytes } = this.source;
    this.source.close();
    if (this.reported || seconds === undefined) return;
    this.reported = true;
    this.options.observer.fetched?.(seconds, receivedBytes);
  }
}

function decodedBy(end: Failed | { readonly truncated: boolean }, cutShort: boolean): Failed | Decoded {
  return 'truncated' in end ? { truncated: end.truncated || cutShort, cutShort } : end;
}
