import { z } from 'zod';
import { list, word } from '../body-values.ts';
import { badField } from '../errors.ts';
import { parseMemberSelection, parseRole, type Role } from '../mpc/index.ts';
import { read } from './fields.ts';
import { LATER_JOINERS } from './play-body.ts';
import type { Body } from './resource.ts';

/** Which of all members hear a play: all but some ids, and only some roles unless there are none. */
export interface Audience {
  readonly except: readonly string[];
  readonly roles: readonly Role[];
}

/** Who hears a Call Play: the call itself, the other members of its MPC, or all of them. */
export const CALL_LEGS = ['aleg', 'bleg', 'both'] as const;
export type CallLegs = (typeof CALL_LEGS)[number];

/** What narrows the members `all` of a Member Play. */
export function audienceSchema(maxIds: number) {
  const expected = `must be member ids, at most ${maxIds}`;
  const oneId = (text: string): string | undefined => {
    const selection = parseMemberSelection(text);
    return selection && !selection.all && selection.ids.length === 1 ? text : undefined;
  };
  return z.object({
    except: list('With all: everybody but these members, as a comma list or a list', expected, oneId, maxIds),
    role: list(
      'With all: only members of these roles (agent, customer, supervisor), as a comma list or a list',
      'must be agent, customer or supervisor, or several of them',
      parseRole,
    ),
    ...LATER_JOINERS,
  });
}

/** Who hears a Call Play. */
export const CALL_AUDIENCE = z.object({
  legs: word('The call itself, all others of its MPC, or everybody; aleg unless said', CALL_LEGS),
  leg: word('The same under its older name', CALL_LEGS),
  ...LATER_JOINERS,
});

/** Who of all members hears a Member Play; `all` is false when the path has ids, to which none of this applies. */
export function parseAudience(body: Body, all: boolean, schema: ReturnType<typeof audienceSchema>): Audience {
  const { except, role: roles, later_joiners: later } = read(schema, body);
  if (all) {
    // Who joins later is taken in by the mixer, which knows no roles.
    if (roles.length > 0 && later) throw badField('later_joiners', 'cannot go with role');
    return { except, roles };
  }
  if (except.length > 0) throw badField('except', 'goes with the members all only');
  if (roles.length > 0) throw badField('role', 'goes with the members all only');
  if (later) throw badField('later_joiners', 'goes with the members all only');
  return { except, roles };
}

export function parseCallLegs(body: Body): CallLegs {
  const given = read(CALL_AUDIENCE, body);
  const legs = given.legs ?? given.leg ?? 'aleg';
  if (legs === 'aleg' && given.later_joiners) throw badField('later_joiners', 'goes with legs bleg or both');
  return legs;
}
