/** How callers name an MPC: `name_…` finds a live one, `uuid_…` also an ended one. */
export type MpcRef = { readonly by: 'name'; readonly name: string } | { readonly by: 'uuid'; readonly uuid: string };

export type Role = 'agent' | 'supervisor' | 'customer';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NAME_LENGTH = 128;

/** True for 1 to 128 characters without control characters. */
export function isMpcName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  return name.length >= 1 && name.length <= NAME_LENGTH && !/[\u0000-\u001f\u007f-\u009f]/.test(name);
}

export function parseMpcRef(text: string): MpcRef | undefined {
  if (text.startsWith('name_')) {
    const name = text.slice('name_'.length);
    return isMpcName(name) ? { by: 'name', name } : undefined;
  }
  if (text.startsWith('uuid_')) {
    const uuid = text.slice('uuid_'.length).toLowerCase();
    return UUID.test(uuid) ? { by: 'uuid', uuid } : undefined;
  }
  return undefined;
}

export function parseRole(text: string): Role | undefined {
  const role = text.trim().toLowerCase();
  return role === 'agent' || role === 'supervisor' || role === 'customer' ? role : undefined;
}

export type MemberSelection = { readonly all: true } | { readonly all: false; readonly ids: readonly string[] };

const MAX_MEMBER_IDS = 200;
const MEMBER_ID = /^[1-9][0-9]{0,9}$/;

export function isMemberId(text: string): boolean {
  return MEMBER_ID.test(text);
}

/** `all`, one id, or a comma list of at most `maxIds`; a repeated id counts once. */
export function parseMemberSelection(text: string, maxIds: number = MAX_MEMBER_IDS): MemberSelection | undefined {
  if (text === 'all') return { all: true };
  const ids = text.split(',');
  if (ids.length > maxIds || !ids.every(isMemberId)) return undefined;
  return { all: false, ids: [...new Set(ids)] };
}
