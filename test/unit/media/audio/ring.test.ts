import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteRing } from '../../../../media/audio/ring.ts';

function pair(capacity: number): { writer: ByteRing; reader: ByteRing } {
  const writer = ByteRing.allocate(capacity);
  return { writer, reader: new ByteRing(writer.memory) };
}

function drain(reader: ByteRing, length: number): number[] {
  const out = new Uint8Array(length);
  return [...out.subarray(0, reader.read(out, length))];
}

test('bytes come out in the order they went in, across the wrap', () => {
  const { writer, reader } = pair(8);
  for (let round = 0; round < 10; round++) {
    assert.ok(writer.write(Uint8Array.of(1, 2, 3, 4, 5), 0, 5));
    assert.deepEqual(drain(reader, 5), [1, 2, 3, 4, 5]);
  }
});

test('what does not fit is refused whole', () => {
  const { writer, reader } = pair(8);
  assert.ok(writer.write(new Uint8Array(6), 0, 6));
  assert.equal(writer.write(new Uint8Array(3), 0, 3), false);
  assert.equal(reader.length, 6);
});

test('clearing takes back what was not read, and what is written afterwards is read', () => {
  const { writer, reader } = pair(16);
  writer.write(Uint8Array.of(1, 2, 3), 0, 3);
  writer.clear();
  writer.write(Uint8Array.of(9), 0, 1);
  assert.deepEqual(drain(reader, 16), [9]);
});

test('a mark in the stream is reached when everything before it was read', () => {
  const { writer, reader } = pair(16);
  writer.write(Uint8Array.of(1, 2, 3), 0, 3);
  const mark = writer.written;
  drain(reader, 2);
  assert.equal(writer.hasRead(mark), false);
  drain(reader, 1);
  assert.ok(writer.hasRead(mark));
});

test('a clear long ago does not disturb the stream when the counts wrap at 32 bits', () => {
  const { writer, reader } = pair(8);
  const control = new Int32Array(writer.memory, 0, 3);
  writer.write(Uint8Array.of(1), 0, 1);
  writer.clear();
  drain(reader, 1);
  // Three quarters round the circle, in steps that the reader follows.
  for (let step = 0; step < 3; step++) {
    control[0] = (control[0]! + 2 ** 30) | 0;
    control[1] = control[0]!;
    drain(reader, 1);
  }
  writer.write(Uint8Array.of(7, 8), 0, 2);
  assert.deepEqual(drain(reader, 8), [7, 8]);
});
