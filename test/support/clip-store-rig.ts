import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import type { SampleRate } from '../../media/audio/frame.ts';
import {
  type Clip,
  type ClipEvent,
  type ClipLease,
  type ClipObserver,
  ClipStore,
  type ClipStoreOptions,
  chooseDecoder,
  type Decoder,
  parseFetchAllow,
  sourcePolicy,
} from '../../media/clip/index.ts';
import { type Clock, systemClock } from '../../media/time/clock.ts';
import { ClipServer } from './clip-server.ts';

const WAIT_MS = 15_000;

/** A clip store with a real decoder and a source of its own, for the tests of one file. */
class ClipStoreRig {
  server!: ClipServer;
  decoder!: Decoder;
  /** A new one for each test, which may put its own in place. */
  store!: ClipStore;
  /** What the store reported in this test, by name. */
  counted: Record<string, number> = {};
  /** By so many ms the store's clock is ahead of the real one. */
  skipped = 0;
  /** The path of a decoder that dies as soon as it is started. */
  crashing = '';
  private folder = '';
  private readonly clock: Clock = {
    now: () => systemClock.now() + this.skipped,
    setTimeout: systemClock.setTimeout,
  };
  private readonly observer: ClipObserver = {
    opened: (found) => this.count(`opened ${found}`),
    fetched: () => this.count('fetched'),
    decoded: () => this.count('decoded'),
    decoderExited: (code, signal) => this.count(`exit ${signal ?? code}`),
    failed: (reason, detail, url) => {
      assert.match(detail + url, /^[\x20-\x7e…]+$/, 'unfit for a log');
      this.count(`failed ${reason}`);
    },
    truncated: () => this.count('truncated'),
    cacheBytes: (bytes) => {
      this.counted.bytes = bytes;
    },
  };

  async start(): Promise<void> {
    this.folder = mkdtempSync(join(tmpdir(), 'clips-'));
    this.crashing = join(this.folder, 'ffmpeg');
    writeFileSync(this.crashing, '#!/bin/sh\nkill -SEGV $$\n', { mode: 0o755 });
    this.server = await ClipServer.start();
    const { decoder } = await chooseDecoder(process.env.FFMPEG_PATH);
    assert.ok(decoder, 'an ffmpeg must be installed, if only the optional dependency');
    this.decoder = decoder;
  }

  begin(): void {
    this.counted = {};
    this.skipped = 0;
    this.server.seen.length = 0;
    this.store = this.storeWith();
  }

  /** Every test must leave no connection and no process. */
  async end(): Promise<void> {
    await this.store.close();
    assert.deepEqual(this.children(), []);
    assert.equal(this.store.stats().fetching + this.store.stats().decoding, 0);
  }

  async stop(): Promise<void> {
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }

  storeWith(options: Partial<ClipStoreOptions> = {}): ClipStore {
    const { decoder, clock, observer } = this;
    const allow = parseFetchAllow(this.server.allow);
    assert.ok(allow.ok);
    return new ClipStore({ policy: sourcePolicy({ allow: allow.allow }), decoder, clock, observer, ...options });
  }

  /** Opens, waits for the end, and keeps the lease. */
  async load(url: string, sampleRate: SampleRate = 8000, from = this.store): Promise<ClipLease> {
    const lease = from.open(new URL(url), sampleRate);
    await settled(lease.clip);
    return lease;
  }

  /** Why a clip fails, or the state it reaches. */
  async reasonOf(url: string, from = this.store): Promise<string> {
    const lease = await this.load(url, 8000, from);
    lease.release();
    return lease.clip.failure?.reason ?? lease.clip.state;
  }

  /** Decoders started by this process, zombies included. */
  children(): string[] {
    return readdirSync('/proc').filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '');
        const [state, parent] = status.split(' ');
        if (Number(parent) !== process.pid) return false;
        return state === 'Z' || readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(this.decoder.path);
      } catch {
        return false;
      }
    });
  }

  private count(name: string): void {
    this.counted[name] = (this.counted[name] ?? 0) + 1;
  }
}

/** Registers a rig's life with the test runner. Call it once, at the top of a test file. */
export function useClipStore(): ClipStoreRig {
  const rig = new ClipStoreRig();
  before(() => rig.start());
  beforeEach(() => rig.begin());
  afterEach(() => rig.end());
  after(() => rig.stop());
  return rig;
}

/** Resolves with a clip's last event; undefined when that was before. */
export function settled(clip: Clip): Promise<ClipEvent | undefined> {
  return new Promise((resolve) => {
    if (clip.state !== 'loading') resolve(undefined);
    clip.subscribe((event) => {
      if (event.type !== 'chunk') resolve(event);
    });
  });
}

export function samplesOf(clip: Clip): Int16Array {
  return Int16Array.from(clip.chunks.flatMap((chunk) => [...chunk]));
}

/** Waits until something holds, and fails when it does not in time. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
