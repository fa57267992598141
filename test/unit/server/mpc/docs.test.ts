import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { endCauseCode } from '../../../../server/api/present.ts';
import { TERM_FIELDS } from '../../../../server/mpc/index.ts';
import { tableRows } from '../../../support/markdown.ts';

const PAGE = readFileSync('docs/mpc.md', 'utf8');

test('docs/mpc.md names every term that a member may bring, and none that is not read', () => {
  const rows = tableRows(PAGE, ['field', 'of', 'values', 'default', 'just dialled in']);
  const documented = rows.flatMap(([fields = '']) => fields.split(', ').map((field) => field.slice(1, -1)));
  assert.deepEqual(documented.sort(), [...TERM_FIELDS].sort());
});

test('docs/mpc.md has the code of every cause for which an MPC ends', () => {
  const codes = tableRows(PAGE, ['code', 'cause', 'when']).map(([code]) => Number(code));
  const causes = ['no_active_participants', 'stay_alone_not_permitted', 'max_duration', 'hangup_api'] as const;
  assert.deepEqual(codes, causes.map(endCauseCode));
});
