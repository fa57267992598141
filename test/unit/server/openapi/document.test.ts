import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Method } from '../../../../server/api/resource.ts';
import { OPERATIONS } from '../../../../server/openapi/operations.ts';
import { AppUnderTest } from '../../../support/app.ts';
import { DocumentedWorld } from '../../../support/documented-world.ts';
import { tableRows } from '../../../support/markdown.ts';

const API_PAGE = page('api');
const ROWS = tableRows(API_PAGE, ['method', 'path', 'does', 'success']);
let app: AppUnderTest;
// biome-ignore lint/suspicious/noExplicitAny: the document is read as any client reads it.
let api: any;

before(async () => {
  app = await new AppUnderTest().listen();
  const { status, body } = await app.raw('GET', '/openapi.json');
  assert.equal(status, 200);
  api = body;
});
after(() => app.close());

function page(name: string): string {
  return readFileSync(`docs/${name}.md`, 'utf8');
}

/** Names of fields in the first column of a page's tables; `_method` behind a comma goes with the `_url` before it. */
function fieldsOf(name: string, header: readonly string[], where = (_row: readonly string[]) => true): string[] {
  const rows = tableRows(page(name), header).filter(where);
  assert.ok(rows.length > 0, `docs/${name}.md has a table of ${header}`);
  return rows.flatMap(([cell = '']) => {
    const names = [...cell.matchAll(/`(\w+)`/g)].map(([, field = '']) => field);
    return names.map((field) => (field === '_method' ? names[0]!.replace(/_url$/, '_method') : field));
  });
}

const PLAYS = ['field', 'of', 'values', 'default', 'means'];
const LATER = ['callback_url', 'callback_method'];
const play = (not: string) => fieldsOf('api', PLAYS, ([, of]) => of !== not);
const urls = (field: string) => field !== 'url' && field !== 'urls';
const speech = fieldsOf('speak', ['field', 'of', 'values', 'default']);
const terms = fieldsOf('mpc', ['field', 'of', 'values', 'default', 'just dialled in']);
const recording = fieldsOf('recording', ['field of the start', 'values', 'default', 'means']);
const tracks = ['record_track_type'];
const user = fieldsOf('api', ['field', 'values', 'means']);
const smaller = new Map(
  tableRows(API_PAGE, ['body of', 'takes']).map(([request = '', takes = '']) => [
    request.slice(1, -1),
    [...takes.matchAll(/`(\w+)`/g)].map(([, field = '']) => field),
  ]),
);

/** What the pages say of bodies, by their names in the document. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  MemberPlay: play('Call Play only'),
  CallPlay: play('Member Play only'),
  MemberSpeak: [...speech, ...play('Call Play only').filter(urls)],
  CallSpeak: [...speech, ...play('Member Play only').filter(urls)],
  ChangePlay: fieldsOf('plays', ['field', 'values', 'does']),
  AddParticipant: [...terms, ...fieldsOf('dialling', ['field', '', '']), ...LATER],
  StreamToken: terms,
  StreamCall: fieldsOf('stream', ['field', 'of', 'values', 'default']),
  Record: [...recording.filter((field) => !tracks.includes(field)), ...LATER],
  RecordParticipant: [...recording, ...LATER],
  RecordTrack: [...tracks, ...LATER],
  CreateEndpoint: user,
  ChangeEndpoint: user,
};

test('the document is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(structuredClone(api));
  assert.deepEqual([result.errors ?? [], result.valid], [[], true]);
  const wrong = await new Validator().validate({
    ...structuredClone(api),
    paths: { '/x/': { get: { responses: 1 } } },
  });
  assert.equal(wrong.valid, false, 'the validator can refuse');
});

test('the document, the routes and docs/api.md have the same operations, with the same words', () => {
  const documented = Object.entries(api.paths as Record<string, Record<string, { summary: string; responses: object }>>)
    .flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { summary, responses }]) =>
        method === 'parameters'
          ? []
          : `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')} ${summary} ${Object.keys(responses)}`,
      ),
    )
    .sort();
  const answeredLater = new Set(app.resources.filter((each) => each.answersLater).map(({ path }) => path));
  const told = ROWS.map(([method, cell = '', does = '', success = '']) => {
    const path = cell.slice(1, -1);
    const words = does
      .replace('*Extension.* ', '')
      .replaceAll(/:? ?\[[^\]]*\]\([^)]*\)/g, '')
      .replaceAll('`', '');
    const later = method !== 'GET' && answeredLater.has(path);
    const statuses = new Set([...(success.match(/\d{3}/g) ?? []), ...(later ? ['200'] : [])]);
    return `${method} ${path} ${words.trim()} ${[...[...statuses].sort(), 'default']}`;
  });
  assert.deepEqual(documented, told.sort());
  const routed = app.resources.flatMap(({ path, methods }) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(Object.keys(OPERATIONS).sort(), routed.sort());
});

test('what is an extension in docs/api.md is one in the document', () => {
  for (const [method, path = '', does = ''] of ROWS) {
    const key = `${method} ${path.slice(1, -1)}`;
    assert.equal(OPERATIONS[key]?.extension === true, does.startsWith('*Extension.*'), key);
  }
});

test('every field of a body stands in a table of the pages, and every field of a table in a body', () => {
  let compared = 0;
  const short = new Set<string>();
  for (const { path, bodies = {}, answersLater } of app.resources)
    for (const [method, body] of Object.entries(bodies)) {
      const name = String(body.meta()?.title);
      const request = `${method} ${path}`;
      short.add(request);
      const told = TOLD[name] ?? [...(smaller.get(request) ?? []), ...(answersLater ? LATER : [])];
      const properties = api.components.schemas[name].properties as object;
      assert.deepEqual(Object.keys(properties).sort(), [...new Set(told)].sort(), `${request}: ${name}`);
      compared += 1;
    }
  assert.ok(compared > 20, `${compared} bodies were compared`);
  assert.deepEqual(
    [...smaller.keys()].filter((request) => !short.has(request)),
    [],
    'every row is of a request',
  );
  for (const name of Object.keys(TOLD)) assert.ok(api.components.schemas[name], `${name} is a body`);
});

test('the defaults that docs/api.md tells of plays are those that are filled in', () => {
  const fields = api.components.schemas.MemberPlay.properties as Record<string, { default?: unknown }>;
  let told = 0;
  for (const [cell = '', , , fallback = ''] of tableRows(API_PAGE, PLAYS)) {
    const of = fields[cell.slice(1, -1)];
    const value = /^`?(true|false|-?\d+|[a-z]+)`?$/.exec(fallback)?.[1];
    if (of?.default === undefined || value === undefined) continue;
    assert.equal(String(of.default), value, cell);
    told += 1;
  }
  assert.ok(told > 8, `${told} defaults were compared`);
});

test('every parameter of a query is told of in the pages', () => {
  const pages = `${API_PAGE}${page('recording')}`;
  let checked = 0;
  for (const { path, query } of app.resources)
    for (const name of Object.keys(query?.shape ?? {})) {
      assert.ok(pages.includes(`\`${name.replace(/__\w+$/, '')}\``), `${name} of ${path}`);
      checked += 1;
    }
  assert.ok(checked > 40, `${checked} parameters were looked for`);
});

interface Documented {
  readonly path: string;
  readonly method: Method;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly operation: any;
}

function documentedOperations(): readonly Documented[] {
  return Object.entries(api.paths as object).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => ({ path, method: method.toUpperCase() as Method, operation })),
  );
}

/** What has to have happened before an operation succeeds. */
async function prepare(world: DocumentedWorld, { method, path, operation }: Documented): Promise<void> {
  const { example } = operation.requestBody?.content['application/json'] ?? {};
  if (path.endsWith('/Resume/')) await world.ask('POST', path.replace('Resume', 'Pause'), example);
  if (path.endsWith('/Record/') && method === 'POST')
    await world.ask('DELETE', path, path.includes('{members}') ? { record_track_type: 'both' } : {});
  if (path === '/Recording/{recording}/' && method === 'DELETE') await world.finishRecordings();
  if (path === '/Call/{call}/' && method === 'GET') await world.ask('DELETE', path);
}

/** Where a value is not what a schema of the document says: what is missing, what is extra, what is of another kind. */
function differences(value: unknown, schema: AnswerSchema, at: string): readonly string[] {
  if (schema.$ref !== undefined) return differences(value, api.components.schemas[schema.$ref.split('/').at(-1)!], at);
  const { anyOf, properties, required = [], items, type } = schema;
  if (anyOf) {
    const each = anyOf.map((one) => differences(value, one, at));
    return each.find((found) => found.length === 0) ?? each.at(-1) ?? [];
  }
  if (schema.const !== undefined) return value === schema.const ? [] : [`${at} is ${value}, not ${schema.const}`];
  if (schema.enum) return schema.enum.includes(value) ? [] : [`${at} is ${value}, none of ${schema.enum}`];
  const kind = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  if (![type].flat().includes(kind)) return [`${at} is ${kind}, not ${type}`];
  if (Array.isArray(value)) return value.flatMap((each, index) => differences(each, items ?? {}, `${at}[${index}]`));
  if (kind !== 'object' || !properties) return [];
  const fields = Object.entries(value as object);
  return [
    ...required.filter((name) => !fields.some(([field]) => field === name)).map((name) => `${at}.${name} is missing`),
    ...fields.flatMap(([name, of]) =>
      properties[name] ? differences(of, properties[name], `${at}.${name}`) : [`${at}.${name} is extra`],
    ),
  ];
}

interface AnswerSchema {
  readonly $ref?: string;
  readonly anyOf?: readonly AnswerSchema[];
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, AnswerSchema>>;
  readonly required?: readonly string[];
  readonly items?: AnswerSchema;
}

test('answers hold what the document says, and nothing else', async () => {
  let asked = 0;
  for (const documented of documentedOperations()) {
    const { path, method, operation } = documented;
    const name = `${method} ${path}`;
    const world = await DocumentedWorld.open();
    if (path.startsWith('/Call/') && method === 'GET') {
      const live = await world.ask('GET', path, {}, 'status=live');
      assert.deepEqual(differences(live.body, operation.responses[200].content['application/json'].schema, name), []);
    }
    await prepare(world, documented);
    const { status, body } = await world.ask(method, path, operation.requestBody?.content['application/json'].example);
    assert.ok(status < 300, `the example of ${name} is taken as it stands: ${status} ${body.error}`);
    const told = operation.responses[status];
    assert.ok(told, `${name} may answer ${status}`);
    const { schema } = told.content?.['application/json'] ?? {};
    if (status === 204) assert.deepEqual([schema, Object.keys(body)], [undefined, ['api_id']], `${name} is empty`);
    else assert.deepEqual(differences(body, schema, name), []);
    await world.close();
    asked += 1;
  }
  assert.equal(asked, Object.keys(OPERATIONS).length);
});

test('an answer with too much, too little or something else would be seen', () => {
  const item = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
  const schema = { anyOf: [{ type: ['null', 'number'] }, { type: 'array', items: item }] };
  assert.deepEqual(differences([{ a: 'x' }], schema, 'it'), []);
  assert.deepEqual(differences([{ a: 1 }], schema, 'it'), ['it[0].a is number, not string']);
  assert.deepEqual(differences([{ b: 'x', a: 'x' }], schema, 'it'), ['it[0].b is extra']);
  assert.deepEqual(differences([{}], schema, 'it'), ['it[0].a is missing']);
});
