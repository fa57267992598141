/** Digits that may wait to be sent in one call, their pauses among them. */
export const MOST_DIGITS = 64;

/** Pauses in a text of digits, in ms: Plivo's half a second, and one that is twice as long. */
const PAUSES_MS: Readonly<Record<string, number>> = { w: 500, W: 1000 };

/** One digit and the silence after it, as they are sent. */
const DIGIT_MS = 200;

const TEXT = new RegExp(`^[0-9*#A-Da-dwW]{1,${MOST_DIGITS}}$`);

/** Whether a text is digits with pauses: `1w23#`. */
export function isDigitText(text: string): boolean {
  return TEXT.test(text);
}

/** How long such a text takes to be sent, in ms. */
export function digitTextMs(text: string): number {
  let ms = 0;
  for (const char of text) ms += pauseMs(char) ?? DIGIT_MS;
  return ms;
}

/** How long a character of such a text keeps silent; undefined: it is a digit. */
export function pauseMs(char: string): number | undefined {
  return PAUSES_MS[char];
}
