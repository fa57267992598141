import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseVoices } from '../../../../media/speech/espeak.ts';
import { chooseEspeak, type Speech, type SpeechEngine } from '../../../../media/speech/index.ts';
import { systemClock } from '../../../../media/time/clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'espeak-'));
after(() => rmSync(folder, { recursive: true }));

const TABLE = `Pty Language       Age/Gender VoiceName          File                 Other Languages
 5  cmn             --/M      Chinese_(Mandarin,_latin_as_English) sit/cmn              (zh-cmn 5)(zh 5)
 2  en-gb           --/M      English_(Great_Britain) gmw/en               (en 2)
 5  nb              --/M      Norwegian_Bokmål  gmq/nb               (no 5)
 5  en-gb           --/M      Again              gmw/again
 5  -v;rm           --/M      Evil               gmw/evil
`;
const HELLO: Speech = { text: 'Hello.', voice: 'woman', language: 'en-gb' };
const never = new AbortController().signal;

/** A stand-in for the program, whose answer to a text the test decides. */
async function standIn(speak: string, options: { deadlineMs?: number; queue?: number } = {}): Promise<SpeechEngine> {
  const path = join(folder, `espeak-${Math.abs(hash(speak))}`);
  writeFileSync(
    path,
    `#!/bin/sh
case "$1" in
--version) echo "eSpeak NG text-to-speech: 1.51  Data at: /x"; exit;;
--voices) cat <<'END'
${TABLE}END
exit;;
esac
text=$(cat)
[ "$text" = one ] && { printf RIFF; exit; }
${speak}
`,
    { mode: 0o755 },
  );
  const chosen = await chooseEspeak(path, {
    processes: 1,
    queue: options.queue ?? 5,
    deadlineMs: options.deadlineMs ?? 10_000,
    clock: systemClock,
    onSpoken: () => {},
  });
  assert.ok(chosen.ok, JSON.stringify(chosen));
  return chosen.engine;
}

async function heard(engine: SpeechEngine, speech: Speech, signal = never): Promise<string> {
  let bytes = '';
  for await (const piece of engine.synthesize(speech, signal)) {
    if ('status' in piece) return `${piece.reason}: ${piece.detail}`;
    bytes += Buffer.from(piece).toString();
  }
  return bytes;
}

test('the table of voices is read: one language a tag, with what it stands in for', () => {
  const languages = parseVoices(TABLE);
  assert.deepEqual(
    languages.map(({ tag, name, also }) => [tag, name, [...also]]),
    [
      [
        'cmn',
        'Chinese (Mandarin, latin as English)',
        [
          ['zh-cmn', 5],
          ['zh', 5],
        ],
      ],
      ['en-gb', 'English (Great Britain)', [['en', 2]]],
      ['nb', 'Norwegian Bokmål', [['no', 5]]],
    ],
  );
  assert.deepEqual(parseVoices('nonsense\n\n'), []);
});

test('the text goes in by standard input, and nothing of it is a command', async () => {
  const engine = await standIn('echo "$text|$*|$HOME$PATH_INFO"; env | grep -c SECRET || true');
  process.env.SECRET_OF_OURS = 'x';
  const said = await heard(engine, { ...HELLO, text: '$(id) `id` "; id; --help\n\u0001[[h@]]' });
  delete process.env.SECRET_OF_OURS;
  assert.equal(said, '$(id) `id` "; id; --help [ [h@]]|--stdin --stdout -b 1 -v en-gb+f3|\n0\n');
});

test('a language that it does not speak never becomes an argument', async () => {
  const engine = await standIn('echo');
  await assert.rejects(() => heard(engine, { ...HELLO, language: '../../etc/passwd' }), /no language/);
});

test('a program that fails, crashes, says nothing or never ends is a failed speech', async () => {
  assert.equal(await heard(await standIn('exit 3'), HELLO), 'speech_failed: espeak-ng ended with code 3');
  assert.equal(await heard(await standIn('kill -SEGV $$'), HELLO), 'speech_failed: espeak-ng ended with SIGSEGV');
  assert.equal(await heard(await standIn('exit 0'), HELLO), 'speech_failed: there was nothing to say');
  const hung = await standIn('sleep 1000', { deadlineMs: 500 });
  assert.equal(await heard(hung, HELLO), 'speech_failed: espeak-ng took longer than 500 ms');
});

test('more texts than may wait are refused, and those that wait are spoken in turn', async () => {
  const engine = await standIn('echo done', { queue: 2 });
  const results = await Promise.all([1, 2, 3, 4].map(() => heard(engine, HELLO)));
  assert.deepEqual(results.toSorted(), ['busy: too many texts wait to be spoken', 'done\n', 'done\n', 'done\n']);
});

test('a speech that nobody wants any more ends its program, whether it speaks or waits', async () => {
  const engine = await standIn('echo begun; sleep 1000');
  const controller = new AbortController();
  const pieces = engine.synthesize(HELLO, controller.signal)[Symbol.asyncIterator]();
  assert.equal(Buffer.from((await pieces.next()).value as Uint8Array).toString(), 'begun\n');
  const waiting = heard(engine, HELLO, controller.signal);
  controller.abort();
  assert.deepEqual(await pieces.next(), { done: true, value: undefined });
  assert.equal(await waiting, '');
});

test('what is no espeak-ng is not used, and the reason says so', async () => {
  const options = { processes: 1, queue: 1, deadlineMs: 5000, clock: systemClock, onSpoken: () => {} };
  for (const [path, why] of [
    [join(folder, 'nothing'), /is no program/],
    ['/bin/true', /is no espeak-ng/],
  ] as const) {
    const chosen = await chooseEspeak(path, options);
    assert.ok(!chosen.ok && why.test(chosen.why), JSON.stringify(chosen));
  }
  const path = process.env.PATH;
  process.env.PATH = '';
  const chosen = await chooseEspeak(undefined, options);
  process.env.PATH = path;
  assert.deepEqual(chosen, { ok: false, why: 'espeak-ng is not installed' });
});

function hash(text: string): number {
  return [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7);
}
