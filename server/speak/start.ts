import type { Clock } from '../../media/index.ts';
import { chooseEspeak } from '../../media/speech/index.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { Speaker } from './speaker.ts';

export interface SpeakerDeps {
  readonly config: Config['speech'];
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** A text was spoken, in so many seconds. */
  readonly onSpoken: (seconds: number) => void;
}

/** Looks for something that speaks; without it the server runs all the same, and says so once. */
export async function startSpeaker({ config, clock, log, onSpoken }: SpeakerDeps): Promise<Speaker> {
  const { espeakPath, processes, queue, timeoutMs } = config;
  const options = { processes, queue, deadlineMs: timeoutMs, clock, onSpoken };
  const chosen = await chooseEspeak(espeakPath || undefined, options);
  if (chosen.ok) log.info({ speech: chosen.engine.name }, 'Speak is ready');
  else if (espeakPath) log.warn({ why: chosen.why }, 'ESPEAK_PATH is not used: Speak answers 501');
  else log.info({ why: chosen.why }, 'Speak answers 501');
  return new Speaker(chosen.ok ? chosen.engine : undefined);
}
