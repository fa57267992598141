import { Calls } from '../calls/index.ts';
import { History } from '../history/index.ts';
import type { Logger } from '../log.ts';
import { Directory, keepDeadlines, soundUnder } from '../mpc/index.ts';
import type { Ground } from './ground.ts';
import type { Media } from './media.ts';

/** Who talks with whom, and who did. */
export interface Conversations {
  readonly directory: Directory;
  readonly calls: Calls;
  readonly history: History;
  /** MPCs that the end of an earlier process cut off. */
  readonly cutOff: Awaited<ReturnType<History['recover']>>;
  readonly stopDeadlines: () => void;
}

/** Empty rooms, and the memory of earlier ones. */
export async function openConversations(ground: Ground, { engine }: Media): Promise<Conversations> {
  const { config, log, clock, now, newUuid, store } = ground;
  const directory = new Directory({
    engine,
    limits: { maxMembers: config.members.max, maxMembersPerMpc: config.members.maxPerMpc },
    sound: soundUnder(config.sound),
    now,
    newUuid,
  });
  const calls = new Calls({
    engine,
    directory,
    roomSound: { sampleRate: config.sound.sampleRate, floor: config.sound.floor },
    maxCalls: config.members.max,
    now,
    newUuid,
  });
  logMembers(directory, log);
  logSilence(calls, log);
  const stopDeadlines = keepDeadlines(directory, clock);
  const history = new History({ store, limits: config.history, clock, now, log });
  const cutOff = await history.recover();
  history.follow(directory, calls);
  return { directory, calls, history, cutOff, stopDeadlines };
}

/** A call that is heard nothing of any more; before long it is hung up. */
function logSilence(calls: Calls, log: Logger): void {
  calls.subscribe((event) => {
    if (event.type === 'leg' && event.event.type === 'no-rtp' && !event.event.expired)
      log.warn({ call: event.call.uuid, forMs: Math.round(event.event.forMs) }, 'no RTP comes');
  });
}

function logMembers(directory: Directory, log: Logger): void {
  directory.subscribe((event) => {
    if (event.type === 'leg') return;
    const { uuid, name } = event.mpc;
    const who = 'member' in event ? event.member : undefined;
    const fields = {
      mpc: uuid,
      name,
      ...(who && { member: who.id, call: who.callUuid, role: who.role, leg: who.kind }),
    };
    log.info({ ...fields, ...(who?.exitCause && { cause: who.exitCause }) }, event.type.replace('-', ' '));
  });
}
