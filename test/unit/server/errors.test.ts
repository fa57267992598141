import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { API_ERRORS, ApiError } from '../../../server/errors.ts';
import { tableRows } from '../../support/markdown.ts';

test('docs/errors.md and the table of errors agree, row by row', () => {
  const rows = tableRows(readFileSync('docs/errors.md', 'utf8'), ['name', 'status', 'error', 'when']);
  assert.deepEqual(
    rows.map(([name, status, error]) => [name, status, error]),
    Object.entries(API_ERRORS).map(([name, { status, message }]) => [`\`${name}\``, String(status), message]),
  );
  assert.ok(
    rows.every(([, , , when]) => when),
    'every row says when it happens',
  );
});

test('an error carries its status, and its detail after the message of the table', () => {
  const error = new ApiError('bad_members', { detail: 'too many' });
  assert.equal(error.status, 400);
  assert.equal(error.message, 'members must be one id, a comma list of ids, or all: too many');
});
