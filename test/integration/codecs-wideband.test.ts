import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { CodecName } from '../../media/codec/codec.ts';
import { ClipServer } from '../support/clip-server.ts';
import { startPlay } from '../support/plays.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone, type SoftphoneOptions } from '../support/softphone.ts';
import { levelAt, tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { type ContentType, WsClient } from '../support/ws-client.ts';

/** A telephone band carries the first of each pair and not the second. */
const FROM_WS = [700, 5500] as const;
const FROM_SIP = [900, 5900] as const;
const THERE_DB = -20;
const GONE_DB = -50;

let server: TestServer;
let source: ClipServer;

before(async () => {
  source = await ClipServer.start();
  server = await startServer({ SAMPLE_RATE_BY_MPC: 'wide-*:16000,studio-*:48000', FETCH_ALLOW: source.allow });
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await source.close();
});

async function call(t: TestContext, options: Omit<SoftphoneOptions, 'sipPort'>): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, ...options });
  t.after(() => phone.hangUp());
  return phone;
}

async function stream(t: TestContext, name: string, contentType: ContentType): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  const client = await WsClient.join({ wsUrl, authId, authToken, mpc: `name_${name}`, contentType });
  t.after(() => client.leave());
  return client;
}

function levels(samples: Int16Array, sampleRate: number, pair: readonly [number, number]): [low: number, high: number] {
  return [levelAt(samples, sampleRate, pair[0]), levelAt(samples, sampleRate, pair[1])];
}

/** What a WebSocket and a telephone hear of each other once their sound has settled. */
async function conversation(t: TestContext, mpc: string, codec: CodecName) {
  const ws = await stream(t, mpc, 'audio/x-l16;rate=16000');
  const phone = await call(t, { mpc, codec });
  ws.speak(FROM_WS.map((hz) => ({ hz })));
  phone.speak(FROM_SIP.map((hz) => ({ hz })));
  await Promise.all([ws.hearFor(600), phone.hearFor(600)]);
  const [byWs, byPhone] = await Promise.all([ws.hearFor(800), phone.hearFor(800)]);
  return {
    ws: levels(byWs, ws.sampleRate, FROM_SIP),
    phone: levels(byPhone, phone.sampleRate, FROM_WS),
  };
}

for (const codec of ['G722', 'opus', 'L16'] as const) {
  test(`a 5.5 kHz tone survives an MPC of 16 kHz and not one of 8 kHz, ${codec}`, async (t) => {
    for (const [mpc, carried] of [
      [`wide-${codec}`, true],
      [`narrow-${codec}`, false],
    ] as const) {
      const heard = await conversation(t, mpc, codec);
      for (const [who, [low, high]] of Object.entries(heard)) {
        const seen = `${who} in ${mpc} hears ${low.toFixed(1)} and ${high.toFixed(1)} dB`;
        assert.ok(low > THERE_DB, seen);
        if (carried) assert.ok(high > THERE_DB, seen);
        else assert.ok(high < GONE_DB, seen);
      }
    }
  });
}

test('a clip is decoded at the rate of the MPC it is played in', async (t) => {
  const clip = tone(
    16_000,
    16_000 * 3,
    FROM_WS.map((hz) => ({ hz })),
  );
  const url = source.file('/wide.wav', writeWav(clip, 16_000), { 'cache-control': 'max-age=600' });
  for (const mpc of ['wide-clip', 'narrow-clip', 'wide-clip']) {
    const ws = await stream(t, mpc, 'audio/x-l16;rate=16000');
    await startPlay(server, mpc, 'all', { url });
    await ws.until(() => ws.frames.at(-1)?.samples.some((value) => Math.abs(value) > 3000) === true, 5000, 'the clip');
    await ws.hearFor(200);
    const [low, high] = levels(await ws.hearFor(1000), ws.sampleRate, FROM_WS);
    const seen = `${low.toFixed(1)} and ${high.toFixed(1)} dB in ${mpc}`;
    assert.ok(low > THERE_DB, seen);
    assert.ok(mpc === 'wide-clip' ? high > THERE_DB : high < GONE_DB, seen);
    await ws.leave();
  }
});

test('12 kHz of Opus survive an MPC of 48 kHz', async (t) => {
  const [ana, bob] = [
    await call(t, { mpc: 'studio-1', codec: 'opus' }),
    await call(t, { mpc: 'studio-1', codec: 'opus' }),
  ];
  ana.speak([{ hz: 1000 }, { hz: 12_000 }]);
  await bob.hearFor(600);
  const [low, high] = levels(await bob.hearFor(600), bob.sampleRate, [1000, 12_000]);
  // At 40 kbit/s the highest band is coded coarsely, but it is there.
  assert.ok(low > THERE_DB && high > -25, `${low.toFixed(1)} and ${high.toFixed(1)} dB`);
});

test('members of all codecs hear each other in one MPC, whatever its rate', async (t) => {
  for (const mpc of ['narrow-all', 'wide-all']) {
    const codecs = ['PCMU', 'PCMA', 'G722', 'opus', 'L16'] as const;
    const phones = await Promise.all(codecs.map((codec) => call(t, { mpc, codec })));
    const hz = [400, 600, 900, 1300, 1900];
    phones.forEach((phone, i) => void phone.speak({ hz: hz[i]!, db: -18 }));
    await Promise.all(phones.map((phone) => phone.hearFor(600)));
    const heard = await Promise.all(phones.map((phone) => phone.hearFor(600)));
    heard.forEach((samples, i) => {
      for (const [j, pitch] of hz.entries()) {
        const level = levelAt(samples, phones[i]!.sampleRate, pitch);
        const seen = `${codecs[i]} hears ${codecs[j]} at ${level.toFixed(1)} dB in ${mpc}`;
        // Opus codes speech, not five tones at once; the others are exact but for a stall of the machine.
        const most = codecs[i] === 'opus' || codecs[j] === 'opus' ? 8 : 3;
        assert.ok(i === j ? level < -40 : Math.abs(level + 18) < most, seen);
      }
    });
  }
});

test('a call goes on with another codec after a re-INVITE: heard both ways, one stream, numbers without a gap', async (t) => {
  const mpc = 'wide-change';
  const ws = await stream(t, mpc, 'audio/x-l16;rate=16000');
  const phone = await call(t, { mpc, codec: 'PCMU' });
  ws.speak(FROM_WS[0]);
  for (const codec of ['G722', 'L16', 'opus', 'PCMA'] as const) {
    const last = phone.packets.at(-1);
    await phone.change(codec);
    const voice = phone.speak(FROM_SIP[0]);
    phone.forget();
    await Promise.all([phone.hearFor(500), ws.hearFor(500)]);
    const [byPhone, byWs] = await Promise.all([phone.hearFor(400), ws.hearFor(400)]);
    assert.ok(levelAt(byPhone, phone.sampleRate, FROM_WS[0]) > THERE_DB, `heard as ${codec}`);
    assert.ok(levelAt(byWs, ws.sampleRate, FROM_SIP[0]) > THERE_DB, `said as ${codec}`);
    const { packets } = phone;
    for (const [i, packet] of packets.slice(1).entries())
      assert.equal(packet.sequence, (packets[i]!.sequence + 1) & 0xffff, `${codec}: no gap`);
    if (last) assert.equal(packets[0]!.ssrc, last.ssrc);
    voice.stop();
  }
  // Figures are those of the last whole second.
  await until('the participant shows the last codec', async () => {
    const { body } = await server.api('GET', `/MultiPartyCall/name_${mpc}/Participant/2/`);
    const { quality } = body as { quality: { codec: string; packets_lost: number } };
    assert.equal(quality.packets_lost, 0, 'packets lost');
    return quality.codec === 'PCMA';
  });
});

test('a codec that the setting leaves out is passed over, and alone it is refused', async () => {
  const other = await startServer({ CODECS: 'opus,PCMA' });
  try {
    await assert.rejects(Softphone.call({ sipPort: other.sipPort, mpc: 'few', codec: 'PCMU' }), /488/);
    const phone = await Softphone.call({ sipPort: other.sipPort, mpc: 'few', codec: 'opus' });
    await phone.hearFor(100);
    await phone.hangUp();
  } finally {
    assert.equal(await other.stop(), 0);
  }
});
