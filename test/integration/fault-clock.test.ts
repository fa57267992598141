import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { ClipServer } from '../support/clip-server.ts';
import { seenPlay } from '../support/plays.ts';
import { requireProgram } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { startServer, until } from '../support/server.ts';
import { SipClient } from '../support/sip-client.ts';
import { CallScript } from '../support/sip-script.ts';
import { Softphone } from '../support/softphone.ts';
import { StallWatch } from '../support/stall-watch.ts';
import { SteppedClock } from '../support/stepped-clock.ts';
import { hzIn } from '../support/tones.ts';

const HOUR_MS = 3_600_000;
const STEPS = 100;
const HZ = 440;
const RATE = 8000;
const PASSWORD = 'correct-horse';
const ANNOUNCEMENT = readFileSync(new URL('../fixtures/audio/announcement.mp3', import.meta.url));

test('a wall clock that jumps by hours moves nothing: sound, plays, callbacks, registrations, keys', async (t) => {
  if (!requireProgram(t, 'cc')) return;
  const clock = new SteppedClock();
  const [source, receiver, stalls] = [await ClipServer.start(), await CallbackReceiver.start(), new StallWatch()];
  const server = await startServer({
    ...clock.env,
    FETCH_ALLOW: `${source.allow},${receiver.allow}`,
    SIP_TRUSTED: '127.0.0.1/32',
    SIP_DIGEST: 'MD5',
  });
  const open: { close(): unknown }[] = [source, receiver];
  t.after(async () => {
    for (const thing of open) await thing.close();
    assert.equal(await server.stop(), 0);
    clock.close();
    stalls.stop();
  });
  const metric = async (line: string): Promise<number> => {
    const found = (await server.metrics()).split('\n').find((text) => text.startsWith(`${line} `));
    return Number(found?.slice(line.length) ?? Number.NaN);
  };
  const shownTime = async (): Promise<number> =>
    new Date((await fetch(`${server.httpUrl}/healthz`)).headers.get('date') ?? '').getTime() - Date.now();

  const ana = await Softphone.call({ sipPort: server.sipPort, mpc: 'clock' });
  const ben = await Softphone.call({ sipPort: server.sipPort, mpc: 'clock' });
  open.push({ close: () => Promise.all([ana.hangUp(), ben.hangUp()]) });
  ana.speak(HZ);
  ben.speak(HZ * 2);
  await until('ben hears ana', async () => hzIn(await ben.hearFor(200), RATE, [HZ]).length === 1);

  const made = await server.api('POST', '/Endpoint/', { username: 'tess', password: PASSWORD, alias: 'tess' });
  const user = (made.body as { username: string }).username;
  const phone = await SipClient.udp(server.sipPort, '127.0.0.1');
  open.push(phone);
  const keyed = { 'Idempotency-Key': 'once' };
  const body = { url: source.file('/a.mp3', ANNOUNCEMENT), callback_url: receiver.url('/plays') };
  const path = '/MultiPartyCall/name_clock/Member/all/Play/';
  const first = await server.api('POST', path, body, keyed);
  assert.equal(first.status, 202, JSON.stringify(first.body));
  const play = { id: (first.body as { api_id: string }).api_id, at: 0, members: [] };
  const register = new CallScript({ uri: 'sip:127.0.0.1', local: phone.local });
  const to = { To: `<sip:${user}@127.0.0.1>`, Contact: `<sip:${user}@${phone.local}>`, Expires: '120' };
  phone.send(register.request('REGISTER', { headers: to }));
  assert.equal((await phone.final()).status, 200);

  const skips = 'partyline_ticks_skipped_total{worker="0"}';
  await until('the mixer has reported', async () => (await metric(skips)) >= 0);
  const [skippedBefore, stalledBefore] = [await metric(skips), stalls.stalledMs];
  ben.forget();
  const random = seededRandom(29);
  for (let i = 0; i < STEPS; i++) {
    clock.stepTo(i % 2 === 0 ? HOUR_MS : -HOUR_MS);
    // At any moment of a tick: a packet may wait in its socket or not.
    await ben.hearFor(10 + random() * 30);
  }
  clock.stepTo(HOUR_MS);
  assert.ok(Math.abs((await shownTime()) - HOUR_MS) < 5000, 'the clock of the server did step');

  const again = await server.api('POST', path, body, keyed);
  assert.deepEqual(again.body, first.body, 'a key is remembered for ten minutes, not until the clock says so');
  await until('the play is over', async () => (await seenPlay(server, 'clock', play)).status === 'completed', 20_000);
  const events = (await receiver.play(play.id)).map(({ fields }) => fields.EventName);
  assert.equal(events.indexOf('PlayFinished'), events.length - 1, 'the end is told once, and last');
  assert.equal(await metric('partyline_sip_contacts'), 1, 'nobody was registered for an hour');

  const packets = ben.packets;
  for (const [i, packet] of packets.entries()) {
    const last = packets[i - 1];
    if (last) assert.equal((packet.sequence - last.sequence) & 0xffff, 1, 'no packet is missing');
  }
  const skipped = (await metric(skips)) - skippedBefore;
  assert.ok(skipped * 20 <= stalls.stalledMs - stalledBefore, `${skipped} ticks skipped`);
  await until('a second of jitter is reported', async () => (await metric('partyline_rtp_jitter_seconds_count')) >= 4);
  const jitter =
    (await metric('partyline_rtp_jitter_seconds_sum')) / (await metric('partyline_rtp_jitter_seconds_count'));
  assert.ok(jitter < 0.2, `a jitter of ${jitter.toFixed(3)} s`);
  assert.equal(await metric('partyline_rtp_silent_legs'), 0);
  assert.deepEqual(hzIn(await ben.hearFor(400), RATE, [HZ]), [HZ], 'ben hears ana as before');
});
