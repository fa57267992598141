import { badField } from '../errors.ts';
import type { History, MpcFacts } from '../history/index.ts';
import type { Directory } from '../mpc/index.ts';
import { parseMpcFilter } from './mpc-filter.ts';
import { pageOf } from './paging.ts';
import { accountPath, presentMpc } from './present.ts';
import { knownMpc, liveMpc, mpcRefOf, type Resource } from './resource.ts';

export interface MpcsDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly history: Pick<History, 'find' | 'newestFirst'>;
}

/** MPCs: list, one, start, end. */
export function mpcResources({ authId, directory, history }: MpcsDeps): readonly Resource[] {
  return [
    {
      path: '/MultiPartyCall/',
      methods: {
        GET: async (request) => {
          const found = newestFirst(directory, history, parseMpcFilter(request.query));
          const path = `${accountPath(authId)}/MultiPartyCall/`;
          return { status: 200, body: await pageOf(request, path, found, (mpc) => presentMpc(authId, mpc)) };
        },
      },
    },
    {
      path: '/MultiPartyCall/:mpc/',
      methods: {
        GET: async (request) => {
          const { facts } = await knownMpc(request, directory, history);
          return { status: 200, body: presentMpc(authId, facts, mpcRefOf(request).by) };
        },
        POST: (request) => {
          const { status } = request.body;
          const asked = Array.isArray(status) && status.length === 1 ? status[0] : status;
          if (typeof asked !== 'string' || asked.toLowerCase() !== 'active') throw badField('status', 'must be active');
          directory.start(liveMpc(request, directory));
          return { status: 204 };
        },
        DELETE: (request) => {
          directory.end(liveMpc(request, directory), 'hangup_api');
          return { status: 204 };
        },
      },
    },
  ];
}

/** Those that live are told from memory, the others from the store, both in one order. */
async function* newestFirst(
  directory: Directory,
  history: Pick<History, 'newestFirst'>,
  matches: (mpc: MpcFacts) => boolean,
): AsyncGenerator<MpcFacts> {
  const live: MpcFacts[] = directory.live.filter(matches).reverse();
  for await (const past of history.newestFirst()) {
    if (!matches(past)) continue;
    while (live[0] && live[0].createdAt >= past.createdAt) yield live.shift()!;
    yield past;
  }
  yield* live;
}
