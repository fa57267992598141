/*
 * Copies a piece of one byte array into another. `target.set(source.subarray(...))` would be short, but makes an object for
 * each packet; a loop over bytes makes none, and over 32-bit words it is three times as quick. The words need a DataView of
 * the source's buffer, which is kept for as long as packets come from the same buffer.
 */

let seen: ArrayBufferLike = new ArrayBuffer(0);
let view: DataView | undefined;

/** Copies `source[from, from + length)` to `target` at `to`. `targetView` covers the same bytes as `target`. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  length: number,
  target: Uint8Array,
  targetView: DataView,
  to: number,
): void {
  const { buffer } = source;
  let done = 0;
  if (buffer === seen) {
    // A reader that fills one buffer again and again is worth a view; one that brings a new buffer each time is not.
    const words = view ?? new DataView(buffer);
    view = words;
    const shift = source.byteOffset + from;
    for (const end = length - 3; done < end; done += 4) {
      targetView.setUint32(to + done, words.getUint32(shift + done, true), true);
    }
  } else {
    seen = buffer;
    view = undefined;
  }
  for (; done < length; done++) target[to + done] = source[from + done]!;
}
