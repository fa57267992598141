import assert from 'node:assert/strict';
import { type TestServer, until } from './server.ts';
import type { HeardPacket, Softphone } from './softphone.ts';

/** A play as the API tells of it. */
export interface SeenPlay {
  readonly play_id: string;
  readonly status: 'fetching' | 'queued' | 'playing' | 'paused' | 'completed' | 'stopped' | 'failed';
  readonly reason: string | null;
  readonly detail: string | null;
  readonly cache: 'hit' | 'miss';
  readonly position_ms: number;
  readonly volume: number;
  readonly targets: readonly {
    readonly member_id: string;
    readonly status: string;
    readonly reason: string | null;
    readonly played_ms: number;
    readonly start_latency_ms: number | null;
    readonly underruns: number;
  }[];
}

/** A play that was accepted. */
export interface StartedPlay {
  readonly id: string;
  /** `performance.now()` just before the request left. */
  readonly at: number;
  readonly members: readonly string[];
}

/** Asks for a play and expects the 202. `mpc` is a friendly name, `members` the path's form. */
export async function startPlay(server: TestServer, mpc: string, members: string, body: object): Promise<StartedPlay> {
  const at = performance.now();
  const answer = await server.api('POST', `/MultiPartyCall/name_${mpc}/Member/${members}/Play/`, body);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const { api_id, mpcMemberId } = answer.body as { readonly api_id: string; readonly mpcMemberId: string[] };
  return { id: api_id, at, members: mpcMemberId };
}

export async function stopPlay(server: TestServer, mpc: string, members: string): Promise<void> {
  const answer = await server.api('DELETE', `/MultiPartyCall/name_${mpc}/Member/${members}/Play/`);
  assert.equal(answer.status, 204);
}

export async function seenPlay(server: TestServer, mpc: string, { id }: StartedPlay): Promise<SeenPlay> {
  const answer = await server.api('GET', `/MultiPartyCall/name_${mpc}/Play/${id}/`);
  assert.equal(answer.status, 200);
  return answer.body as SeenPlay;
}

/** Waits for a play to end, however it ends. */
export async function playOver(server: TestServer, mpc: string, play: StartedPlay, waitMs = 10_000): Promise<SeenPlay> {
  return until(
    'the play is over',
    async () => {
      const seen = await seenPlay(server, mpc, play);
      return ['completed', 'stopped', 'failed'].includes(seen.status) && seen;
    },
    waitMs,
  );
}

/** Waits until a play sounds somewhere. */
export async function playSounds(server: TestServer, mpc: string, play: StartedPlay): Promise<SeenPlay> {
  return until('the play sounds', async () => {
    const seen = await seenPlay(server, mpc, play);
    return seen.status === 'playing' && seen;
  });
}

/** The first packet that is not silence, among those that came after `from`; waits for it. */
export async function firstSound(phone: Softphone, from: number, waitMs = 5000): Promise<HeardPacket> {
  let found: HeardPacket | undefined;
  await phone.until(
    () => {
      found = phone.packets.find(({ at, samples }) => at >= from && samples.some((sample) => Math.abs(sample) > 8));
      return found !== undefined;
    },
    waitMs,
    'the first sound',
  );
  return found as HeardPacket;
}
