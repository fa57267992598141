import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameRing } from '../../../../media/recording/frame-ring.ts';

const SIZE = 160;

function frame(value: number): Int16Array {
  return new Int16Array(SIZE).fill(value);
}

function pair(frames: number): { writer: FrameRing; reader: FrameRing } {
  const memory = FrameRing.allocate(SIZE, frames);
  return { writer: new FrameRing(memory, SIZE), reader: new FrameRing(memory, SIZE) };
}

test('frames come out in order, each with the number missing before it', () => {
  const { writer, reader } = pair(10);
  assert.ok(writer.write(frame(-7), 0), 'the first fits');
  assert.ok(writer.write(frame(8), 3), 'the second fits');
  const out = new Int16Array(2 * SIZE);
  assert.equal(reader.length, 2);
  assert.equal(reader.read(out, 0), 0);
  assert.equal(reader.read(out, SIZE), 3);
  assert.deepEqual([...out], [...frame(-7), ...frame(8)]);
  assert.equal(reader.read(out, 0), -1);
});

test('a full ring takes nothing and loses nothing, however often it goes round', () => {
  const { writer, reader } = pair(4);
  const out = new Int16Array(SIZE);
  let written = 0;
  let read = 0;
  for (let round = 0; round < 50; round++) {
    while (writer.write(frame(written % 1000), 0)) written += 1;
    assert.ok(written - read >= 4, `holds ${written - read} frames`);
    while (reader.read(out, 0) >= 0) {
      assert.deepEqual(out, frame(read % 1000), `frame ${read}`);
      read += 1;
    }
    assert.equal(read, written);
  }
});
