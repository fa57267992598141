import { badField } from '../errors.ts';
import type { EndedCall } from '../history/index.ts';
import { accountTests, numberTests, partyTests, type Test, textTests, timeTests } from './filter-tests.ts';
import { hangupOf, talkSeconds } from './present-call.ts';

/** The filters of the list of calls that are over, as one test. */
export function parseCallFilter(query: URLSearchParams): Test<EndedCall> {
  const tests: Test<EndedCall>[] = [
    ...accountTests(query, 'subaccount'),
    ...directionTests(query),
    ...partyTests<EndedCall>(query, 'from_number', ({ from }) => from, { prefix: true }),
    ...partyTests<EndedCall>(query, 'to_number', ({ to }) => to, { prefix: true }),
    // No call here is the child of another.
    ...textTests<EndedCall>(query, 'parent_call_uuid', () => null),
    ...numberTests(query, 'bill_duration', talkSeconds),
    ...numberTests<EndedCall>(query, 'hangup_cause_code', (call) => hangupOf(call).code),
    ...textTests<EndedCall>(query, 'hangup_source', (call) => hangupOf(call).source),
    ...timeTests<EndedCall>(query, 'end_time', ({ endedAt }) => new Date(endedAt)),
  ];
  return (call) => tests.every((test) => test(call));
}

function directionTests(query: URLSearchParams): Test<EndedCall>[] {
  const text = query.get('call_direction')?.toLowerCase();
  if (!text) return [];
  if (text !== 'inbound' && text !== 'outbound') throw badField('call_direction', 'must be inbound or outbound');
  return [({ direction }) => direction === text];
}
