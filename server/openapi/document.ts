import { z } from 'zod';
import type { BodySchema, Method, Resource } from '../api/resource.ts';
import { API_ERRORS } from '../errors.ts';
import { ANSWERS } from './answers.ts';
import { OPERATIONS, type Operation } from './operations.ts';

type Json = Readonly<Record<string, unknown>>;

const DESCRIPTION = [
  "Plivo's MultiPartyCall API with what partyline adds (x-extension).",
  'Bodies are JSON objects; unknown keys are left alone; booleans and numbers may be written as text; null is as absent.',
].join(' ');
const PARAMETERS: Readonly<Record<string, string>> = {
  mpc: 'name_ and a friendly name, or uuid_ and a UUID',
  members: 'One member id, a comma list of ids, or all',
  call: "The call's UUID",
  play: "The play's id: the api_id of the request that made it",
  recording: 'The id; with .mp3 or .wav behind it, the file',
};
const LATER = {
  description: 'With callback_url: acknowledged, and answered there',
  content: {
    'application/json': { schema: objectWith({ api_id: { type: 'string' }, message: { type: 'string' } }) },
  },
};
const ERROR = { $ref: '#/components/responses/Error' };

/** The OpenAPI 3.1 document of what is routed. */
export function openApiDocument(resources: readonly Resource[]): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'partyline', version: '1', description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/v1/Account/{auth_id}', variables: { auth_id: { default: 'AUTH_ID' } } }],
    security: [{ basic: [] }],
    tags: [...new Set(resources.map(({ path }) => tagOf(path)))].map((name) => ({ name })),
    paths: Object.fromEntries(resources.map((resource) => [template(resource.path), pathItem(resource)])),
    components: {
      securitySchemes: { basic: { type: 'http', scheme: 'basic', description: 'AUTH_ID and AUTH_TOKEN' } },
      responses: {
        Error: {
          description: `Refused: ${[...new Set(Object.values(API_ERRORS).map(({ status }) => status))].join(', ')}`,
          content: {
            'application/json': {
              schema: objectWith({ api_id: { type: 'string' }, error: { type: 'string' } }, ['api_id', 'error']),
            },
          },
        },
      },
      schemas: {
        ...bodySchemas(resources),
        ...Object.fromEntries(Object.entries(ANSWERS).map(([name, schema]) => [`${name}Answer`, answerSchema(schema)])),
      },
    },
  };
}

function pathItem(resource: Resource): Json {
  const { path, methods } = resource;
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  return {
    ...(names.length > 0 && {
      parameters: names.map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
        ...(PARAMETERS[name] && { description: PARAMETERS[name] }),
      })),
    }),
    ...Object.fromEntries(
      (Object.keys(methods) as Method[]).map((method) => {
        const operation = OPERATIONS[`${method} ${path}`];
        if (!operation) throw new Error(`${method} ${path} is not described`);
        return [method.toLowerCase(), describe(method, resource, operation)];
      }),
    ),
  };
}

function describe(method: Method, resource: Resource, { summary, success, answer, extension }: Operation): Json {
  const { path, query, bodies, answersLater } = resource;
  const body = bodies?.[method];
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z]+(.)?/g, (_, next = '') => next.toUpperCase())}`,
    summary,
    tags: [tagOf(path)],
    ...(extension && { 'x-extension': true }),
    ...(method === 'GET' && query && { parameters: parametersOf(query) }),
    ...(body && {
      requestBody: {
        required: needsBody(body),
        content: { 'application/json': { schema: ref(nameOf(body)), example: body.meta()?.example } },
      },
    }),
    responses: {
      ...(method !== 'GET' && answersLater && { '200': LATER }),
      ...Object.fromEntries(success.map((status) => [String(status), answerOf(status, answer, method)])),
      default: ERROR,
    },
  };
}

function answerOf(status: number, answer: string | undefined, method: Method): Json {
  if (status === 204) return { description: 'Done; the body is empty' };
  return {
    description: method === 'GET' ? 'Found' : 'Taken',
    ...(answer && { content: { 'application/json': { schema: ref(`${answer}Answer`) } } }),
  };
}

function parametersOf(query: BodySchema): readonly Json[] {
  const { properties = {}, required = [] } = jsonSchema(query);
  return Object.entries(properties as Record<string, Json>).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) && { required: true }),
    ...(description !== undefined && { description }),
    schema,
  }));
}

/** The bodies by their names; what is told under one name is one thing. */
function bodySchemas(resources: readonly Resource[]): Json {
  const schemas: Record<string, Json> = {};
  for (const body of resources.flatMap(({ bodies }) => Object.values(bodies ?? {}))) {
    const name = nameOf(body);
    const { title, example, ...schema } = jsonSchema(body);
    if (schemas[name] && JSON.stringify(schemas[name]) !== JSON.stringify(schema))
      throw new Error(`${name} is two different bodies`);
    schemas[name] = schema;
  }
  return schemas;
}

function nameOf(body: BodySchema): string {
  const title = body.meta()?.title;
  if (title === undefined) throw new Error('a body has no name');
  return title;
}

/** Without a body there is none of its fields. */
function needsBody(body: BodySchema): boolean {
  const { required, anyOf } = jsonSchema(body);
  return required !== undefined || anyOf !== undefined;
}

function jsonSchema(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** `/MultiPartyCall/{mpc}/`, as OpenAPI writes it. */
function template(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

function tagOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function objectWith(properties: Json, required: readonly string[] = Object.keys(properties)): Json {
  return { type: 'object', properties, required };
}

function answerSchema(schema: z.ZodType): Json {
  const { $schema, ...whole } = z.toJSONSchema(schema);
  return whole.anyOf ? { anyOf: whole.anyOf.map((each) => withApiId(each)) } : withApiId(whole);
}

function withApiId({ additionalProperties, properties, required, ...rest }: z.core.JSONSchema.BaseSchema): Json {
  return {
    ...rest,
    properties: { api_id: { type: 'string' }, ...properties },
    required: ['api_id', ...(required ?? [])],
  };
}
