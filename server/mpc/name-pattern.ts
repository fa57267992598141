/**
 * Whether a name fits a pattern in which `*` stands for any characters and `?` for any one; letters count as they are. Time is
 * bounded by the product of both lengths, whatever callers call their conferences.
 */
export function fitsPattern(name: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  /** Where to go on after a mismatch: the last `*`, and how much of the name it stands for so far. */
  let star = -1;
  let held = 0;
  while (at < name.length) {
    if (pattern[next] === '*') {
      star = next;
      held = at;
      next += 1;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === name[at])) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      held += 1;
      at = held;
      next = star + 1;
    } else return false;
  }
  while (pattern[next] === '*') next += 1;
  return next === pattern.length;
}
