import { z } from 'zod';
import { field, word } from '../body-values.ts';
import type { MpcFacts } from '../history/index.ts';
import { isMpcName } from '../mpc/index.ts';
import { readQuery } from './fields.ts';
import {
  accountField,
  accountTests,
  type Test,
  textTests,
  timeFields,
  timeTests,
  withUnderscores,
} from './filter-tests.ts';
import { PAGE } from './paging.ts';
import { endCauseCode } from './present.ts';

const CODE_EXPECTED = 'must be 1000, 1010, 2000 or 3000';

/** What the MPC list reads of its query. */
export const MPC_FILTER = z.object({
  friendly_name: field('Exactly this name', z.string().refine(isMpcName, 'must be 1 to 128 characters').optional()),
  status: word('Those that are in it', ['initialized', 'active', 'ended']),
  termination_cause_code: field(
    'Why they ended: 1000, 1010, 2000 or 3000',
    z
      .string()
      .regex(/^[0-9]{1,5}$/, CODE_EXPECTED)
      .optional(),
  ),
  sub_account: accountField,
  ...timeFields('creation_time', 'When they began'),
  ...timeFields('end_time', 'When they ended'),
  ...PAGE.shape,
});

/** The filters of the MPC list as one test. */
export function parseMpcFilter(query: URLSearchParams): Test<MpcFacts> {
  const given = readQuery(MPC_FILTER, withUnderscores(query, 'creation_time', 'end_time'));
  const code = given.termination_cause_code;
  const tests: Test<MpcFacts>[] = [
    ...textTests<MpcFacts>(given.friendly_name, ({ name }) => name),
    ...textTests<MpcFacts>(given.status, ({ status }) => status),
    ...(code === undefined
      ? []
      : [({ endCause }: MpcFacts) => endCause !== undefined && endCauseCode(endCause) === Number(code)]),
    ...accountTests(given.sub_account),
    ...timeTests<MpcFacts>(given, 'creation_time', ({ createdAt }) => createdAt),
    ...timeTests<MpcFacts>(given, 'end_time', ({ endedAt }) => endedAt),
  ];
  return (mpc) => tests.every((test) => test(mpc));
}
