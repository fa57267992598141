import { z } from 'zod';
import { problemOf } from '../body-values.ts';
import { badField } from '../errors.ts';
import type { Body, BodySchema } from './resource.ts';

/** Reads what a schema knows of a body and leaves the rest alone; the first field that is wrong refuses the request. */
export function read<S extends BodySchema>(schema: S, body: Body): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { field, expected } = problemOf(parsed.error);
  throw badField(field, expected);
}

/** The same of a query, whose parameters count once and are absent when they are empty. */
export function readQuery<S extends BodySchema>(schema: S, query: URLSearchParams): z.output<S> {
  const body: Record<string, string> = Object.create(null);
  for (const [name, value] of query) if (value !== '' && !(name in body)) body[name] = value;
  return read(schema, body);
}

/** What the document says of a whole body. */
export interface BodyWords {
  /** Its name among the document's schemas. */
  readonly title: string;
  /** A body that is taken as it stands. */
  readonly example: Readonly<Record<string, unknown>>;
  /** Sets of fields of which one has to be given in full. */
  readonly needsOne?: readonly (readonly string[])[];
}

/** All that a request reads of its body, in one schema for the document. */
export function bodySchema({ title, example, needsOne }: BodyWords, ...parts: readonly BodySchema[]): BodySchema {
  const shape = Object.assign({}, ...parts.map((part) => part.shape));
  const anyOf = needsOne?.map((required) => ({ required: [...required] }));
  return z.object(shape).meta({ title, example, ...(anyOf && { anyOf }) });
}
