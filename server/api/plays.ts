import { ApiError } from '../errors.ts';
import type { History } from '../history/index.ts';
import type { Directory, PlayRecord, Plays } from '../mpc/index.ts';
import type { Idempotency } from './idempotency.ts';
import { PAGE, page } from './paging.ts';
import { PLAY_CHANGE, parsePlayChange } from './play-change.ts';
import { mpcPath, presentPlay } from './present.ts';
import { type ApiRequest, knownMpc, liveMpc, mpcRefOf, param, type Resource } from './resource.ts';

export interface PlaysDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly history: Pick<History, 'find'>;
  readonly plays: Plays;
  readonly idempotency: Idempotency;
}

/** The plays of an MPC: all of them, or one; shown, changed and stopped. */
export function playResources(deps: PlaysDeps): readonly Resource[] {
  const { authId, directory, history, plays, idempotency } = deps;
  const present = (play: PlayRecord) => presentPlay(authId, play);
  return [
    {
      path: '/MultiPartyCall/:mpc/Play/',
      query: PAGE,
      bodies: { POST: PLAY_CHANGE },
      methods: {
        GET: async (request) => {
          const { facts } = await knownMpc(request, directory, history);
          const path = `${mpcPath(authId, facts)}Play/`;
          return { status: 200, body: page(request, path, plays.of(facts.uuid), present) };
        },
        // The change is read first: a wrong one is wrong whether anything plays or not.
        POST: idempotency.once((request) => {
          const change = parsePlayChange(request.body);
          const running = plays.running(liveMpc(request, directory));
          for (const play of running) plays.change(play.id, change);
          return { status: 202, body: { message: 'plays changed', objects: running.map(present) } };
        }),
        DELETE: (request) => {
          for (const play of plays.running(liveMpc(request, directory))) plays.stop(play.id);
          return { status: 204 };
        },
      },
    },
    {
      path: '/MultiPartyCall/:mpc/Play/:play/',
      bodies: { POST: PLAY_CHANGE },
      methods: {
        GET: (request) => ({ status: 200, body: present(playOf(request, deps)) }),
        POST: idempotency.once((request) => {
          const change = parsePlayChange(request.body);
          const play = playOf(request, deps);
          if (!plays.change(play.id, change)) throw new ApiError('play_over');
          return { status: 202, body: present(play) };
        }),
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
