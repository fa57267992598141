import type { Clock } from '../../media/time/clock.ts';

/** Pauses that Plivo knows in a text of digits, in ms. */
const PAUSES: Readonly<Record<string, number>> = { w: 500, W: 1000 };

/** Whether a text is digits with pauses: `1w23#`. */
export function isDigitText(text: string): boolean {
  return /^[0-9*#A-DwW]{1,64}$/.test(text);
}

/** Sends digits one group after the other, with the pauses between; the returned function gives up what is left. */
export function sendDigitText(text: string, clock: Clock, send: (digits: string) => void): () => void {
  const groups = text.match(/[wW]|[^wW]+/g) ?? [];
  let cancel = (): void => {};
  const next = (): void => {
    const group = groups.shift();
    if (group === undefined) return;
    const pause = PAUSES[group];
    if (pause === undefined) send(group);
    // Digits queue up behind each other in the leg; the pause after them is counted from when they are handed over.
    cancel = clock.setTimeout(next, pause ?? group.length * DIGIT_MS);
  };
  next();
  return () => cancel();
}

/** One digit and the gap after it. */
const DIGIT_MS = 200;
