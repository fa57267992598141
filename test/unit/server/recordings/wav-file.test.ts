import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { wavHeader } from '../../../../media/clip/index.ts';
import { repairWav, WavFile } from '../../../../server/recordings/wav-file.ts';
import { readWav, writeWav } from '../../../support/wav.ts';

const folder = mkdtempSync(join(tmpdir(), 'partyline-wav-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function newPath(): string {
  files += 1;
  return join(folder, `${files}.wav.part`);
}

const SAMPLES = Int16Array.from([0, 1, -1, 32_767, -32_768, 258]);

test('the bytes of a wav are those that everybody expects', async () => {
  const path = newPath();
  const file = await WavFile.create(path, 8000);
  await file.append(Int16Array.from([0x0102, -2]));
  await file.close();
  assert.equal(
    readFileSync(path).toString('hex'),
    '524946462800000057415645666d7420100000000100010040' + '1f0000803e0000020010006461746104000000' + '0201feff',
  );
});

test('after every piece the file is whole, and so it is the same as one written at once', async () => {
  const path = newPath();
  const file = await WavFile.create(path, 16_000);
  assert.deepEqual(readFileSync(path), writeWav(new Int16Array(0), 16_000));
  await file.append(SAMPLES.subarray(0, 2));
  assert.deepEqual(readFileSync(path), writeWav(SAMPLES.subarray(0, 2), 16_000));
  await file.append(SAMPLES.subarray(2));
  assert.deepEqual(readFileSync(path), writeWav(SAMPLES, 16_000));
  assert.equal(file.dataBytes, 12);
  await file.close();
});

test('a file that lost its writer gets the header that fits what is there', async () => {
  for (const cut of [0, 1, 2, 5]) {
    const path = newPath();
    const whole = writeWav(SAMPLES, 8000);
    // The header was written before the last samples were.
    whole.set(wavHeader(8000, 4));
    writeFileSync(path, whole);
    truncateSync(path, whole.length - cut);
    const samples = SAMPLES.length - Math.ceil(cut / 2);
    assert.deepEqual(await repairWav(path), { sampleRate: 8000, dataBytes: samples * 2 });
    assert.deepEqual(readWav(readFileSync(path)).samples, SAMPLES.subarray(0, samples));
    assert.equal(readFileSync(path).length, 44 + samples * 2, 'nothing hangs over');
  }
});

test('a file that is none of ours is left as it is', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('RIFF'), Buffer.alloc(100), writeWav(SAMPLES, 0)]) {
    const path = newPath();
    writeFileSync(path, bytes);
    assert.equal(await repairWav(path), undefined);
    assert.deepEqual(readFileSync(path), bytes);
  }
});
