import { z } from 'zod';
import type { Method, Resource } from '../api/resource.ts';
import { API_ERRORS } from '../errors.ts';
import { ANSWERS } from './answers.ts';
import { ANSWERED_LATER, BODIES } from './bodies.ts';
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
        ...Object.fromEntries(Object.entries(BODIES).map(([name, schema]) => [name, bodySchema(schema)])),
        ...Object.fromEntries(Object.entries(ANSWERS).map(([name, schema]) => [`${name}Answer`, answerSchema(schema)])),
      },
    },
  };
}

function pathItem({ path, methods }: Resource): Json {
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
        return [method.toLowerCase(), describe(method, path, operation)];
      }),
    ),
  };
}

function describe(method: Method, path: string, { summary, success, answer, body, query, extension }: Operation): Json {
  const isList = answer?.endsWith('List') === true;
  const names = [...(query ?? []), ...(isList ? ['limit', 'offset'] : [])];
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z]+(.)?/g, (_, next = '') => next.toUpperCase())}`,
    summary,
    tags: [tagOf(path)],
    ...(extension && { 'x-extension': true }),
    ...(names.length > 0 && {
      parameters: names.map((name) => ({
        name,
        in: 'query',
        schema: name === 'limit' || name === 'offset' ? { type: 'integer', minimum: 0 } : { type: 'string' },
      })),
    }),
    ...(body && {
      requestBody: { content: { 'application/json': { schema: { $ref: `#/components/schemas/${body}` } } } },
    }),
    responses: {
      ...(body &&
        ANSWERED_LATER.includes(body) && {
          '200': {
            description: 'With callback_url: acknowledged, and answered there',
            content: {
              'application/json': { schema: objectWith({ api_id: { type: 'string' }, message: { type: 'string' } }) },
            },
          },
        }),
      ...Object.fromEntries(success.map((status) => [String(status), answerOf(status, answer, body)])),
      default: ERROR,
    },
  };
}

function answerOf(status: number, answer: string | undefined, body: string | undefined): Json {
  if (status === 204) return { description: 'Done; the body is empty' };
  return {
    description: body ? 'Taken' : 'Found',
    ...(answer && {
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${answer}Answer` } } },
    }),
  };
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

/** A field with `x-default` may be left out; null there is a default that is nothing. */
function bodySchema(schema: z.ZodType): Json {
  const { $schema, required, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const fields = rest.properties ?? {};
  const needed = required?.filter((name) => !('x-default' in (fields[name] as object)));
  return { ...(withDefaults(rest) as Json), ...(needed?.length && { required: needed }) };
}

/** The same with `x-default` told as JSON schema does. */
function withDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDefaults);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      if (name !== 'x-default') return [[name, withDefaults(inner)]];
      return inner === null || inner === undefined ? [] : [['default', inner]];
    }),
  );
}

function answerSchema(schema: z.ZodType): Json {
  const { $schema, additionalProperties, properties, required, ...rest } = z.toJSONSchema(schema);
  return {
    ...rest,
    properties: { api_id: { type: 'string' }, ...properties },
    required: ['api_id', ...(required ?? [])],
  };
}
