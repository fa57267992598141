import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { codecFor } from '../../../../media/codec/table.ts';
import { CODEC_NAMES, codecsNamed } from '../../../../server/sip/codecs.ts';
import { tableRows } from '../../../support/markdown.ts';

const page = readFileSync('docs/sound.md', 'utf8');

test('every codec that may be agreed on is one that the media side speaks', () => {
  for (const { name, clockRate, channels } of codecsNamed(CODEC_NAMES))
    for (const rate of [8000, 16_000, 48_000] as const)
      assert.equal(codecFor(name, clockRate, rate)?.channels, channels, `${name}/${clockRate}`);
});

test('no two codecs of an offer have one number', () => {
  const numbers = codecsNamed(CODEC_NAMES).map(({ payloadType }) => payloadType);
  assert.equal(new Set(numbers).size, numbers.length);
});

suite('docs/sound.md', () => {
  test('has each codec with its clock, its rate and the bytes of its packets', () => {
    const rows = tableRows(page, [
      ...['codec', 'RTP clock', 'sampled at', 'carries', 'bytes / 20 ms'],
      ...['encode µs', 'decode µs', 'concealment'],
    ]);
    const told = rows.map(([codec = '', clock, sampled]) => [/`(\w+)`/.exec(codec)?.[1], clock, sampled].join(' '));
    const known = codecsNamed(CODEC_NAMES).flatMap(({ name, clockRate }) =>
      ([8000, 16_000, 48_000] as const).map((rate) => {
        const codec = codecFor(name, clockRate, rate);
        return `${name} ${clockRate / 1000} kHz ${(codec?.sampleRate ?? 0) / 1000} kHz`;
      }),
    );
    assert.deepEqual(new Set(told), new Set(known));
    for (const [name = '', clock = '', , , bytes] of rows) {
      const codec = codecFor(/`(\w+)`/.exec(name)?.[1] ?? '', Number.parseFloat(clock) * 1000);
      if (codec?.name !== 'opus') assert.equal(bytes, String(codec?.maxPayloadBytes), name);
    }
  });

  test('shows pictures that are there', () => {
    const pictures = [...page.matchAll(/\]\((pictures\/[^)]+)\)/g)].map(([, path = '']) => path);
    assert.equal(pictures.length, 5);
    for (const path of pictures) assert.ok(existsSync(`docs/${path}`), path);
  });
});
