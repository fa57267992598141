import { lookup, resolveSrv } from 'node:dns/promises';
import type { NameService } from '../sip/locate.ts';

/** The machine's own resolver. */
export const systemNames: NameService = {
  addresses: async (host, family) => (await lookup(host, { family, all: true })).map(({ address }) => address),
  services: (name) => resolveSrv(name),
};
