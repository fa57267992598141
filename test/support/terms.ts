import { type JoinTerms, readTerms } from '../../server/mpc/index.ts';

/** The terms that a body of Add Participant says; a customer's unless it says otherwise. Every URL is as good as another. */
export function termsOf(body: Readonly<Record<string, unknown>>): JoinTerms {
  const read = readTerms({ role: 'customer', ...body }, { checkUrl: () => ({ ok: true }), maxUrlLength: 200 });
  if (!read.ok) throw new Error(`${read.field} ${read.problem}`);
  return read.terms;
}
