import { Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client';
import { CLIP_FAILURES, type ClipObserver } from '../../media/clip/index.ts';
import type {
  EngineObserver,
  EngineSnapshot,
  HistogramSnapshot,
  PlayEndReason,
  WorkerSnapshot,
} from '../../media/index.ts';
import type { CallStreamStats } from '../call-streams/index.ts';
import { CALLBACK_FAILURES, type CallbackObserver } from '../callbacks/index.ts';
import { DIAL_REFUSALS, DIAL_RESULTS, type DialObserver, type DialRefusal, type DialResult } from '../dial/index.ts';
import { API_ERRORS, type ApiErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import { RECORDING_FAILURES, type RecordingObserver } from '../recordings/index.ts';
import {
  AUTH_RESULTS,
  COUNTED_METHODS,
  DROP_REASONS,
  REGISTER_RESULTS,
  type SipObserver,
  STATUS_CLASSES,
} from '../sip/index.ts';
import type { StoreObserver } from '../store/index.ts';
import type { StreamStats } from '../ws/index.ts';
import { histogramSamples, PulledMetric, type Sample } from './pulled.ts';
import { METRICS, type MetricName } from './table.ts';

/** Where the numbers are that nobody reports: they are asked for at each scrape. */
export interface MetricSources {
  readonly engine: () => EngineSnapshot;
  readonly conferences: () => number;
  readonly members: () => Readonly<Record<'sip' | 'ws' | 'webrtc', number>>;
  readonly draining: () => boolean;
  readonly streams: () => StreamStats;
  readonly callStreams: () => CallStreamStats;
  readonly callbackQueueDepth: () => number;
  readonly storePending: () => number;
  readonly sipUsers: () => number;
  readonly sipContacts: () => number;
  readonly recordings: () => {
    readonly active: number;
    readonly archive: { readonly bytes: number; readonly count: number };
  };
  readonly hasDecoder: () => boolean;
  /** In ms of Unix time; undefined where there is no certificate. */
  readonly certificateExpiry: () => number | undefined;
}

const PLAY_START_BUCKETS = [0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 0.75, 1, 2, 5, 10, 20];
const WORK_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20];
const HTTP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** All metrics of one server. Takes what happens, pulls what can be asked for, prints Prometheus' text. */
export class Metrics implements EngineObserver, DialObserver {
  readonly registry = new Registry();
  readonly #playsEnded = this.#counter('partyline_plays_total');
  readonly #playFailures = this.#counter('partyline_play_failures_total');
  readonly #playStart = this.#histogram('partyline_play_start_seconds', PLAY_START_BUCKETS);
  readonly #fetch = this.#histogram('partyline_clip_fetch_seconds', WORK_BUCKETS);
  readonly #decode = this.#histogram('partyline_clip_decode_seconds', WORK_BUCKETS);
  readonly #speech = this.#histogram('partyline_speech_seconds', WORK_BUCKETS);
  readonly #clipOpens = this.#counter('partyline_clip_opens_total');
  readonly #clipFailures = this.#counter('partyline_clip_failures_total');
  readonly #clipsTruncated = this.#counter('partyline_clip_truncated_total');
  readonly #fetchBytes = this.#counter('partyline_clip_fetch_bytes_total');
  readonly #decoderExits = this.#counter('partyline_decoder_exits_total');
  readonly #cacheBytes = this.#gauge('partyline_clip_cache_bytes');
  readonly #callbacksDelivered = this.#counter('partyline_callback_delivered_total');
  readonly #callbackRetries = this.#counter('partyline_callback_retries_total');
  readonly #callbacksRestored = this.#counter('partyline_callback_restored_total');
  readonly #callbacksFailed = this.#counter('partyline_callback_failed_total');
  readonly #recordingsEnded = this.#counter('partyline_recordings_total');
  readonly #recordingFailures = this.#counter('partyline_recording_failures_total');
  readonly #recordingMissing = this.#counter('partyline_recording_missing_seconds_total');
  readonly #recordingFallbacks = this.#counter('partyline_recording_fallbacks_total');
  readonly #recordingsExpired = this.#counter('partyline_recordings_expired_total');
  readonly #recordingLeftovers = this.#counter('partyline_recording_leftovers_total');
  readonly #storeWriteErrors = this.#counter('partyline_store_write_errors_total');
  readonly #storeReadErrors = this.#counter('partyline_store_read_errors_total');
  readonly #storeUnreadable = this.#counter('partyline_store_unreadable_rows_total');
  readonly #storeDropped = this.#counter('partyline_store_dropped_rows_total');
  readonly #sipRequests = this.#counter('partyline_sip_requests_total');
  readonly #sipResponses = this.#counter('partyline_sip_responses_total');
  readonly #sipDropped = this.#counter('partyline_sip_dropped_total');
  readonly #sipAuth = this.#counter('partyline_sip_authentications_total');
  readonly #sipRegistrations = this.#counter('partyline_sip_registrations_total');
  readonly #contactsDisplaced = this.#counter('partyline_sip_contacts_displaced_total');
  readonly #sipDialogs = this.#gauge('partyline_sip_dialogs');
  readonly #workerRestarts = this.#counter('partyline_worker_restarts_total');
  readonly #dials = this.#counter('partyline_dials_total');
  readonly #dialsRefused = this.#counter('partyline_dials_refused_total');
  readonly #http = this.#histogram('partyline_http_request_seconds', HTTP_BUCKETS);
  readonly #refusals = this.#counter('partyline_http_refusals_total');
  readonly #connectionsDropped = this.#counter('partyline_http_connections_dropped_total');
  readonly #idempotentHits = this.#counter('partyline_idempotent_hits_total');

  constructor() {
    // A counter that is there from the start shows its first step; one that appears with it does not.
    for (const result of ['completed', 'stopped', 'failed']) this.#playsEnded.inc({ result }, 0);
    for (const reason of [...CLIP_FAILURES, 'engine_lost']) this.#playFailures.inc({ reason }, 0);
    for (const cache of ['hit', 'miss']) this.#playStart.zero({ cache });
    for (const reason of CLIP_FAILURES) this.#clipFailures.inc({ reason }, 0);
    for (const found of ['hit', 'coalesced', 'miss']) this.#clipOpens.inc({ found }, 0);
    for (const reason of CALLBACK_FAILURES) this.#callbacksFailed.inc({ reason }, 0);
    for (const result of ['completed', 'failed']) this.#recordingsEnded.inc({ result }, 0);
    for (const reason of RECORDING_FAILURES) this.#recordingFailures.inc({ reason }, 0);
    for (const result of ['adopted', 'removed']) this.#recordingLeftovers.inc({ result }, 0);
    for (const error of Object.keys(API_ERRORS)) this.#refusals.inc({ error }, 0);
    for (const result of ['ok', 'error', 'killed']) this.#decoderExits.inc({ result }, 0);
    for (const method of [...COUNTED_METHODS, 'other']) this.#sipRequests.inc({ method }, 0);
    for (const statusClass of STATUS_CLASSES) this.#sipResponses.inc({ class: statusClass }, 0);
    for (const result of AUTH_RESULTS) this.#sipAuth.inc({ result }, 0);
    for (const result of REGISTER_RESULTS) this.#sipRegistrations.inc({ result }, 0);
    for (const result of DIAL_RESULTS) this.#dials.inc({ result }, 0);
    for (const reason of DIAL_REFUSALS) this.#dialsRefused.inc({ reason }, 0);
    for (const reason of DROP_REASONS) this.#sipDropped.inc({ reason }, 0);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** Attaches what is asked at each scrape: most of it is made with this object already in hand. */
  watch(sources: MetricSources): void {
    this.#pull('partyline_conferences', () => single(sources.conferences()));
    this.#pull('partyline_members', () => byLabel('leg', sources.members()));
    this.#pull('partyline_draining', () => single(sources.draining() ? 1 : 0));
    this.#pull('partyline_plays_active', () => single(sources.engine().playsActive));
    this.#pull('partyline_play_queue_depth', () => single(sources.engine().playQueueDepth));
    this.#pull('partyline_callback_queue_depth', () => single(sources.callbackQueueDepth()));
    this.#pull('partyline_store_pending_rows', () => single(sources.storePending()));
    this.#pull('partyline_sip_users', () => single(sources.sipUsers()));
    this.#pull('partyline_sip_contacts', () => single(sources.sipContacts()));
    this.#pull('partyline_recordings_active', () => single(sources.recordings().active));
    this.#pull('partyline_recording_bytes', () => single(sources.recordings().archive.bytes));
    this.#pull('partyline_recordings_kept', () => single(sources.recordings().archive.count));
    this.#pull('partyline_decoder_up', () => single(sources.hasDecoder() ? 1 : 0));
    this.#pull('partyline_certificate_expiry_seconds', () => {
      const expiry = sources.certificateExpiry();
      return expiry === undefined ? [] : single(expiry / 1000);
    });

    const { engine } = sources;
    this.#pull('partyline_mixer_load', () => engine().loads.map((value, worker) => ({ labels: { worker }, value })));
    this.#pull('partyline_legs_refused_total', () => byLabel('reason', engine().legsRefused));
    this.#pull('partyline_rtp_ports_free', () => single(engine().rtpPortsFree));
    this.#pull('partyline_rtp_silent_legs', () => single(engine().legsSilent));

    const { streams } = sources;
    this.#pull('partyline_ws_open', () => single(streams().open));
    this.#pull('partyline_ws_accepted_total', () => single(streams().accepted));
    this.#pull('partyline_ws_refused_total', () => byLabel('code', streams().refused));
    this.#pull('partyline_ws_closed_total', () => byLabel('code', streams().closed));
    this.#pull('partyline_ws_dropped_total', () => byLabel('reason', streams().dropped));
    this.#pull('partyline_ws_wrong_messages_total', () => single(streams().wrongMessages));
    const { callStreams } = sources;
    this.#pull('partyline_call_streams', () => single(callStreams().open));
    this.#pull('partyline_call_streams_ended_total', () => byLabel('result', callStreams().ended));
    this.#pull('partyline_call_streams_dropped_total', () => byLabel('reason', callStreams().dropped));
    this.#watchWorkers(() => sources.engine().workers);
  }

  #watchWorkers(workers: () => readonly WorkerSnapshot[]): void {
    const perWorker = (name: MetricName, value: (worker: WorkerSnapshot) => number): void =>
      this.#pull(name, () => workers().map((worker) => ({ labels: { worker: worker.worker }, value: value(worker) })));
    perWorker('partyline_ticks_total', (worker) => worker.ticks);
    perWorker('partyline_ticks_skipped_total', (worker) => worker.ticksSkipped);
    for (const [name, part] of [
      ['partyline_tick_lateness_seconds', 'lateness'],
      ['partyline_tick_duration_seconds', 'duration'],
    ] as const)
      this.#pull(name, () => workers().flatMap((w) => histogramSamples(name, { worker: w.worker }, w[part])));

    const total = (value: (worker: WorkerSnapshot) => number): number =>
      workers().reduce((sum, worker) => sum + value(worker), 0);
    this.#pull('partyline_rtp_packets_total', () =>
      byLabel('direction', { in: total((worker) => worker.rtpIn), out: total((worker) => worker.rtpOut) }),
    );
    this.#pull('partyline_rtp_lost_total', () => single(total((worker) => worker.rtpLost)));
    this.#pull('partyline_frames_concealed_total', () => single(total((worker) => worker.framesConcealed)));
    this.#pull('partyline_rtp_reordered_total', () => single(total((worker) => worker.rtpReordered)));
    this.#pull('partyline_rtp_resyncs_total', () => single(total((worker) => worker.rtpResyncs)));
    this.#pull('partyline_rtp_rebinds_total', () => single(total((worker) => worker.rtpRebinds)));
    this.#pull('partyline_rtp_recovered_total', () => single(total((worker) => worker.rtpRecovered)));
    this.#pull('partyline_digits_dropped_total', () => single(total((worker) => worker.digitsDropped)));
    this.#pull('partyline_playout_stretches_total', () => single(total((worker) => worker.stretches)));
    for (const [name, part] of [
      ['partyline_rtp_jitter_seconds', 'jitter'],
      ['partyline_rtp_round_trip_seconds', 'roundTrip'],
      ['partyline_rtp_playout_delay_seconds', 'playoutDelay'],
      ['partyline_rtp_mos', 'mos'],
    ] as const)
      this.#pull(name, () => {
        const sum = addHistograms(workers().map(({ quality }) => quality[part]));
        return sum ? histogramSamples(name, {}, sum) : [];
      });
    this.#pull('partyline_rtp_discarded_total', () => byLabel('reason', sumByReason(workers())));
  }

  playStarted(cache: 'hit' | 'miss', seconds: number): void {
    this.#playStart.observe({ cache }, seconds);
  }

  playEnded(result: 'completed' | 'stopped' | 'failed', reason: PlayEndReason): void {
    this.#playsEnded.inc({ result });
    if (result === 'failed') this.#playFailures.inc({ reason });
  }

  mixerDied(): void {
    this.#workerRestarts.inc();
  }

  /** What the clip pipeline tells; the log hears of failures too. */
  clipObserver(log: Pick<Logger, 'info'>): ClipObserver {
    return {
      opened: (found) => this.#clipOpens.inc({ found }),
      fetched: (seconds, bytes) => {
        this.#fetch.observe(seconds);
        this.#fetchBytes.inc(bytes);
      },
      decoded: (seconds) => this.#decode.observe(seconds),
      decoderExited: (code, signal) =>
        this.#decoderExits.inc({ result: signal !== null ? 'killed' : code === 0 ? 'ok' : 'error' }),
      failed: (reason, detail, url) => {
        this.#clipFailures.inc({ reason });
        log.info({ reason, detail, url }, 'clip failed');
      },
      truncated: () => this.#clipsTruncated.inc(),
      cacheBytes: (bytes) => this.#cacheBytes.set(bytes),
    };
  }

  spoken(seconds: number): void {
    this.#speech.observe(seconds);
  }

  /** What becomes of callbacks; the log hears of those that were given up. */
  callbackObserver(log: Pick<Logger, 'warn' | 'info'>): CallbackObserver {
    return {
      delivered: () => this.#callbacksDelivered.inc(),
      retried: () => this.#callbackRetries.inc(),
      failed: (reason, detail, url) => {
        this.#callbacksFailed.inc({ reason });
        log.warn({ reason, detail, url }, 'callback not delivered');
      },
      restored: (count) => {
        this.#callbacksRestored.inc(count);
        log.info({ count }, 'callbacks of an earlier process are on their way');
      },
      kept: (count) => log.info({ count }, 'callbacks are kept for the next process'),
    };
  }

  /** What becomes of recordings; the log hears of all that are not as they were wanted. */
  recordingObserver(log: Pick<Logger, 'warn' | 'info'>): RecordingObserver {
    return {
      ended: (result, { id, mpcUuid, reason, detail, durationMs, format, missingMs }) => {
        this.#recordingsEnded.inc({ result });
        if (result === 'failed' && reason !== null) this.#recordingFailures.inc({ reason });
        this.#recordingMissing.inc(missingMs / 1000);
        const fields = { recording: id, mpc: mpcUuid, reason, detail, durationMs, format };
        if (result === 'failed') log.warn(fields, 'recording failed');
        else log.info(fields, 'recording completed');
      },
      fellBack: ({ id }, why) => {
        this.#recordingFallbacks.inc();
        log.warn({ recording: id, why }, 'recording is kept as wav instead of mp3');
      },
      expired: ({ id, mpcUuid }) => {
        this.#recordingsExpired.inc();
        log.info({ recording: id, mpc: mpcUuid }, 'recording deleted for its age');
      },
      leftover: (result, id) => {
        this.#recordingLeftovers.inc({ result });
        if (result === 'adopted') log.warn({ recording: id }, 'sound was found of a recording that was forgotten');
        else log.info({ recording: id }, 'file of an interrupted recording removed');
      },
      stuck: (id, detail) => log.warn({ recording: id, detail }, 'file of a recording could not be removed'),
    };
  }

  /** How the store fares; the log hears of all of it. */
  storeObserver(log: Pick<Logger, 'warn' | 'info'>): StoreObserver {
    return {
      writeFailed: (detail) => {
        this.#storeWriteErrors.inc();
        log.warn({ detail }, 'DATA_DIR takes nothing: what is new waits in memory');
      },
      recovered: () => log.info('DATA_DIR takes what is written again'),
      readFailed: (detail) => {
        this.#storeReadErrors.inc();
        log.warn({ detail }, 'DATA_DIR could not be read');
      },
      unreadable: (table) => {
        this.#storeUnreadable.inc();
        log.warn({ table }, 'a row of the store is left out: it cannot be read');
      },
      dropped: (rows) => {
        this.#storeDropped.inc(rows);
        log.warn({ rows }, 'rows of the store are lost');
      },
      setAside: (folder) => log.warn({ folder }, 'the store could not be read: it begins empty, the old one is kept'),
    };
  }

  /** What the SIP side tells. */
  sipObserver(): SipObserver {
    return {
      request: (method) => this.#sipRequests.inc({ method }),
      response: (statusClass) => this.#sipResponses.inc({ class: statusClass }),
      dropped: (reason) => this.#sipDropped.inc({ reason }),
      authenticated: (result) => this.#sipAuth.inc({ result }),
      registration: (result) => this.#sipRegistrations.inc({ result }),
      contactDisplaced: () => this.#contactsDisplaced.inc(),
      dialogs: (count) => this.#sipDialogs.set(count),
    };
  }

  /** `route` is a path pattern, never a path. */
  httpRequest(route: string, code: number, seconds: number): void {
    this.#http.observe({ route, code }, seconds);
  }

  dialled(result: DialResult): void {
    this.#dials.inc({ result });
  }

  dialRefused(reason: DialRefusal): void {
    this.#dialsRefused.inc({ reason });
  }

  httpRefused(error: ApiErrorCode): void {
    this.#refusals.inc({ error });
  }

  /** A connection over the limit was closed unheard. */
  connectionDropped(): void {
    this.#connectionsDropped.inc();
  }

  idempotentHit(): void {
    this.#idempotentHits.inc();
  }

  render(): Promise<string> {
    return this.registry.metrics();
  }

  #counter(name: MetricName): Counter {
    return new Counter({ ...describe(name), registers: [this.registry] });
  }

  #gauge(name: MetricName): Gauge {
    return new Gauge({ ...describe(name), registers: [this.registry] });
  }

  #histogram(name: MetricName, buckets: number[]): Histogram {
    return new Histogram({ ...describe(name), buckets, registers: [this.registry] });
  }

  #pull(name: MetricName, pull: () => readonly Sample[]): void {
    // The registry only asks for a name and `get`; its type knows prom-client's own classes alone.
    this.registry.registerMetric(new PulledMetric(name, pull) as unknown as Metric);
  }
}

function describe(name: MetricName): { name: string; help: string; labelNames: string[] } {
  return { name, help: METRICS[name].help, labelNames: [...METRICS[name].labels] };
}

function single(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}

function byLabel(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

/** Undefined for none: what the buckets are is for those to say who count. */
function addHistograms(all: readonly HistogramSnapshot[]): HistogramSnapshot | undefined {
  const [first] = all;
  return (
    first && {
      bounds: first.bounds,
      counts: first.counts.map((_, bucket) => all.reduce((sum, each) => sum + (each.counts[bucket] ?? 0), 0)),
      sum: all.reduce((sum, each) => sum + each.sum, 0),
    }
  );
}

function sumByReason(workers: readonly WorkerSnapshot[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const worker of workers)
    for (const [reason, count] of Object.entries(worker.rtpDiscarded)) sums[reason] = (sums[reason] ?? 0) + count;
  return sums;
}
