import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkSource, type Failed, publicUrl, sourcePolicy } from '../../../../media/clip/index.ts';
import type { Speech, SpeechEngine } from '../../../../media/speech/index.ts';
import { MAX_TEXT, Speaker } from '../../../../server/speak/index.ts';
import { spokenText } from '../../../../server/speak/text.ts';

const said: Speech[] = [];
const engine: SpeechEngine = {
  name: 'parrot 1',
  languages: [
    { tag: 'en-gb', name: 'English (Great Britain)', also: new Map([['en', 2]]) },
    { tag: 'en-us', name: 'English (America)', also: new Map([['en', 3]]) },
    { tag: 'es', name: 'Spanish', also: new Map() },
    { tag: 'es-419', name: 'Spanish (Latin America)', also: new Map([['es-mx', 6]]) },
    { tag: 'de', name: 'German', also: new Map() },
    { tag: 'cmn', name: 'Chinese', also: new Map([['zh', 5]]) },
    { tag: 'yue', name: 'Cantonese', also: new Map([['zh', 8]]) },
    { tag: 'ar', name: 'Arabic', also: new Map() },
  ],
  synthesize: async function* (speech: Speech): AsyncGenerator<Uint8Array | Failed> {
    said.push(speech);
    yield new Uint8Array(1);
  },
};
const speaker = new Speaker(engine);

async function spoken(text: string, voice?: string, language?: string): Promise<Speech> {
  const found = speaker.address(text, voice, language);
  assert.ok(found.ok, JSON.stringify(found));
  for await (const piece of speaker.make(new URL(found.address), 8000, new AbortController().signal))
    assert.ok(piece instanceof Uint8Array, JSON.stringify(piece));
  const last = said.pop();
  assert.ok(last, 'something was said');
  return last;
}

describe('the address of a text', () => {
  test('leads to that text, whatever is in it', async () => {
    for (const text of [
      'Hello.',
      'a?b#c&d=e/f%20g%zz+h',
      'Grüße, мир, 你好 👋',
      'line\nline\ttab "quote" \\ \' `',
      '<b>3 < 5 & 7</b>',
      `x${'é'.repeat(MAX_TEXT - 1)}`,
    ])
      assert.deepEqual(await spoken(text), { text, voice: 'woman', language: 'en-us' });
    assert.equal((await spoken('half \ud800 a pair')).text, 'half \ufffd a pair');
  });

  test('is the same for the same text, and another in another voice or language', () => {
    const address = (voice: string, language: string): unknown => {
      const found = speaker.address('Hello.', voice, language);
      return found.ok && found.address;
    };
    assert.equal(address('WOMAN', 'en-US'), address('Polly.Joanna', 'en-us'));
    assert.notEqual(address('WOMAN', 'en-US'), address('MAN', 'en-US'));
    assert.notEqual(address('WOMAN', 'en-US'), address('WOMAN', 'de-DE'));
  });

  test('is no URL that a caller may give, and keeps the text out of logs', () => {
    const found = speaker.address('my secret');
    assert.ok(found.ok, 'it has an address');
    assert.equal(checkSource(found.address, sourcePolicy()).ok, false);
    assert.equal(publicUrl(new URL(found.address)), 'speech://en-us/woman?…');
  });

  test('that is none of ours is not spoken', async () => {
    for (const address of ['speech://en-us/dog?hello', 'speech://en-us?hello', 'speech:hello'])
      for await (const piece of speaker.make(new URL(address), 8000, new AbortController().signal))
        assert.ok('status' in piece && piece.reason === 'refused_address', address);
  });
});

describe('voices and languages', () => {
  test('are those of Plivo, in any case and spelling', async () => {
    for (const [voice, expected] of [
      [undefined, 'woman'],
      ['WOMAN', 'woman'],
      ['man', 'man'],
      ['Polly.Joanna', 'woman'],
      ['Polly.Matthew-Neural', 'man'],
      ['polly.léa', 'woman'],
    ] as const)
      assert.equal((await spoken('x', voice, 'en-US')).voice, expected, String(voice));
    for (const voice of ['dog', 'Polly.', 'Polly.Nobody', 'Joanna', 'man+f3', 'Polly.Amy;ls', '-v', '__proto__'])
      assert.deepEqual(pick(speaker.address('x', voice)), { ok: false, wrong: 'voice' }, voice);
  });

  test('come to the nearest language that is spoken', async () => {
    for (const [language, expected] of [
      ['en-US', 'en-us'],
      ['en-AU', 'en-gb'],
      ['en', 'en-gb'],
      ['es-ES', 'es'],
      ['es-MX', 'es-419'],
      ['es-US', 'es-419'],
      ['de-AT', 'de'],
      ['cmn-CN', 'cmn'],
      ['zh-CN', 'cmn'],
      ['zh-HK', 'yue'],
      ['arb', 'ar'],
    ] as const)
      assert.equal((await spoken('x', undefined, language)).language, expected, language);
    for (const language of ['xx-XX', '', '-', 'e', '../../etc', 'en_US', 'd'.repeat(100)])
      assert.deepEqual(pick(speaker.address('x', undefined, language)), { ok: false, wrong: 'language' }, language);
  });

  test('a Polly name brings its language, unless another is asked for', async () => {
    assert.equal((await spoken('x', 'Polly.Vicki')).language, 'de');
    assert.equal((await spoken('x', 'Polly.Vicki', 'en-US')).language, 'en-us');
  });
});

describe('a text', () => {
  test('has its limits', () => {
    for (const text of [
      '',
      '  \n',
      '<speak><break/></speak>',
      'x'.repeat(MAX_TEXT + 1),
      `<speak>${'<s/>'.repeat(2000)}x`,
    ])
      assert.deepEqual(pick(speaker.address(text)), { ok: false, wrong: 'text' }, text.slice(0, 40));
    assert.ok(
      speaker.address(`<speak>${'<s/>'.repeat(500)}${'x'.repeat(MAX_TEXT)}</speak>`).ok,
      'markup is not counted',
    );
  });

  test('of SSML is its words and its pauses', () => {
    const ssml =
      '<?xml version="1.0"?><speak version="1.1">One<break time="1s"/>two <say-as interpret-as="digits">34</say-as> &amp; &#65;&#x42; <!-- <p>no</p> --><audio src="/etc/passwd">five</audio></speak>';
    assert.equal(spokenText(ssml).replace(/\s+/g, ' '), 'One two 34 & AB five');
    assert.ok(spokenText(ssml).includes('One\ntwo'), 'a break is a line end');
    assert.equal(spokenText('5 < 6 &amp; <b>'), '5 < 6 &amp; <b>');
  });

  test('that tries to keep the reader of SSML busy is read in no time', () => {
    const started = performance.now();
    for (const part of ['<', '<!--', '<?', '<speak ', '&#', '</p', '< '])
      spokenText(`<speak>${part.repeat(6000 / part.length)}`);
    assert.ok(performance.now() - started < 1000, `${performance.now() - started} ms`);
  });
});

test('without an engine nothing can be said, and that is no mistake of the text', () => {
  const mute = new Speaker(undefined);
  assert.deepEqual(mute.address('x', 'dog'), { ok: false, wrong: 'engine' });
  assert.equal(mute.choice, undefined);
});

test('the choice names voices and languages as requests name them', () => {
  const { choice } = speaker;
  assert.ok(choice, 'there is an engine');
  assert.deepEqual(choice.voices[0], { voice: 'WOMAN', language: undefined });
  assert.ok(
    choice.voices.some(({ voice, language }) => voice === 'Polly.Joey' && language === 'en-US'),
    'Joey is there',
  );
  assert.deepEqual(choice.languages[1], { language: 'en-US', name: 'English (America)' });
  for (const { voice } of choice.voices) assert.ok(speaker.address('x', voice, 'en-US').ok, voice);
});

function pick(found: ReturnType<Speaker['address']>): unknown {
  return found.ok ? found : { ok: found.ok, wrong: found.wrong };
}
