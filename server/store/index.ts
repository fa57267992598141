/** What the server remembers when it is started again: typed tables of rows, on disk in `DATA_DIR`. */
export { type Disk, type DiskResult, openDisk, type RowWrite } from './disk.ts';
export { Store, type StoreObserver } from './store.ts';
export type { Row, RowRange, Table } from './table.ts';
export { Timeline } from './timeline.ts';
