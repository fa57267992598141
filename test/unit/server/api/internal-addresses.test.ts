import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soundAddress } from '../../../../media/clip/index.ts';
import { AppUnderTest } from '../../../support/app.ts';

const MP3 = 'https://media.test.example/hello.mp3';

test('no request reaches a sound that is made here by writing its address into a URL', async (t) => {
  const app = await new AppUnderTest().listen();
  t.after(() => app.close());
  const { member } = await app.join('m');
  for (const address of [soundAddress('beep:1'), 'SOUND://ring', 'speech://espeak/en?hello'])
    for (const [path, body] of [
      ['/MultiPartyCall/name_m/Member/1/Play/', { url: address }],
      ['/MultiPartyCall/name_m/Member/all/Play/', { urls: [MP3, address] }],
      ['/MultiPartyCall/name_m/Member/1/Play/', { url: MP3, callback_url: address }],
      [`/Call/${member.callUuid}/Play/`, { urls: `${MP3},${address}` }],
      ['/Clip/', { url: address }],
    ] as const) {
      const { status } = await app.api('POST', path, body);
      assert.equal(status, 400, `${path} ${JSON.stringify(body)}`);
    }
  assert.equal(app.engine.plays.length + app.clips.held.size, 0, 'nothing was played or loaded');
});
