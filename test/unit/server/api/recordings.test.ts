import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { plainTerms } from '../../../../server/mpc/index.ts';
import { AppUnderTest } from '../../../support/app.ts';

let app: AppUnderTest;

before(async () => {
  app = await new AppUnderTest().listen();
});
after(() => app.close());

/** A call that is in an MPC, to be recorded. */
async function calling(from: string, to: string): Promise<void> {
  const rung = app.calls.ring({ kind: 'sip', direction: 'inbound', from, to, hangUp: () => {} });
  assert.ok(rung.ok, 'there is room for a call');
  await app.calls.openInMpc(rung.call, 'board', plainTerms('customer'), (id, onEvent) =>
    app.engine.openRtpLeg(id, {}, onEvent),
  );
}

const found = async (query: string): Promise<string> => {
  const { body } = await app.api('GET', `/Recording/?${query}`);
  return (body.objects as { member_id: string | null }[]).map(({ member_id }) => member_id ?? 'mpc').join();
};

test('recordings are found by the two ends of the call they are of', async () => {
  await calling('sip:+4930111@trunk.example', 'sip:board@example.com');
  await calling('sip:ana@example.com', 'sip:board@example.com;user=phone');
  const mpc = '/MultiPartyCall/name_board';
  for (const path of [`${mpc}/Record/`, `${mpc}/Participant/1/Record/`, `${mpc}/Participant/2/Record/`])
    assert.ok((await app.api('POST', path, {})).status < 300, path);
  assert.equal(await found(''), '2,1,mpc');
  for (const [query, expected] of [
    ['from_number=4930111', '1'],
    ['from_number=%2B4930111', '1'],
    ['from_number=493', ''],
    ['from_number=ana', '2'],
    ['from_number=sip:ana@example.com', '2'],
    ['from_number=sip:ana@other.example', ''],
    ['to_number=board', '2,1'],
    ['from_number=ana&to_number=board', '2'],
  ] as const)
    assert.equal(await found(query), expected, query);
  const { body } = await app.api('GET', '/Recording/?from_number=ana');
  assert.deepEqual(
    [body.objects[0].from_number, body.objects[0].to_number.slice(0, 21)],
    ['sip:ana@example.com', 'sip:board@example.com'],
  );
});
