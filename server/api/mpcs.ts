import { badField } from '../errors.ts';
import type { Directory } from '../mpc/index.ts';
import { parseMpcFilter } from './mpc-filter.ts';
import { page } from './paging.ts';
import { accountPath, presentMpc } from './present.ts';
import { knownMpc, liveMpc, mpcRefOf, type Resource } from './resource.ts';

export interface MpcsDeps {
  readonly authId: string;
  readonly directory: Directory;
}

/** MPCs: list, one, start, end. */
export function mpcResources({ authId, directory }: MpcsDeps): readonly Resource[] {
  return [
    {
      path: '/MultiPartyCall/',
      methods: {
        GET: (request) => {
          const matches = parseMpcFilter(request.query);
          const newestFirst = [...directory.ended, ...directory.live].reverse().filter(matches);
          const path = `${accountPath(authId)}/MultiPartyCall/`;
          return { status: 200, body: page(request, path, newestFirst, (mpc) => presentMpc(authId, mpc)) };
        },
      },
    },
    {
      path: '/MultiPartyCall/:mpc/',
      methods: {
        GET: (request) => ({
          status: 200,
          body: presentMpc(authId, knownMpc(request, directory), mpcRefOf(request).by),
        }),
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
