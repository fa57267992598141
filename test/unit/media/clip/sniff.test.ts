import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MpegFrameWalk, readMpegFrame } from '../../../../media/clip/mpeg.ts';
import { type Sniffed, Sniffer } from '../../../../media/clip/sniff.ts';
import { holds } from '../../../fuzz/run.ts';
import { MEDIA_TARGETS } from '../../../fuzz/targets/media.ts';
import { audioFixture, id3Tag } from '../../../support/audio-files.ts';
import { seededRandom } from '../../../support/random.ts';
import { writeWav } from '../../../support/wav.ts';

const mp3 = audioFixture('stereo-44100-cbr.mp3');

/** Feeds a file in pieces; returns the verdict and all bytes from the first of the sound on. */
function sniff(file: Uint8Array, piece = 700): { verdict: Sniffed; bytesTaken: number } {
  const sniffer = new Sniffer();
  for (let at = 0; at < file.length; at += piece) {
    const verdict = sniffer.push(file.subarray(at, at + piece));
    if (verdict) return { verdict, bytesTaken: Math.min(at + piece, file.length) };
  }
  return { verdict: sniffer.end(), bytesTaken: file.length };
}

function formatOf(file: Uint8Array | string, piece?: number): string {
  const { verdict } = sniff(typeof file === 'string' ? Buffer.from(file, 'latin1') : file, piece);
  return verdict.format;
}

describe('the format by the first bytes', () => {
  test('a RIFF/WAVE file is wav, however it is cut', () => {
    const file = writeWav(new Int16Array(100), 8000);
    for (const piece of [1, 2, 11, 12, 13, 1000]) assert.equal(formatOf(file, piece), 'wav');
  });

  test('two MPEG frames in a row are mp3, however they are cut', () => {
    for (const name of ['stereo-44100-cbr.mp3', 'stereo-48000-loud.mp3', 'mono-22050-vbr.mp3', 'mono-8000-cbr.mp3']) {
      for (const piece of [1, 3, 417, 4096, 100_000]) assert.equal(formatOf(audioFixture(name), piece), 'mp3', name);
    }
  });

  test('a file of a single frame is mp3', () => {
    const frame = readMpegFrame(mp3, 0);
    assert.ok(frame);
    assert.equal(formatOf(mp3.subarray(0, frame.bytes)), 'mp3');
  });

  test('the sound behind tags of any size and number starts at its first frame', () => {
    for (const tags of [[20], [0], [200_000], [5_000, 60_000], [10, 10, 10]]) {
      const file = Buffer.concat([...tags.map((bytes) => id3Tag(bytes)), mp3]);
      for (const piece of [1, 1000, 65536]) {
        const { verdict, bytesTaken } = sniff(file, piece);
        assert.equal(verdict.format, 'mp3');
        assert.ok('bytes' in verdict);
        assert.deepEqual(Buffer.from(verdict.bytes), mp3.subarray(0, verdict.bytes.length));
        assert.equal(bytesTaken - verdict.bytes.length, file.length - mp3.length);
      }
    }
  });

  test('padding and a little rubbish behind a tag are stepped over', () => {
    const padded = Buffer.concat([id3Tag(30), Buffer.alloc(300_000), mp3]);
    assert.equal(formatOf(padded, 5000), 'mp3');
    const shortTag = Buffer.concat([id3Tag(3000, 1000), mp3]);
    assert.equal(formatOf(shortTag, 999), 'mp3');
  });

  test('a tag with nothing but rubbish behind it is given up on', () => {
    const { verdict, bytesTaken } = sniff(Buffer.concat([id3Tag(10), Buffer.alloc(1_000_000, 0x55)]), 8192);
    assert.equal(verdict.format, 'unknown');
    assert.ok(bytesTaken < 80_000);
    assert.equal(formatOf(id3Tag(10, 5_000_000)), 'unknown');
    assert.equal(formatOf(Buffer.concat([id3Tag(10), writeWav(new Int16Array(8000), 8000)])), 'unknown');
  });

  test('anything else is no sound', () => {
    for (const file of [
      '',
      'I',
      'ID',
      'RIFF',
      '<!doctype html><html></html>',
      '{"error":"gone"}',
      'PK\x03\x04aaaaaaaaaaaaaaa',
      '%PDF-1.7 aaaaaaaaaaa',
      'OggS\0\x02aaaaaaaaaaaaaaaaaa',
      'fLaC\0\0\0\x22aaaaaaaaaaaa',
      '\0\0\0\x20ftypM4A aaaaaaaaa',
      '\x1aE\xdf\xa3aaaaaaaaaaaaaaa',
      'RIFF\x24\0\0\0AVI LIST',
      'RIFX\0\0\0\x24WAVEfmt ',
      '#EXTM3U\n#EXT-X-VERSION:3\nhttp://x/',
      'ffconcat version 1.0\nfile /etc/passwd',
      '[playlist]\nFile1=http://x/',
      'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n',
      '<ASX version="3.0"></ASX>',
      '<?xml version="1.0"?><MPD/>',
      '\x89PNG\r\n\x1a\naaaaaaaa',
      '\xff\xd8\xff\xe0\0\x10JFIF\0aaaaaaa',
      `\xff\xf1\x50\x80\x02\x1f\xfc${'a'.repeat(400)}`,
      '\x7fELFaaaaaaaaaaaaaaa',
    ]) {
      assert.equal(formatOf(file), 'unknown', JSON.stringify(file.slice(0, 20)));
    }
    // A byte order mark looks like a sync; no second frame follows it.
    assert.equal(formatOf(Buffer.from(`\ufeff${'some text, '.repeat(1000)}`, 'utf16le')), 'unknown');
  });

  test('no file makes it throw or give more bytes than it has', () => holds(MEDIA_TARGETS.mpeg, 3000));

  test('random bytes never throw and are hardly ever taken for sound', () => {
    const random = seededRandom(7);
    let taken = 0;
    for (let round = 0; round < 500; round++) {
      const file = Uint8Array.from({ length: Math.floor(random() * 6000) }, () => Math.floor(random() * 256));
      if (round % 2 === 0) file.set(Buffer.from('ID3\x03\0\0\0\0\0\x05').subarray(0, file.length));
      if (formatOf(file, 1 + Math.floor(random() * 900)) !== 'unknown') taken++;
    }
    assert.ok(taken < 5, `${taken} of 500`);
  });
});

describe('MPEG frames', () => {
  test('are as long as the next one says', () => {
    for (const name of ['stereo-44100-cbr.mp3', 'stereo-48000-loud.mp3', 'mono-22050-vbr.mp3', 'mono-8000-cbr.mp3']) {
      const file = audioFixture(name);
      let frames = 0;
      let at = 0;
      for (; at < file.length; frames++) {
        const frame = readMpegFrame(file, at);
        assert.ok(frame, `${name} at ${at}`);
        at += frame.bytes;
      }
      assert.equal(at, file.length);
      assert.ok(frames > 15);
    }
  });

  test('tell a whole file from one that was cut', () => {
    const walked = (bytes: Uint8Array, piece: number) => {
      const walk = new MpegFrameWalk();
      for (let at = 0; at < bytes.length; at += piece) walk.push(bytes.subarray(at, at + piece));
      return walk.cutShort;
    };
    for (const piece of [1, 7, 5000]) {
      assert.equal(walked(mp3, piece), false);
      assert.equal(walked(mp3.subarray(0, mp3.length - 1), piece), true);
      assert.equal(walked(mp3.subarray(0, 2000), piece), true);
      // What follows the frames is no frame: no opinion.
      assert.equal(walked(Buffer.concat([mp3, Buffer.from('TAG'.padEnd(128))]), piece), false);
    }
  });
});
