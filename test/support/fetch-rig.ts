import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';
import type { Resolve } from '../../media/clip/connector.ts';
import { type BodyPart, type Fetched, SourceFetch, type Validators } from '../../media/clip/fetch.ts';
import { type ClipLimits, defaultLimits } from '../../media/clip/limits.ts';
import { parseFetchAllow, sourcePolicy } from '../../media/clip/policy.ts';
import { Slots } from '../../media/clip/slots.ts';
import { systemClock } from '../../media/time/clock.ts';
import { Canary, ClipServer } from './clip-server.ts';

export interface FetchSetup {
  readonly limits?: Partial<ClipLimits>;
  /** Finds nothing when left out. */
  readonly resolve?: Resolve;
  readonly validators?: Validators;
  /** As FETCH_ALLOW; the rig's own server when left out. */
  readonly allow?: string;
  readonly ca?: string;
  readonly slots?: Slots;
}

export interface Downloaded {
  readonly opened: Fetched;
  /** What ended the body; undefined when there was none. */
  readonly end: BodyPart | undefined;
  readonly body: Buffer;
}

/** Guarded fetches against a server that may be asked and a canary that must not be. */
class FetchRig {
  server!: ClipServer;
  canary!: Canary;

  async start(): Promise<void> {
    this.server = await ClipServer.start();
    this.canary = await Canary.start();
  }

  begin(): void {
    this.server.seen.length = 0;
    this.canary.connections = 0;
  }

  async stop(): Promise<void> {
    await this.server.close();
    await this.canary.close();
  }

  fetchOf(setup: FetchSetup = {}): SourceFetch {
    const allow = parseFetchAllow(setup.allow ?? this.server.allow);
    assert.ok(allow.ok);
    const notFound: Resolve = () => Promise.reject(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }));
    return new SourceFetch(
      {
        policy: sourcePolicy({ allow: allow.allow }),
        resolve: setup.resolve ?? notFound,
        clock: systemClock,
        limits: { ...defaultLimits(), ...setup.limits },
        slots: setup.slots ?? new Slots({ total: 32, perKey: 6, queue: 10 }),
        ca: setup.ca,
      },
      setup.validators,
    );
  }

  async download(url: string, setup: FetchSetup = {}): Promise<Downloaded> {
    const fetch = this.fetchOf(setup);
    const opened = await fetch.open(new URL(url));
    const pieces: Uint8Array[] = [];
    let end: BodyPart | undefined;
    while (opened.status === 'ok' && !end) {
      const part = await fetch.read();
      if (part.type === 'data') pieces.push(part.bytes);
      else end = part;
    }
    fetch.close();
    return { opened, end, body: Buffer.concat(pieces) };
  }

  /** Why a download failed, wherever on its way; else how it went. */
  async reasonOf(url: string, setup?: FetchSetup): Promise<string> {
    const { opened, end } = await this.download(url, setup);
    if (opened.status === 'failed') return opened.reason;
    return end?.type === 'failed' ? end.reason : `${opened.status}, ${end?.type}`;
  }
}

/** Registers a rig's life with the test runner. Call it once, at the top of a test file. */
export function useFetch(): FetchRig {
  const rig = new FetchRig();
  before(() => rig.start());
  beforeEach(() => rig.begin());
  after(() => rig.stop());
  return rig;
}
