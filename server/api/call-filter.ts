import { z } from 'zod';
import { field, text, word } from '../body-values.ts';
import type { EndedCall } from '../history/index.ts';
import { readQuery } from './fields.ts';
import {
  accountField,
  accountTests,
  numberFields,
  numberTests,
  partyField,
  partyTests,
  type Test,
  textTests,
  timeFields,
  timeTests,
  withUnderscores,
} from './filter-tests.ts';
import { PAGE } from './paging.ts';
import { hangupOf, talkSeconds } from './present-call.ts';

/** Which calls a request is about. Plivo means those that are over unless `status` says otherwise. */
export const CALL_STATUS = z.object({
  status: field(
    'Calls that are live, or that are being called; without it, calls that are over',
    z.enum(['live', 'queued'], 'must be live or queued; without it, calls are shown that are over').optional(),
    (value) => (typeof value === 'string' ? value.toLowerCase() : value),
  ),
});

const FILTER = z.object({
  subaccount: accountField,
  call_direction: word('Who called whom', ['inbound', 'outbound']),
  from_number: partyField('Who called, or how it begins'),
  to_number: partyField('Who was called, or how it begins'),
  parent_call_uuid: text('Finds nothing: no call is the child of another'),
  ...numberFields('bill_duration', 'Seconds of talk'),
  ...numberFields('hangup_cause_code', 'Why it ended'),
  hangup_source: text('Who ended it'),
  ...timeFields('end_time', 'When it ended'),
});

/** What the list of calls reads of its query; of those that are not over the status alone. */
export const CALL_FILTER = z.object({ ...CALL_STATUS.shape, ...FILTER.shape, ...PAGE.shape });

/** The filters of the list of calls that are over, as one test. */
export function parseCallFilter(query: URLSearchParams): Test<EndedCall> {
  const given = readQuery(FILTER, withUnderscores(query, 'bill_duration', 'hangup_cause_code', 'end_time'));
  const tests: Test<EndedCall>[] = [
    ...accountTests(given.subaccount),
    ...textTests<EndedCall>(given.call_direction, ({ direction }) => direction),
    ...partyTests<EndedCall>(given.from_number, ({ from }) => from, { prefix: true }),
    ...partyTests<EndedCall>(given.to_number, ({ to }) => to, { prefix: true }),
    ...textTests<EndedCall>(given.parent_call_uuid, () => null),
    ...numberTests(given, 'bill_duration', talkSeconds),
    ...numberTests<EndedCall>(given, 'hangup_cause_code', (call) => hangupOf(call).code),
    ...textTests<EndedCall>(given.hangup_source, (call) => hangupOf(call).source),
    ...timeTests<EndedCall>(given, 'end_time', ({ endedAt }) => new Date(endedAt)),
  ];
  return (call) => tests.every((test) => test(call));
}
