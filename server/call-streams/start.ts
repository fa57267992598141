import type { Calls } from '../calls/index.ts';
import { CallStreams, type CallStreamsDeps } from './call-streams.ts';
import type { StreamedCall } from './command.ts';
import { type DialOptions, dial } from './dial.ts';

export interface StartOptions extends Omit<CallStreamsDeps, 'dial'> {
  readonly dial: DialOptions;
  readonly calls: Pick<Calls, 'find' | 'subscribe'>;
}

/** Streams that follow their calls wherever they are, end with them, and are told of their digits. */
export function startCallStreams({ calls, dial: options, ...deps }: StartOptions): {
  readonly streams: CallStreams;
  readonly findCall: (uuid: string) => StreamedCall | undefined;
} {
  const streams = new CallStreams({ ...deps, dial: (url, signal) => dial(url, options, signal) });
  calls.subscribe((event) => {
    const { uuid } = event.call;
    if (event.type === 'ended') streams.stopAll(uuid, event.cause);
    else if (event.type === 'moved') streams.moved(uuid);
    else if (event.type === 'leg' && event.event.type === 'dtmf') streams.digit(uuid, event.event.digit);
  });
  return {
    streams,
    findCall: (uuid) => {
      const call = calls.find(uuid);
      const leg = call?.leg;
      if (!call || !leg) return undefined;
      return { uuid, leg, from: call.from, to: call.to, direction: call.direction };
    },
  };
}
