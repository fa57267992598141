import { ApiError } from '../errors.ts';
import type { Directory, PlayRecord, Plays } from '../mpc/index.ts';
import { page } from './paging.ts';
import { mpcPath, presentPlay } from './present.ts';
import { type ApiRequest, knownMpc, mpcRefOf, param, type Resource } from './resource.ts';

export interface PlaysDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly plays: Plays;
}

/** The plays of an MPC: list, one, stop one. */
export function playResources(deps: PlaysDeps): readonly Resource[] {
  const { authId, directory, plays } = deps;
  return [
    {
      path: '/MultiPartyCall/:mpc/Play/',
      methods: {
        GET: (request) => {
          const mpc = knownMpc(request, directory);
          const path = `${mpcPath(authId, mpc)}Play/`;
          const present = (play: PlayRecord) => presentPlay(authId, play);
          return { status: 200, body: page(request, path, plays.of(mpc.uuid), present) };
        },
      },
    },
    {
      path: '/MultiPartyCall/:mpc/Play/:play/',
      methods: {
        GET: (request) => ({ status: 200, body: presentPlay(authId, playOf(request, deps)) }),
        DELETE: (request) => {
          plays.stop(playOf(request, deps).id);
          return { status: 204 };
        },
      },
    },
  ];
}

/** A play outlives its MPC's place in the directory, so a UUID is compared with the play's own. */
function playOf(request: ApiRequest, { directory, plays }: PlaysDeps): PlayRecord {
  const ref = mpcRefOf(request);
  const mpcUuid = ref.by === 'uuid' ? ref.uuid : directory.find(ref)?.uuid;
  const play = plays.find(param(request, 'play').toLowerCase());
  if (!play || play.mpc.uuid !== mpcUuid) throw new ApiError('not_found');
  return play;
}
