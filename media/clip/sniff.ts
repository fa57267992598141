import { MPEG_FRAME_MAX_BYTES, MPEG_HEADER_BYTES, readMpegFrame, sameStream } from './mpeg.ts';

export type Sniffed =
  /** `bytes`: all that was read so far, from the first byte that belongs to the sound on. */
  | { readonly format: 'wav' | 'mp3'; readonly bytes: Uint8Array }
  | { readonly format: 'unknown'; readonly detail: string };

const ID3_HEADER_BYTES = 10;
const RIFF_HEADER_BYTES = 12;
/** How far behind a tag the first frame may be: some taggers leave rubbish there. */
const SEARCH_BYTES = 64 * 1024;
/** Enough to see a frame and the header of the one after it. */
const CERTAIN_BYTES = MPEG_FRAME_MAX_BYTES + MPEG_HEADER_BYTES;

/**
 * Decides by the first bytes, and nothing else, whether a file is wav or mp3. ID3 tags of any size are stepped over as
 * they stream by and reach no decoder. An MPEG sync counts when a second frame follows where the first one ends.
 */
export class Sniffer {
  private pending: Uint8Array = new Uint8Array(0);
  private skip = 0;
  private tagged = false;
  private searched = 0;

  /** Takes the next bytes; undefined: not yet decided. */
  push(bytes: Uint8Array): Sniffed | undefined {
    const skipped = Math.min(this.skip, bytes.length);
    this.skip -= skipped;
    if (skipped === bytes.length) return undefined;
    this.pending = joined(this.pending, bytes.subarray(skipped));
    return this.decide(false);
  }

  /** The file is over; decides with what there is. */
  end(): Sniffed {
    return this.decide(true) ?? unknown(this.tagged ? 'a tag and no sound behind it' : 'too short to be sound');
  }

  private decide(ended: boolean): Sniffed | undefined {
    while (this.pending.length >= ID3_HEADER_BYTES && startsWith(this.pending, 'ID3')) {
      if (!this.stepOverTag()) return undefined;
    }
    if (this.pending.length < RIFF_HEADER_BYTES && !ended) return undefined;
    if (startsWith(this.pending, 'RIFF') && startsWith(this.pending, 'WAVE', 8) && !this.tagged) {
      return { format: 'wav', bytes: this.pending };
    }
    return this.tagged ? this.search(ended) : this.judgeSync(ended);
  }

  /** False: the tag is longer than what came so far. */
  private stepOverTag(): boolean {
    this.tagged = true;
    const length = id3Length(this.pending);
    this.skip = Math.max(0, length - this.pending.length);
    this.pending = this.pending.subarray(Math.min(length, this.pending.length));
    return this.skip === 0;
  }

  private judgeSync(ended: boolean): Sniffed | undefined {
    switch (syncAt(this.pending, 0, ended, true)) {
      case 'yes':
        return { format: 'mp3', bytes: this.pending };
      case 'unsure':
        return undefined;
      case 'no':
        return unknown('neither RIFF/WAVE, ID3 nor an MPEG frame');
    }
  }

  private search(ended: boolean): Sniffed | undefined {
    for (let at = 0; at < this.pending.length; at++) {
      // Padding is no rubbish, however much of it there is.
      if (this.pending[at] === 0) continue;
      const sync = syncAt(this.pending, at, ended, false);
      if (sync === 'yes') return { format: 'mp3', bytes: this.pending.subarray(at) };
      if (sync === 'unsure') {
        this.pending = this.pending.subarray(at);
        return undefined;
      }
      if (++this.searched > SEARCH_BYTES) return unknown('a tag and no MPEG frame behind it');
    }
    this.pending = new Uint8Array(0);
    return undefined;
  }
}

function syncAt(bytes: Uint8Array, at: number, ended: boolean, mayBeCut: boolean): 'yes' | 'no' | 'unsure' {
  if (bytes[at] !== 0xff) return 'no';
  if (bytes.length - at < MPEG_HEADER_BYTES) return ended ? 'no' : 'unsure';
  const frame = readMpegFrame(bytes, at);
  if (!frame) return 'no';
  const next = at + frame.bytes;
  if (bytes.length < next + MPEG_HEADER_BYTES) {
    if (!ended) return bytes.length - at < CERTAIN_BYTES ? 'unsure' : 'no';
    // The only frame, or the last of rubbish: nothing follows to compare with. Where rubbish is ruled out it may be cut.
    return mayBeCut || next <= bytes.length ? 'yes' : 'no';
  }
  const following = readMpegFrame(bytes, next);
  return following && sameStream(frame, following) ? 'yes' : 'no';
}

/** Length of an ID3v2 tag with header and footer (ID3v2.4 section 3.1): 28 bits, seven in a byte. */
function id3Length(bytes: Uint8Array): number {
  const [flags = 0, a = 0, b = 0, c = 0, d = 0] = bytes.subarray(5, ID3_HEADER_BYTES);
  const size = ((a & 0x7f) << 21) | ((b & 0x7f) << 14) | ((c & 0x7f) << 7) | (d & 0x7f);
  const hasFooter = (flags & 0x10) !== 0;
  return ID3_HEADER_BYTES + size + (hasFooter ? ID3_HEADER_BYTES : 0);
}

function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
  if (bytes.length < at + text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) return tail;
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}

function unknown(detail: string): Sniffed {
  return { format: 'unknown', detail };
}
