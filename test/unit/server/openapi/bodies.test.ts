import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Method } from '../../../../server/api/resource.ts';
import { openApiDocument } from '../../../../server/openapi/index.ts';
import { AppUnderTest } from '../../../support/app.ts';
import { DocumentedWorld } from '../../../support/documented-world.ts';

/*
 * The document is made of the schemas that read bodies,
 * so what it says of a field is what happens: what it rules out is refused by name, and what it allows is taken.
 */

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface DocumentedBody {
  readonly method: Method;
  readonly path: string;
  readonly name: string;
  readonly example: Readonly<Record<string, unknown>>;
}

// biome-ignore lint/suspicious/noExplicitAny: the document is read as any client reads it.
const document: any = openApiDocument(new AppUnderTest().resources);
const BODIES: readonly DocumentedBody[] = documentedBodies();
/** What has to be with a field for it to be read. */
const WITH: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  Transfer: { legs: 'both', bleg_url: 'https://app.example.com/others' },
};
/** Read as whatever they are. */
const ANYTHING = ['type'];
/** What strangers and slips send. */
const STRANGE: readonly unknown[] = [
  ...[{}, { a: { b: [1] } }, { toString: 1, valueOf: null }, [], [[]], [{}], [null], [1, 'two', true]],
  ...[0, -0, -1, 0.1, 1e15, 1e308, -1e308, true, false, null],
  ...[
    '',
    ' ',
    ',',
    '<',
    '\u0000',
    '\ud800',
    'NaN',
    '1e5',
    '0x10',
    '-',
    'true,false',
    'x'.repeat(10_000),
    '<'.repeat(10_000),
  ],
];
/** Right only with something else. */
const DEPENDS = [
  'ramp_ms',
  'mode',
  'later_joiners',
  'audio_track',
  'coach_mode',
  'legs',
  'leg',
  'role',
  'content_type',
];

let world: DocumentedWorld;
before(async () => {
  world = await DocumentedWorld.open();
});
after(() => world.close());

function documentedBodies(): DocumentedBody[] {
  return Object.entries(document.paths as object).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) => {
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      const { requestBody } = operation as any;
      if (!requestBody) return [];
      const { schema, example } = requestBody.content['application/json'];
      return {
        method: method.toUpperCase() as Method,
        path,
        name: schema.$ref.split('/').at(-1),
        example,
      };
    }),
  );
}

/** Values that a schema rules out. */
function wrongFor(schema: Schema): readonly unknown[] {
  if (schema.anyOf) {
    const edges = schema.anyOf.flatMap((each) => (each.minimum === undefined ? [] : [each.minimum - 1]));
    return [[{}], ...(takes(schema, 'string') ? [] : ['a lot']), ...(takes(schema, 'object') ? [] : [{}]), ...edges];
  }
  const { type, minimum, maximum, maxLength, pattern, format } = schema;
  if (type === 'boolean') return ['maybe', 7, {}];
  if (schema.enum || schema.const !== undefined) return ['another-word', 7, []];
  if (type === 'number' || type === 'integer')
    return [
      'many',
      {},
      ...(minimum === undefined ? [] : [minimum - 1]),
      ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? [] : [maximum + 1]),
      ...(type === 'integer' ? [(minimum ?? 0) + 0.5] : []),
    ];
  return [
    { nonsense: 1 },
    true,
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)]),
    ...(pattern === undefined ? [] : ['\u0001']),
    ...(format === 'uri' ? ['nowhere', 'http://169.254.169.254/'] : []),
  ];
}

/** Values at the edges of what a schema takes. */
function rightFor(schema: Schema): readonly unknown[] {
  if (schema.anyOf) return schema.anyOf.flatMap(rightFor);
  if (schema.type === 'boolean') return [true, false, 'TRUE', 'false'];
  if (schema.enum) return [...schema.enum, ...schema.enum.map((word) => word.toUpperCase())];
  const edges = [schema.minimum, schema.maximum].filter((edge) => edge !== undefined);
  return [...edges, ...edges.map(String)];
}

function takes({ anyOf = [] }: Schema, type: string): boolean {
  return anyOf.some((each) => [each.type].flat().includes(type));
}

for (const { method, path, name, example } of BODIES)
  test(`what the document rules out of the body of ${method} ${path} is 400 and named`, async () => {
    const { properties, anyOf, required } = document.components.schemas[name];
    const base = { ...example, ...WITH[name] };
    const ask = (body: object) => world.ask(method, path, body);
    for (const [field, schema] of Object.entries(properties as Record<string, Schema>)) {
      if (ANYTHING.includes(field)) continue;
      const wrong = wrongFor(schema);
      assert.ok(wrong.length > 1, `${field} rules something out`);
      for (const value of wrong) {
        const { status, body } = await ask({ ...base, [field]: value });
        const isNamed = String(body.error).includes(field);
        assert.deepEqual([status, isNamed], [400, true], `${field}: ${JSON.stringify(value)} answers ${body.error}`);
      }
    }
    for (const field of (required ?? []) as string[]) {
      const { status, body } = await ask({ ...base, [field]: undefined });
      assert.deepEqual([status, String(body.error).includes(field)], [400, true], `${field} is needed: ${body.error}`);
    }
    if (!anyOf) return;
    const sets = (anyOf as { required: string[] }[]).map((each) => each.required);
    const none = Object.fromEntries(sets.flat().map((field) => [field, undefined]));
    const { status, body } = await ask({ ...base, ...none });
    assert.equal(status, 400, 'one of them is needed');
    assert.ok(
      sets.flat().some((field) => String(body.error).includes(field)),
      String(body.error),
    );
  });

for (const { method, path, name, example } of BODIES.filter((each) => each.method === 'POST'))
  test(`what the document allows in the body of ${method} ${path} is taken`, async (t) => {
    const { properties } = document.components.schemas[name];
    const fresh = await DocumentedWorld.open();
    t.after(() => fresh.close());
    for (const [field, schema] of Object.entries(properties as Record<string, Schema>)) {
      if (DEPENDS.includes(field)) continue;
      for (const value of rightFor(schema)) {
        const { status, body } = await fresh.ask(method, path, { ...example, [field]: value });
        assert.notEqual(status, 400, `${field}: ${JSON.stringify(value)} answers ${body.error}`);
      }
    }
  });

for (const { method, path, name, example } of BODIES)
  test(`nothing in a field of the body of ${method} ${path} is more than it can take`, async (t) => {
    const fresh = await DocumentedWorld.open();
    t.after(() => fresh.close());
    for (const [field, schema] of Object.entries(
      document.components.schemas[name].properties as Record<string, Schema>,
    )) {
      const ask = (value: unknown) => fresh.ask(method, path, { ...example, ...WITH[name], [field]: value });
      for (const value of STRANGE) {
        // What is no refusal of ours is thrown here, and would be a 500.
        const { status, body } = await ask(value);
        assert.ok(status !== 400 || String(body.error).length < 300, `${field}: ${body.error}`);
        assert.doesNotMatch(
          String(body.error),
          /Invalid|expected|Unrecognized/,
          `${field} is refused in our own words`,
        );
      }
      if (ANYTHING.includes(field)) continue;
      const [empty, none] = [await ask(''), await ask(null)];
      assert.equal(empty.status === 400, none.status === 400, `${field}: empty text is as null`);
      if (takes(schema, 'object')) continue;
      const { status, body } = await ask({ [field]: { [field]: 1 } });
      assert.deepEqual(
        [status, String(body.error).includes(field)],
        [400, true],
        `${field} as an object: ${body.error}`,
      );
    }
  });

test('parameters that a query rules out are 400 and named, and empty ones are absent', async () => {
  let tried = 0;
  for (const [path, item] of Object.entries(document.paths as Record<string, { get?: { parameters?: unknown } }>))
    for (const { name, schema } of (item.get?.parameters ?? []) as { name: string; schema: Schema }[]) {
      assert.notEqual((await world.ask('GET', path, {}, `${name}=`)).status, 400, `${path} takes an empty ${name}`);
      const time = name.includes('_time') ? ['yesterday', '2026-02-30 10:00'] : [];
      const wrong = [...wrongFor(schema).filter((value) => typeof value !== 'object' && value !== true), ...time];
      for (const value of wrong) {
        const query = new URLSearchParams({ [name]: String(value) });
        const { status, body } = await world.ask('GET', path, {}, String(query));
        const isNamed = String(body.error).includes(name);
        assert.deepEqual([status, isNamed], [400, true], `${path}?${query} answers ${body.error}`);
        tried += 1;
      }
    }
  assert.ok(tried > 30, `${tried} were tried`);
});
