import { z } from 'zod';
import { field } from '../body-values.ts';
import type { History, MpcFacts } from '../history/index.ts';
import type { Directory } from '../mpc/index.ts';
import { bodySchema, read } from './fields.ts';
import { MPC_FILTER, parseMpcFilter } from './mpc-filter.ts';
import { pageOf } from './paging.ts';
import { accountPath, presentMpc } from './present.ts';
import { knownMpc, liveMpc, mpcRefOf, type Resource } from './resource.ts';

export interface MpcsDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly history: Pick<History, 'find' | 'newestFirst'>;
}

/** One SDK sends a list of the one word. */
const START = z.object({
  status: field('The only thing to ask for', z.literal('active', 'must be active'), (value) => {
    const asked = Array.isArray(value) && value.length === 1 ? value[0] : value;
    return typeof asked === 'string' ? asked.toLowerCase() : asked;
  }),
});

/** MPCs: list, one, start, end. */
export function mpcResources({ authId, directory, history }: MpcsDeps): readonly Resource[] {
  return [
    {
      path: '/MultiPartyCall/',
      query: MPC_FILTER,
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
      bodies: { POST: bodySchema({ title: 'StartMpc', example: { status: 'active' } }, START) },
      methods: {
        GET: async (request) => {
          const { facts } = await knownMpc(request, directory, history);
          return { status: 200, body: presentMpc(authId, facts, mpcRefOf(request).by) };
        },
        POST: (request) => {
          read(START, request.body);
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
