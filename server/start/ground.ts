import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { collectDefaultMetrics } from 'prom-client';
import { checkSource, type SourcePolicy, sourcePolicy } from '../../media/clip/index.ts';
import { type Clock, systemClock } from '../../media/index.ts';
import type { UrlVerdict } from '../body-values.ts';
import { Certificate } from '../certificate.ts';
import type { Config } from '../config.ts';
import { type LoadedAccount, loadAccount } from '../credentials.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { type SampleSound, serveSampleSound } from '../sample-sound.ts';
import { openDisk, type Row, Store, type Table } from '../store/index.ts';

/** What every part of the server stands on. */
export interface Ground {
  readonly config: Config;
  readonly log: Logger;
  /** Monotonic: for all that waits or measures. */
  readonly clock: Clock;
  /** Of the calendar: for all that people read. */
  readonly now: () => Date;
  readonly newUuid: () => string;
  readonly account: LoadedAccount;
  /** Where there is TLS. */
  readonly certificate: Certificate | undefined;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly sample: SampleSound;
  /** What may be fetched and called. */
  readonly policy: SourcePolicy;
  readonly urlRules: { readonly checkUrl: (url: string) => UrlVerdict; readonly maxUrlLength: number };
}

/** Reads the account and the certificate, opens the store: what is wrong here stops the start. */
export async function openGround(config: Config, log: Logger): Promise<Ground> {
  const account = loadAccount(config.dataDir, config.account);
  if (account.account.authToken.length < 16) log.warn('AUTH_TOKEN is short enough to be guessed');
  if (config.redisUrl) log.warn('REDIS_URL is set, but this version serves one node: it is not used');

  const now = () => new Date();
  const certificate = config.tls && new Certificate(config.tls, log, now);
  const metrics = new Metrics();
  collectDefaultMetrics({ register: metrics.registry });
  const store = await Store.open({
    openDisk: () => openDisk(join(config.dataDir, 'store'), String(Date.now())),
    place: `DATA_DIR=${config.dataDir}`,
    clock: systemClock,
    observer: metrics.storeObserver(log),
  });
  const sample = await serveSampleSound();
  const policy = sourcePolicy({
    allow: [...config.fetch.allow, ...sample.allow],
    ownPorts: [config.http.port, config.sip.port, ...(config.tls ? [config.tls.sipPort] : [])],
  });
  return {
    config,
    log,
    clock: systemClock,
    now,
    newUuid: randomUUID,
    account,
    certificate,
    metrics,
    store,
    sample,
    policy,
    urlRules: { checkUrl: (url) => checkSource(url, policy), maxUrlLength: config.api.maxUrlLength },
  };
}

/** All rows of a table that is small enough to be held. */
export async function rowsOf<T>(table: Table<T>): Promise<Row<T>[]> {
  const rows: Row<T>[] = [];
  for await (const row of table.iterate()) rows.push(row);
  return rows;
}
