import { Store, type StoreDeps, type StoreObserver } from '../../server/store/store.ts';
import { DiskDouble } from './disk-double.ts';
import { HandClock } from './hand-clock.ts';

interface Limits {
  readonly rows: number;
  readonly characters: number;
}

/** A store over a disk in memory that is open already, on a clock that the test moves, with all it tells. */
export function storeOn(disk: DiskDouble, limits?: Limits) {
  const rig = rigOn(disk, limits);
  return { ...rig, store: new Store(rig.deps, disk.disk()) };
}

/** The same, opened as the server opens it. */
export async function storeUnderTest(disk = new DiskDouble(), limits?: Limits) {
  const rig = rigOn(disk, limits);
  return { ...rig, store: await Store.open(rig.deps) };
}

function rigOn(disk: DiskDouble, limits: Limits | undefined) {
  const clock = new HandClock();
  const told: string[] = [];
  const observer: StoreObserver = {
    writeFailed: (detail) => told.push(`write failed: ${detail}`),
    recovered: () => told.push('recovered'),
    readFailed: (detail) => told.push(`read failed: ${detail}`),
    unreadable: (table) => told.push(`unreadable: ${table}`),
    dropped: (rows) => told.push(`dropped: ${rows}`),
    setAside: (folder) => told.push(`set aside: ${folder}`),
  };
  const deps: StoreDeps = {
    openDisk: disk.open,
    place: 'DATA_DIR=./here',
    clock,
    observer,
    ...(limits && { limits }),
  };
  return { deps, disk, clock, told };
}
