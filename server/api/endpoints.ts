import { ApiError, badField } from '../errors.ts';
import type { Contact } from '../sip/index.ts';
import type { NewUser, User, UserChange, Users } from '../users/index.ts';
import { textField } from './fields.ts';
import { page } from './paging.ts';
import { accountPath, presentEndpoint } from './present.ts';
import { type ApiRequest, type Body, param, type Resource } from './resource.ts';

export interface EndpointsDeps {
  readonly authId: string;
  readonly users: Users;
  readonly contacts: { of(username: string): readonly Contact[]; clear(username: string): void };
}

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
  const username = textField(body, 'username');
  if (username === undefined || !/^[A-Za-z][A-Za-z0-9]{0,24}$/.test(username))
    throw badField('username', 'must be 1 to 25 letters and digits, the first a letter');
  const password = passwordOf(body);
  if (password === undefined) throw badField('password', 'must be given');
  const alias = aliasOf(body);
  if (alias === undefined) throw badField('alias', 'must be given');
  return { username, password, alias, appId: appIdOf(body) ?? null };
}

function readChange(body: Body, user: User): UserChange {
  const username = textField(body, 'username');
  // The password is kept bound to the name.
  if (username !== undefined && username !== user.username) throw badField('username', 'cannot be changed');
  const [password, alias, appId] = [passwordOf(body), aliasOf(body), appIdOf(body)];
  if (password === undefined && alias === undefined && appId === undefined)
    throw badField('password, alias or app_id', 'must be given');
  return {
    ...(password === undefined ? {} : { password }),
    ...(alias === undefined ? {} : { alias }),
    ...(appId === undefined ? {} : { appId }),
  };
}

function passwordOf(body: Body): string | undefined {
  const password = textField(body, 'password');
  if (password === undefined || /^\P{Cc}{5,128}$/u.test(password)) return password;
  throw badField('password', 'must be 5 to 128 characters, none of them a control character');
}

function aliasOf(body: Body): string | undefined {
  const alias = textField(body, 'alias');
  if (alias === undefined || /^[A-Za-z0-9_-]{1,64}$/.test(alias)) return alias;
  throw badField('alias', 'must be 1 to 64 letters, digits, "-" or "_"');
}

function appIdOf(body: Body): string | undefined {
  const appId = textField(body, 'app_id');
  if (appId === undefined || /^[A-Za-z0-9-]{1,64}$/.test(appId)) return appId;
  throw badField('app_id', 'must be 1 to 64 letters, digits or "-"');
}
