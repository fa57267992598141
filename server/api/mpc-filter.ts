import { badField } from '../errors.ts';
import type { MpcFacts } from '../history/index.ts';
import { isMpcName, type MpcStatus } from '../mpc/index.ts';
import { accountTests, type Test, timeTests } from './filter-tests.ts';
import { endCauseCode } from './present.ts';

const STATUSES: readonly MpcStatus[] = ['initialized', 'active', 'ended'];

/** The filters of the MPC list as one test. */
export function parseMpcFilter(query: URLSearchParams): Test<MpcFacts> {
  const tests = [
    ...nameTests(query),
    ...statusTests(query),
    ...causeTests(query),
    ...accountTests(query),
    ...timeTests<MpcFacts>(query, 'creation_time', ({ createdAt }) => createdAt),
    ...timeTests<MpcFacts>(query, 'end_time', ({ endedAt }) => endedAt),
  ];
  return (mpc) => tests.every((test) => test(mpc));
}

function nameTests(query: URLSearchParams): Test<MpcFacts>[] {
  const name = query.get('friendly_name');
  if (!name) return [];
  if (!isMpcName(name)) throw badField('friendly_name', 'must be 1 to 128 characters');
  return [(mpc) => mpc.name === name];
}

function statusTests(query: URLSearchParams): Test<MpcFacts>[] {
  const text = query.get('status');
  if (!text) return [];
  const status = STATUSES.find((known) => known === text.toLowerCase());
  if (!status) throw badField('status', `must be one of ${STATUSES.join(', ')}`);
  return [(mpc) => mpc.status === status];
}

function causeTests(query: URLSearchParams): Test<MpcFacts>[] {
  const text = query.get('termination_cause_code');
  if (!text) return [];
  if (!/^[0-9]{1,5}$/.test(text)) throw badField('termination_cause_code', 'must be 1000, 1010, 2000 or 3000');
  return [(mpc) => mpc.endCause !== undefined && endCauseCode(mpc.endCause) === Number(text)];
}
