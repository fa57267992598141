import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { ClipServer } from '../support/clip-server.ts';
import { requireProgram } from '../support/programs.ts';
import { Prometheus } from '../support/prometheus.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const { panels } = JSON.parse(readFileSync('docs/observability/grafana/dashboards/partyline.json', 'utf8')) as {
  panels: readonly Panel[];
};

let server: TestServer;
let clips: ClipServer;

before(async () => {
  clips = await ClipServer.start();
  server = await startServer({ FETCH_ALLOW: clips.allow });
});
after(async () => {
  await clips.close();
  assert.equal(await server.stop(), 0);
});

test('every query of the dashboard has data after a conference with plays', async (t) => {
  if (!requireProgram(t, 'prometheus', 'baresip')) return;
  const prometheus = await Prometheus.start(server.httpUrl);
  t.after(() => prometheus.close());
  await until('the first scrape', async () => (await prometheus.query('up == 1')).length === 1, 10_000);

  const { wsUrl, authId, authToken, sipPort } = server;
  const ana = await Softphone.call({ sipPort, mpc: 'observed' });
  const ben = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_observed' });
  ana.speak(440);
  t.after(() => Promise.all([ana.hangUp(), ben.leave()]));
  // Its RTCP tells the round trip.
  const cleo = await Baresip.start({ name: 'cleo', hz: 700 });
  t.after(() => cleo.stop());
  await cleo.dial(`sip:observed@127.0.0.1:${sipPort}`);
  const play = async (url: string): Promise<void> => {
    const started = await server.api('POST', '/MultiPartyCall/name_observed/Member/all/Play/', { url });
    assert.equal(started.status, 202);
    const location = (started.headers.get('location') ?? '').replace(`/v1/Account/${authId}`, '');
    await until('the play is over', async () => {
      const { body } = await server.api('GET', location);
      return (body as { end_time: string | null }).end_time !== null;
    });
  };
  // At another rate than the conference's, so that it needs the decoder.
  const url = clips.file('/hello.wav', writeWav(tone(16_000, 8000, 1000), 16_000));
  await play(url);
  await play(url);
  await play(clips.url('/missing.wav'));

  let unanswered: string[] = [];
  await until(
    'every query has data',
    async () => {
      unanswered = [];
      for (const { title, targets = [] } of panels)
        for (const { expr } of targets) {
          const series = await prometheus.query(expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '5m'));
          if (!series.some(({ value }) => Number.isFinite(value))) unanswered.push(`${title}: ${expr}`);
        }
      return unanswered.length === 0;
    },
    30_000,
  ).catch(() => assert.fail(`no data for\n${unanswered.join('\n')}`));

  const one = async (expression: string): Promise<number> =>
    (await prometheus.query(expression))[0]?.value ?? Number.NaN;
  assert.equal(await one('partyline_conferences'), 1);
  assert.equal(await one('partyline_members{leg="sip"}'), 2);
  assert.equal(await one('partyline_members{leg="ws"}'), 1);
  assert.equal(await one('partyline_plays_total{result="completed"}'), 2);
  assert.equal(await one('partyline_plays_total{result="failed"}'), 1);
  assert.equal(await one('partyline_play_failures_total{reason="http_status"}'), 1);
  assert.equal(await one('partyline_play_start_seconds_count{cache="hit"}'), 1);
  assert.equal(await one('partyline_play_start_seconds_count{cache="miss"}'), 1);
  for (const direction of ['in', 'out'])
    await until(
      `fifty packets ${direction}`,
      async () => (await one(`partyline_rtp_packets_total{direction="${direction}"}`)) > 50,
      10_000,
    );
  await until('about 50 ticks a second', async () => (await one('sum(rate(partyline_ticks_total[4s]))')) > 45, 10_000);
});

test('the alerts go off when they should, and not on a quiet server', (t) => {
  if (!requireProgram(t, 'promtool')) return;
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'alerts.test.yml'], {
    cwd: 'docs/observability',
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, stdout + stderr);
});
