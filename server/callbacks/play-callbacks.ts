import type { PlayNews } from '../mpc/index.ts';
import type { CallbackQueue } from './queue.ts';
import { type CallbackFields, type FieldValues, fieldsFrom } from './signature.ts';

/** Tells whoever started a play with a callback how it goes. */
export function playCallbacks(queue: Pick<CallbackQueue, 'add'>): (news: PlayNews) => void {
  return (news) => {
    const { mpc, callback } = news.play;
    if (callback) queue.add(mpc.uuid, callback, playFields(news));
  };
}

/** A piece of news as Plivo would name its parts; what is not known is left out. */
export function playFields(news: PlayNews): CallbackFields {
  const { play, at, serial } = news;
  return fieldsFrom({
    EventName: EVENT_NAMES[news.type],
    EventTimestamp: at.toISOString(),
    SequenceNumber: serial,
    ...placeOf(play),
    PlayID: play.id,
    ...fieldsOf(news),
  });
}

/** A call in a room of its own is in no MPC: its play is named by the call. */
function placeOf({ mpc, form }: PlayNews['play']): FieldValues {
  if (mpc.name === '' && form.by === 'call') return { CallUUID: form.callUuid };
  return { MPCUUID: mpc.uuid, MPCName: mpc.name };
}

const EVENT_NAMES = { started: 'PlayStarted', ended: 'PlayEnded', finished: 'PlayFinished' } as const;

function fieldsOf(news: PlayNews): FieldValues {
  switch (news.type) {
    case 'started':
      return { ...memberOf(news), StartLatencyMs: tenths(news.latencyMs) };
    case 'ended':
      return {
        ...memberOf(news),
        Reason: news.reason,
        PlayedMs: Math.round(news.playedMs),
        Underruns: news.underruns,
      };
    case 'finished': {
      const { status, failure, targets } = news.play.state;
      return { Status: status, Reason: failure?.reason, Detail: failure?.detail, Targets: targets.length };
    }
  }
}

function memberOf({ member }: Extract<PlayNews, { type: 'started' | 'ended' }>): FieldValues {
  return { MemberID: member?.id, ParticipantCallUUID: member?.callUuid, ParticipantRole: member?.role };
}

function tenths(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10;
}
