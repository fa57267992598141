import { z } from 'zod';
import { field } from '../body-values.ts';
import { ApiError, badField } from '../errors.ts';
import type { Contact } from '../sip/index.ts';
import type { NewUser, User, UserChange, Users } from '../users/index.ts';
import { bodySchema, read } from './fields.ts';
import { PAGE, page } from './paging.ts';
import { accountPath, presentEndpoint } from './present.ts';
import { type ApiRequest, type Body, param, type Resource } from './resource.ts';

export interface EndpointsDeps {
  readonly authId: string;
  readonly users: Users;
  readonly contacts: { of(username: string): readonly Contact[]; clear(username: string): void };
}

const USERNAME = /^[A-Za-z][A-Za-z0-9]{0,24}$/;
const USERNAME_EXPECTED = 'must be 1 to 25 letters and digits, the first a letter';
const NEW = z.object({
  username: field(
    'The name to log in with, 1 to 25 letters and digits; the answer has the one that counts',
    z.string(USERNAME_EXPECTED).regex(USERNAME, USERNAME_EXPECTED),
  ),
  password: field(
    '5 to 128 characters; it is never shown again',
    matching(/^\P{Cc}{5,128}$/u, 'must be 5 to 128 characters, none of them a control character'),
  ),
  alias: field('For people', matching(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"')),
  app_id: field(
    'Kept, and shown as application',
    matching(/^[A-Za-z0-9-]{1,64}$/, 'must be 1 to 64 letters, digits or "-"').optional(),
  ),
});
/** The password is kept bound to the name. */
const CHANGE = z.object({
  ...NEW.pick({ password: true, alias: true, app_id: true }).partial().shape,
  username: field('Cannot be changed: what it is, or nothing', z.string('must be text').optional()),
});
const NEW_BODY = bodySchema(
  { title: 'CreateEndpoint', example: { username: 'ana', password: 'correct horse', alias: 'front-desk' } },
  NEW,
);
const CHANGE_BODY = bodySchema(
  { title: 'ChangeEndpoint', example: { alias: 'reception' }, needsOne: [['password'], ['alias'], ['app_id']] },
  CHANGE,
);

/** Endpoints: the users whose phones may register and call. */
export function endpointResources({ authId, users, contacts }: EndpointsDeps): readonly Resource[] {
  const path = `${accountPath(authId)}/Endpoint/`;
  const present = (user: User) => presentEndpoint(authId, user, contacts.of(user.username)[0]);
  const userOf = (request: ApiRequest): User => {
    const user = users.find(param(request, 'endpoint'));
    if (!user) throw new ApiError('not_found');
    return user;
  };
  return [
    {
      path: '/Endpoint/',
      query: PAGE,
      bodies: { POST: NEW_BODY },
      methods: {
        GET: (request) => ({ status: 200, body: page(request, path, users.all.toReversed(), present) }),
        POST: (request) => {
          const user = users.create(readNew(request.body));
          if (!user) throw new ApiError('too_many_endpoints');
          const { id, username, alias } = user;
          return {
            status: 201,
            body: { alias, endpoint_id: id, message: 'created', username },
            headers: { Location: `${path}${id}/` },
          };
        },
      },
    },
    {
      path: '/Endpoint/:endpoint/',
      bodies: { POST: CHANGE_BODY },
      methods: {
        GET: (request) => ({ status: 200, body: present(userOf(request)) }),
        POST: (request) => {
          const user = userOf(request);
          const change = readChange(request.body, user);
          const { alias } = users.change(user, change);
          // Whoever registered with the old one has to show the new.
          if (change.password !== undefined) contacts.clear(user.username);
          return { status: 202, body: { alias, message: 'changed' } };
        },
        DELETE: (request) => {
          const user = userOf(request);
          users.delete(user);
          contacts.clear(user.username);
          return { status: 204 };
        },
      },
    },
  ];
}

function readNew(body: Body): NewUser {
  const { username, password, alias, app_id: appId } = read(NEW, body);
  return { username, password, alias, appId: appId ?? null };
}

function readChange(body: Body, user: User): UserChange {
  const { username, password, alias, app_id: appId } = read(CHANGE, body);
  if (username !== undefined && username !== user.username) throw badField('username', 'cannot be changed');
  if (password === undefined && alias === undefined && appId === undefined)
    throw badField('password, alias or app_id', 'must be given');
  return {
    ...(password === undefined ? {} : { password }),
    ...(alias === undefined ? {} : { alias }),
    ...(appId === undefined ? {} : { appId }),
  };
}

function matching(pattern: RegExp, expected: string): z.ZodString {
  return z
    .string({ error: ({ input }) => (input === undefined ? 'must be given' : 'must be text') })
    .regex(pattern, expected);
}
