import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { EngineSnapshot, HistogramSnapshot, WorkerSnapshot } from '../../../../media/index.ts';
import { Metrics } from '../../../../server/metrics/metrics.ts';
import { METRICS } from '../../../../server/metrics/table.ts';
import type { RecordingRow } from '../../../../server/recordings/index.ts';
import { tableRows } from '../../../support/markdown.ts';

const EMPTY: HistogramSnapshot = { bounds: [0.001, 0.02], counts: [0, 0, 0], sum: 0 };

function worker(index: number, changes: Partial<WorkerSnapshot> = {}): WorkerSnapshot {
  return {
    worker: index,
    ticks: 0,
    ticksSkipped: 0,
    lateness: EMPTY,
    duration: EMPTY,
    conferences: 0,
    legs: 0,
    rtpIn: 0,
    rtpOut: 0,
    rtpLost: 0,
    rtpReordered: 0,
    rtpResyncs: 0,
    rtpRecovered: 0,
    digitsDropped: 0,
    rtpRebinds: 0,
    framesConcealed: 0,
    stretches: 0,
    quality: { jitter: EMPTY, roundTrip: EMPTY, playoutDelay: EMPTY, mos: EMPTY },
    rtpDiscarded: {},
    ...changes,
  };
}

function watched(snapshot: Partial<EngineSnapshot> = {}): Metrics {
  const metrics = new Metrics();
  metrics.watch({
    engine: () => ({
      workers: [],
      playsActive: 0,
      playQueueDepth: 0,
      loads: [0.5],
      rtpPortsFree: 9,
      legsRefused: { load: 0, ports: 0 },
      legsSilent: 3,
      ...snapshot,
    }),
    conferences: () => 2,
    members: () => ({ sip: 3, ws: 4, webrtc: 0 }),
    draining: () => true,
    callStreams: () => ({ open: 2, ended: { stopped: 3, failed: 1 }, dropped: { slow_reader: 4, playback_full: 0 } }),
    streams: () => ({
      open: 4,
      accepted: 9,
      refused: { 401: 2 },
      closed: { 1000: 5 },
      dropped: { slow_reader: 1, playback_full: 0 },
      wrongMessages: 7,
    }),
    callbackQueueDepth: () => 8,
    storePending: () => 9,
    sipUsers: () => 2,
    sipContacts: () => 1,
    recordings: () => ({ active: 2, archive: { bytes: 4096, count: 7 } }),
    hasDecoder: () => true,
    certificateExpiry: () => 1_800_000_000_000,
  });
  return metrics;
}

/** The value of one line of Prometheus' text. */
async function value(metrics: Metrics, line: string): Promise<number | undefined> {
  const found = (await metrics.render()).split('\n').find((text) => text.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
}

test('docs/metrics.md and the metrics agree, row by row', () => {
  const rows = tableRows(readFileSync('docs/metrics.md', 'utf8'), ['name', 'kind', 'labels', 'meaning']);
  assert.deepEqual(
    rows,
    Object.entries(METRICS).map(([name, { kind, labels, help }]) => [
      `\`${name}\``,
      kind,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  );
});

test('every metric of the table is exposed with its kind and help, and none besides', async () => {
  const text = await watched({ workers: [worker(0)] }).render();
  const exposed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name, kind]);
  assert.deepEqual(
    exposed.sort(),
    Object.entries(METRICS)
      .map(([name, { kind }]) => [name, kind])
      .sort(),
  );
  for (const [name, { help }] of Object.entries(METRICS)) assert.ok(text.includes(`# HELP ${name} ${help}\n`), name);
});

test('no metric has a label that its table does not have', async () => {
  const metrics = watched({ workers: [worker(0, { rtpDiscarded: { late: 1 } })] });
  metrics.httpRequest('/healthz', 200, 0.001);
  metrics.sipObserver().request('INVITE');
  for (const line of (await metrics.render()).split('\n')) {
    const [, full, inside] = /^(partyline_\w+)\{(.*)\} /.exec(line) ?? [];
    if (full === undefined || inside === undefined) continue;
    const name = full in METRICS ? full : full.replace(/_(bucket|sum|count)$/, '');
    const allowed: readonly string[] = METRICS[name as keyof typeof METRICS].labels;
    for (const [, label = ''] of inside.matchAll(/(\w+)="/g))
      assert.ok(allowed.includes(label) || (label === 'le' && full.endsWith('_bucket')), line);
  }
});

test('a counter is there before its first step, unless it counts by code or by worker', async () => {
  const lines = (await new Metrics().render()).split('\n');
  for (const [name, { kind, labels }] of Object.entries(METRICS)) {
    const isPulled = /^partyline_(ws|call_streams)_/.test(name) || /_(ticks|rtp|frames|legs)_/.test(name);
    if (kind === 'counter' && labels.length > 0 && !isPulled)
      assert.ok(
        lines.some((line) => line.startsWith(`${name}{`) && line.endsWith(' 0')),
        name,
      );
  }
});

test('the histograms of the workers are passed through as cumulative buckets', async () => {
  const lateness = { bounds: [0.001, 0.02], counts: [5, 3, 2], sum: 0.5 };
  const metrics = watched({ workers: [worker(0, { lateness }), worker(1)] });
  const name = 'partyline_tick_lateness_seconds';
  assert.equal(await value(metrics, `${name}_bucket{worker="0",le="0.001"}`), 5);
  assert.equal(await value(metrics, `${name}_bucket{worker="0",le="0.02"}`), 8);
  assert.equal(await value(metrics, `${name}_bucket{worker="0",le="+Inf"}`), 10);
  assert.equal(await value(metrics, `${name}_sum{worker="0"}`), 0.5);
  assert.equal(await value(metrics, `${name}_count{worker="0"}`), 10);
  assert.equal(await value(metrics, `${name}_count{worker="1"}`), 0);
});

test('counts of the workers are kept apart or summed, as the contract has it', async () => {
  const metrics = watched({
    workers: [
      worker(0, {
        ticks: 100,
        ticksSkipped: 1,
        rtpIn: 10,
        rtpOut: 20,
        rtpLost: 1,
        rtpDiscarded: { late: 1, foreign: 2 },
      }),
      worker(1, { ticks: 99, rtpIn: 1, rtpOut: 2, rtpLost: 3, framesConcealed: 4, rtpDiscarded: { late: 5 } }),
    ],
    playsActive: 6,
    playQueueDepth: 7,
  });
  for (const [line, expected] of [
    ['partyline_ticks_total{worker="0"}', 100],
    ['partyline_ticks_total{worker="1"}', 99],
    ['partyline_ticks_skipped_total{worker="0"}', 1],
    ['partyline_rtp_packets_total{direction="in"}', 11],
    ['partyline_rtp_packets_total{direction="out"}', 22],
    ['partyline_rtp_lost_total', 4],
    ['partyline_frames_concealed_total', 4],
    ['partyline_rtp_discarded_total{reason="late"}', 6],
    ['partyline_rtp_discarded_total{reason="foreign"}', 2],
    ['partyline_plays_active', 6],
    ['partyline_play_queue_depth', 7],
    ['partyline_conferences', 2],
    ['partyline_members{leg="sip"}', 3],
    ['partyline_members{leg="ws"}', 4],
    ['partyline_members{leg="webrtc"}', 0],
    ['partyline_draining', 1],
    ['partyline_rtp_silent_legs', 3],
    ['partyline_decoder_up', 1],
    ['partyline_certificate_expiry_seconds', 1_800_000_000],
    ['partyline_ws_open', 4],
    ['partyline_ws_refused_total{code="401"}', 2],
    ['partyline_ws_closed_total{code="1000"}', 5],
    ['partyline_ws_dropped_total{reason="slow_reader"}', 1],
  ] as const)
    assert.equal(await value(metrics, line), expected, line);
});

test('what calls sound like is added up over the workers', async () => {
  const mos = { bounds: [3, 4], counts: [1, 2, 3], sum: 22 };
  const quality = { jitter: EMPTY, roundTrip: EMPTY, playoutDelay: EMPTY, mos };
  const metrics = watched({
    workers: [
      worker(0, {
        quality,
        rtpReordered: 1,
        rtpResyncs: 2,
        rtpRecovered: 3,
        rtpRebinds: 5,
        digitsDropped: 5,
        stretches: 4,
      }),
      worker(1, {
        quality,
        rtpReordered: 10,
        rtpResyncs: 20,
        rtpRecovered: 30,
        rtpRebinds: 50,
        digitsDropped: 50,
        stretches: 40,
      }),
    ],
  });
  for (const [line, expected] of [
    ['partyline_rtp_mos_bucket{le="3"}', 2],
    ['partyline_rtp_mos_bucket{le="4"}', 6],
    ['partyline_rtp_mos_bucket{le="+Inf"}', 12],
    ['partyline_rtp_mos_sum', 44],
    ['partyline_rtp_mos_count', 12],
    ['partyline_rtp_jitter_seconds_count', 0],
    ['partyline_rtp_reordered_total', 11],
    ['partyline_rtp_resyncs_total', 22],
    ['partyline_rtp_recovered_total', 33],
    ['partyline_digits_dropped_total', 55],
    ['partyline_rtp_rebinds_total', 55],
    ['partyline_playout_stretches_total', 44],
  ] as const)
    assert.equal(await value(metrics, line), expected, line);
});

test('plays are counted by result, failures by reason, starts by cache', async () => {
  const metrics = watched();
  assert.equal(await value(metrics, 'partyline_plays_total{result="failed"}'), 0, 'there from the start');
  metrics.playStarted('hit', 0.03);
  metrics.playEnded('completed', 'completed');
  metrics.playEnded('stopped', 'member_left');
  metrics.playEnded('failed', 'http_status');
  for (const result of ['completed', 'stopped', 'failed'])
    assert.equal(await value(metrics, `partyline_plays_total{result="${result}"}`), 1);
  assert.equal(await value(metrics, 'partyline_play_failures_total{reason="http_status"}'), 1);
  assert.equal(await value(metrics, 'partyline_play_failures_total{reason="timeout"}'), 0);
  assert.equal(await value(metrics, 'partyline_play_failures_total{reason="member_left"}'), undefined);
  assert.equal(await value(metrics, 'partyline_play_start_seconds_bucket{le="0.03",cache="hit"}'), 1);
  assert.equal(await value(metrics, 'partyline_play_start_seconds_count{cache="miss"}'), 0);
});

test('the clip pipeline and SIP report through their observers', async () => {
  const metrics = watched();
  const logged: unknown[] = [];
  const clips = metrics.clipObserver({ info: (fields: unknown) => logged.push(fields) });
  clips.opened('coalesced');
  clips.fetched(0.2, 1000);
  clips.decoded(0.1);
  clips.decoderExited(0, null);
  clips.decoderExited(null, 'SIGKILL');
  clips.failed('timeout', 'no byte for 5 s', 'https://a.example/x.mp3');
  clips.truncated();
  clips.cacheBytes(4096);
  const sip = metrics.sipObserver();
  sip.request('INVITE');
  sip.response('2xx');
  sip.dropped('garbage');
  sip.dialogs(3);
  for (const [line, expected] of [
    ['partyline_clip_opens_total{found="coalesced"}', 1],
    ['partyline_clip_fetch_seconds_count', 1],
    ['partyline_clip_fetch_bytes_total', 1000],
    ['partyline_clip_decode_seconds_sum', 0.1],
    ['partyline_decoder_exits_total{result="ok"}', 1],
    ['partyline_decoder_exits_total{result="killed"}', 1],
    ['partyline_clip_failures_total{reason="timeout"}', 1],
    ['partyline_clip_truncated_total', 1],
    ['partyline_clip_cache_bytes', 4096],
    ['partyline_sip_requests_total{method="INVITE"}', 1],
    ['partyline_sip_responses_total{class="2xx"}', 1],
    ['partyline_sip_dropped_total{reason="garbage"}', 1],
    ['partyline_sip_dialogs', 3],
  ] as const)
    assert.equal(await value(metrics, line), expected, line);
  assert.deepEqual(logged, [{ reason: 'timeout', detail: 'no byte for 5 s', url: 'https://a.example/x.mp3' }]);
});

test('recordings that fail, expire or were left behind are counted and logged', async () => {
  const logged: string[] = [];
  const metrics = new Metrics();
  const log = {
    info: (_: unknown, text: string) => logged.push(text),
    warn: (_: unknown, text: string) => logged.push(text),
  };
  const observer = metrics.recordingObserver(log as unknown as Parameters<Metrics['recordingObserver']>[0]);
  const recording = { id: 'r', mpcUuid: null, reason: 'disk_full', missingMs: 2000 } as RecordingRow;
  observer.ended('failed', recording);
  observer.expired(recording);
  observer.leftover('adopted', 'a');
  observer.leftover('removed', 'b');
  const text = await metrics.registry.metrics();
  for (const line of [
    'partyline_recordings_total{result="failed"} 1',
    'partyline_recording_failures_total{reason="disk_full"} 1',
    'partyline_recordings_expired_total 1',
    'partyline_recording_leftovers_total{result="adopted"} 1',
    'partyline_recording_leftovers_total{result="removed"} 1',
  ])
    assert.ok(text.split('\n').includes(line), line);
  assert.equal(logged.length, 4);
});
