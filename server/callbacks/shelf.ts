import { z } from 'zod';
import type { Store } from '../store/index.ts';
import type { CallbackFields } from './signature.ts';
import { rowOfTarget, targetOfRow, targetRow } from './stored-target.ts';
import type { CallbackTarget } from './target.ts';

/** One callback on its way. */
export interface Letter {
  /** Counts all callbacks of this data folder: the order in which they came. */
  readonly serial: number;
  readonly conference: string;
  readonly target: CallbackTarget;
  readonly fields: CallbackFields;
}

/** Where callbacks lie until they are delivered or given up, also when the process ends meanwhile. */
export interface Shelf {
  keep(letter: Letter): void;
  forget(letter: Letter): void;
  /** What an earlier process left, in order. */
  left(): AsyncIterable<Letter>;
}

const letterRow = z.object({
  serial: z.number().int().nonnegative(),
  conference: z.string(),
  target: targetRow,
  fields: z.array(z.tuple([z.string(), z.string()])),
});

type LetterRow = z.output<typeof letterRow>;

/** A shelf in the store: what it has survives every end of the process. */
export function storedShelf(store: Store): Shelf {
  const table = store.table<LetterRow>('callbacks', letterRow);
  return {
    keep: (letter) => void table.put(keyOf(letter), rowOf(letter)),
    forget: (letter) => void table.delete(keyOf(letter)),
    async *left() {
      for await (const { value } of table.iterate()) yield letterOf(value);
    },
  };
}

function keyOf({ serial }: Letter): string {
  return String(serial).padStart(15, '0');
}

function rowOf({ serial, conference, target, fields }: Letter): LetterRow {
  return { serial, conference, target: rowOfTarget(target), fields: [...fields] };
}

function letterOf({ serial, conference, target, fields }: LetterRow): Letter {
  return { serial, conference, target: targetOfRow(target), fields: new Map(fields) };
}
