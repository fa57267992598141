import { samplesPerFrame } from '../audio/frame.ts';
import type { Conference } from '../conference/conference.ts';
import { Taps } from '../conference/taps.ts';
import type { RecordCommand, Report } from './protocol.ts';

/** Carries out what is to be done to a recording; every stop is answered, also when its conference is gone. */
export function record(
  command: RecordCommand,
  conference: Conference | undefined,
  report: (report: Report) => void,
): void {
  const { recording } = command;
  const tap = conference?.taps?.find(recording);
  switch (command.type) {
    case 'record':
      if (!conference) return;
      conference.taps ??= new Taps(samplesPerFrame(conference.sampleRate), (leg) => conference.member(leg));
      return conference.taps.add(recording, command.leg, command.ring, command.paused);
    case 'pause-record':
      return tap?.pause(command.paused);
    case 'stop-record':
      if (conference?.taps && tap) {
        conference.taps.remove(tap);
        if (conference.taps.empty) conference.taps = undefined;
      }
      return report({ type: 'recorded', recording, missing: tap?.missing ?? 0 });
  }
}
