import { Store, type StoreObserver } from '../../server/store/store.ts';
import { DiskDouble } from './disk-double.ts';
import { HandClock } from './hand-clock.ts';

/** A store over a disk in memory, on a clock that the test moves, with all it tells. */
export async function storeUnderTest(disk = new DiskDouble(), limits?: { rows: number; characters: number }) {
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
  const store = await Store.open({
    openDisk: disk.open,
    place: 'DATA_DIR=./here',
    clock,
    observer,
    ...(limits && { limits }),
  });
  return { store, disk, clock, told };
}
