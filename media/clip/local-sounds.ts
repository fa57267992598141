import type { SampleRate } from '../audio/frame.ts';
import type { BodyPart, Fetched, FileSource } from './fetch.ts';
import { type Failed, failed } from './fetch-outcome.ts';

/**
 * Makes a sound by its internal address, as the pieces of a wav file; a failure is the last piece. A file at
 * `sampleRate` needs no decoder. When `signal` fires, nobody wants the rest.
 */
export type SoundMaker = (
  address: URL,
  sampleRate: SampleRate,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array | Failed> | Iterable<Uint8Array | Failed>;

/**
 * What makes the sounds that are not fetched, by the scheme of their internal address, such as `sound:`. `checkSource`
 * knows no scheme but http and https, so that whoever writes a URL cannot reach these, not even by a redirect.
 */
export type LocalSounds = ReadonlyMap<string, SoundMaker>;

/** The same address is the same sound for ever: it is made again only when it has left memory, or after a day. */
const KEPT = { 'cache-control': 'max-age=86400' };

/** A sound that is made here, read as a file that is fetched is. */
export class LocalSource implements FileSource {
  readonly seconds = undefined;
  receivedBytes = 0;
  readonly #make: SoundMaker;
  readonly #sampleRate: SampleRate;
  readonly #controller = new AbortController();
  #pieces: AsyncIterator<Uint8Array | Failed> | Iterator<Uint8Array | Failed> | undefined;

  constructor(make: SoundMaker, sampleRate: SampleRate) {
    this.#make = make;
    this.#sampleRate = sampleRate;
  }

  async open(url: URL): Promise<Fetched> {
    const made = this.#make(url, this.#sampleRate, this.#controller.signal);
    this.#pieces = Symbol.asyncIterator in made ? made[Symbol.asyncIterator]() : made[Symbol.iterator]();
    return { status: 'ok', finalUrl: url.href, headers: KEPT };
  }

  async read(): Promise<BodyPart> {
    const { signal } = this.#controller;
    const next = signal.aborted ? undefined : await this.#pieces?.next();
    if (signal.aborted) return { type: 'cancelled' };
    if (next === undefined || next.done === true) return { type: 'end', cutShort: false };
    if ('status' in next.value) return { ...next.value, type: 'failed' };
    this.receivedBytes += next.value.length;
    return { type: 'data', bytes: next.value };
  }

  close(): void {
    this.#controller.abort();
    // A maker that waits to be asked for more is let go as well; one that is at work has the signal.
    void this.#pieces?.return?.();
  }
}

/** For a maker that is asked for an address it never gave out. */
export function unknownSound(): Failed {
  return failed('refused_address', 'there is no such sound');
}
