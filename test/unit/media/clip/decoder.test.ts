import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Candidate, chooseDecoder, type Decoder } from '../../../../media/clip/decoder.ts';
import { Transcode, type TranscodeEnd, type TranscodeJob } from '../../../../media/clip/transcode.ts';
import { systemClock } from '../../../../media/time/clock.ts';
import { audioFixture, bytesOf } from '../../../support/audio-files.ts';
import { eventually } from '../../../support/clip-store-rig.ts';
import { levelAt, tone } from '../../../support/tones.ts';

let folder: string;
let decoder: Decoder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'decoder-'));
  const chosen = await chooseDecoder(process.env.FFMPEG_PATH);
  assert.ok(chosen.decoder, 'an ffmpeg must be installed, if only the optional dependency');
  decoder = chosen.decoder;
});
after(() => rmSync(folder, { recursive: true }));

/** A program that is taken for ffmpeg. */
function fake(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Processes of this machine whose command line holds a text, zombies included. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
      } catch {
        return false;
      }
    });
}

/** Children of ours that ended and were not collected (proc(5): state and parent follow the name in brackets). */
function zombies(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      return state === 'Z' && Number(parent) === process.pid;
    } catch {
      return false;
    }
  });
}

/** Limits that no honest file comes near. */
const JOB = {
  input: { format: 'mp3' },
  sampleRate: 8000,
  maxSeconds: 60,
  deadlineMs: 30_000,
  cpuSeconds: 10,
  memoryBytes: 256 * 1024 * 1024,
  clock: systemClock,
} as const;

interface Ran {
  readonly end: TranscodeEnd;
  readonly pcm: Buffer;
}

async function run(path: string, input: Uint8Array, changes: Partial<TranscodeJob> = {}): Promise<Ran> {
  const pieces: Buffer[] = [];
  const transcode = new Transcode({
    program: { path, prlimit: decoder.prlimit },
    ...JOB,
    onPcm: (bytes) => pieces.push(Buffer.from(bytes)),
    ...changes,
  });
  await transcode.write(input);
  transcode.end();
  const end = await transcode.done;
  assert.ok(transcode.over);
  return { end, pcm: Buffer.concat(pieces) };
}

function samplesOf(pcm: Buffer): Int16Array {
  return Int16Array.from({ length: pcm.length >> 1 }, (_, i) => pcm.readInt16LE(i * 2));
}

describe('ffmpeg', () => {
  test('decodes mp3 of every kind to mono at the rate asked for, stereo as the mean of both channels', async () => {
    for (const [name, tones] of [
      [
        'stereo-44100-cbr.mp3',
        [
          [400, -18],
          [1000, -18],
        ],
      ],
      ['stereo-48000-loud.mp3', [[700, -1]]],
      ['mono-22050-vbr.mp3', [[600, -12]]],
      ['mono-8000-cbr.mp3', [[500, -12]]],
    ] as const) {
      for (const sampleRate of [8000, 16000, 48000] as const) {
        const { end, pcm } = await run(decoder.path, audioFixture(name), { sampleRate });
        assert.equal(end.status, 'finished', name);
        const samples = samplesOf(pcm);
        assert.ok(Math.abs(samples.length / sampleRate - 1.2) < 0.15, `${name}: ${samples.length / sampleRate} s`);
        const middle = samples.subarray(samples.length / 6, (samples.length * 5) / 6);
        for (const [hz, db] of tones) {
          assert.ok(
            Math.abs(levelAt(middle, sampleRate, hz) - db) < 1.5,
            `${name}: ${levelAt(middle, sampleRate, hz)} dB`,
          );
        }
      }
    }
  });

  test('resamples samples of ours', async () => {
    const samples44 = bytesOf(tone(44100, 44100, [{ hz: 1000 }, { hz: 5000 }]));
    const { end, pcm } = await run(decoder.path, samples44, { input: { format: 's16le', sampleRate: 44100 } });
    assert.equal(end.status, 'finished');
    const samples = samplesOf(pcm);
    assert.ok(Math.abs(samples.length - 8000) < 40, `${samples.length}`);
    assert.ok(Math.abs(levelAt(samples.subarray(500, 7500), 8000, 1000) + 12) < 0.3);
    // 5 kHz does not exist at 8 kHz; it would come back as 3 kHz.
    assert.ok(levelAt(samples.subarray(500, 7500), 8000, 3000) < -60);
  });

  test('rejects what is no mp3, in words fit for a log', async () => {
    const { end, pcm } = await run(decoder.path, Buffer.alloc(5000, 0x1b));
    assert.ok(end.status === 'rejected', end.status);
    assert.match(end.detail, /^[\x20-\x7e]{1,200}$/);
    assert.equal(pcm.length, 0);
  });

  test('stops by itself at the limit of sound', async () => {
    const input = { format: 's16le', sampleRate: 16000 } as const;
    const { end, pcm } = await run(decoder.path, Buffer.alloc(16000 * 2 * 5), { input, maxSeconds: 2 });
    assert.equal(end.status, 'finished');
    assert.ok(Math.abs(pcm.length / 2 - 16000) < 1000, `${pcm.length / 2}`);
  });
});

describe('a decoder that misbehaves', () => {
  test('sees no environment of ours, only pipes, and fixed arguments', async () => {
    const path = fake('shows', 'cat >/dev/null; env; pwd; for a; do echo "$a"; done; ls /proc/self/fd | wc -l');
    process.env.CLIP_SECRET = 'hush';
    const { end, pcm } = await run(path, Buffer.from('x'));
    delete process.env.CLIP_SECRET;
    assert.equal(end.status, 'finished');
    const lines = pcm.toString().split('\n');
    assert.ok(!pcm.toString().includes('hush') && !lines.some((line) => /^(HOME|PATH=.*node)/.test(line)));
    assert.ok(lines.includes('/'));
    assert.deepEqual(
      ['-protocol_whitelist', 'pipe', '-f', 'mp3', '-i', 'pipe:0'].filter((word) => !lines.includes(word)),
      [],
    );
  });

  test('is killed at its deadline, with everything it started', async () => {
    const path = fake('hangs', 'sleep 987 & sleep 986');
    const started = performance.now();
    const { end } = await run(path, Buffer.from('x'), { deadlineMs: 150 });
    assert.equal(end.status, 'hung');
    assert.ok(performance.now() - started < 10_000);
    // What was killed is still there for a moment.
    await eventually(
      () => processesWith('sleep\u000098').length === 0 && zombies().length === 0,
      'the end of all of it',
    );
  });

  test('does not hold us up by what it leaves behind with our pipes', async () => {
    for (const rest of ['sleep 985', 'exit 0']) {
      const started = performance.now();
      const path = fake('leaves', `setsid sleep 15 & cat >/dev/null; ${rest}`);
      const { end } = await run(path, Buffer.from('x'), { deadlineMs: 300 });
      assert.equal(end.status, 'hung');
      assert.ok(performance.now() - started < 10_000, rest);
    }
  });

  test('is reported when a signal ends it', async () => {
    for (const signal of ['KILL', 'SEGV', 'ABRT']) {
      const path = fake(`dies-${signal}`, `kill -${signal} $$`);
      const { end } = await run(path, Buffer.alloc(1_000_000));
      assert.deepEqual(end, { status: 'crashed', signal: `SIG${signal}` });
    }
    assert.deepEqual(zombies(), []);
  });

  test('is reported when it gives up, its words cleaned and cut', async () => {
    const path = fake('speaks', `cat >/dev/null; printf 'first\\n\\033[31mlast %0500d\\n' 1 >&2; exit 3`);
    const { end } = await run(path, Buffer.from('x'));
    assert.ok(end.status === 'rejected' && end.code === 3);
    assert.match(end.detail, /^\?\[31mlast 0+$/);
    assert.equal(end.detail.length, 200);
  });

  test('cannot take more memory, processor time or files than it is given', {
    skip: !existsSync('/usr/bin/prlimit'),
  }, async () => {
    const limits = { cpuSeconds: 1, memoryBytes: 64 * 1024 * 1024, deadlineMs: 60_000 };
    const spins = await run(fake('spins', 'while :; do :; done'), Buffer.from('x'), limits);
    assert.ok(spins.end.status === 'crashed', spins.end.status);
    const writes = await run(fake('writes', `echo x > ${join(folder, 'written')}; exit 7`), Buffer.from('x'), limits);
    assert.ok(writes.end.status === 'crashed' || readFileSync(join(folder, 'written'), 'utf8') === '');
    const eats = await run(fake('eats', 'a=x; while :; do a="$a$a"; done'), Buffer.from('x'), limits);
    assert.ok(eats.end.status === 'rejected' || eats.end.status === 'crashed', eats.end.status);
  });

  test('ends at once when it is no longer wanted', async () => {
    const path = fake('waits', 'exec sleep 984');
    const transcode = new Transcode({
      program: { path, prlimit: decoder.prlimit },
      ...JOB,
      deadlineMs: 60_000,
      onPcm: () => {},
    });
    const writing = transcode.write(Buffer.alloc(5_000_000));
    transcode.kill();
    transcode.kill();
    assert.deepEqual(await transcode.done, { status: 'killed' });
    await writing;
    assert.deepEqual(processesWith('sleep\u0000984'), []);
  });

  test('that cannot be started is a value, not an exception', async () => {
    for (const prlimit of [undefined, '/nowhere/prlimit', decoder.prlimit]) {
      const transcode = new Transcode({
        program: { path: join(folder, 'missing'), prlimit },
        ...JOB,
        onPcm: () => {},
      });
      await transcode.write(Buffer.alloc(100_000));
      transcode.end();
      const end = await transcode.done;
      assert.equal(end.status, 'unstartable');
    }
  });
});

describe('choosing a decoder', () => {
  test('takes the first that works and says why the others do not', async () => {
    const search: Candidate[] = [
      { origin: 'FFMPEG_PATH', find: () => join(folder, 'missing') },
      { origin: 'ffmpeg-static', find: () => undefined },
      { origin: 'ffmpeg-static', find: () => folder },
      { origin: 'ffmpeg-static', find: () => fake('mute', 'exit 0') },
      { origin: 'ffmpeg-static', find: () => fake('other', 'echo ffprobe version 1') },
      {
        origin: 'ffmpeg-static',
        find: () =>
          fake(
            'broken',
            `[ "$1" = -version ] && echo 'ffmpeg version 9.9 Copyright' && exit; cat >/dev/null; echo broken >&2; exit 1`,
          ),
      },
      {
        origin: 'ffmpeg-static',
        find: () =>
          fake('silent', `[ "$1" = -version ] && echo 'ffmpeg version 9.9 Copyright' && exit; cat >/dev/null`),
      },
      { origin: 'PATH', find: () => decoder.path },
    ];
    const choice = await chooseDecoder(undefined, search);
    assert.deepEqual(choice.decoder, { ...decoder, origin: 'PATH' } satisfies Decoder);
    assert.deepEqual(
      choice.refused.map(({ why }) => why),
      [
        'no executable file',
        'not installed',
        'does not say its version: not an ffmpeg',
        'does not say its version: not an ffmpeg',
        'does not say its version: not an ffmpeg',
        'cannot decode s16le (broken)',
        'decodes s16le to 0 bytes',
      ],
    );
  });

  test('may find none', async () => {
    assert.deepEqual(await chooseDecoder(undefined, []), { decoder: undefined, refused: [] });
  });

  test('prefers the configured one', async () => {
    const choice = await chooseDecoder(decoder.path);
    assert.equal(choice.decoder?.origin, 'FFMPEG_PATH');
    assert.match(choice.decoder?.version ?? '', /^\S+$/);
    const wrong = await chooseDecoder('/nowhere/ffmpeg');
    assert.equal(wrong.refused[0]?.origin, 'FFMPEG_PATH');
    assert.deepEqual(wrong.decoder, (await chooseDecoder(undefined)).decoder);
  });
});
