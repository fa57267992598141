import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The one account of this server. */
export interface Account {
  readonly authId: string;
  readonly authToken: string;
}

/** Where an account came from; `made` happens once in the life of a data folder. */
export interface LoadedAccount {
  readonly account: Account;
  readonly origin: 'environment' | 'file' | 'made';
  /** The file that holds it, unless it came from the environment. */
  readonly path: string | undefined;
}

/** The account can be neither read nor kept; the message says what to do. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

const FILE = 'credentials.json';
const OWNER_ONLY = 0o600;
const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const ID_RANDOM_LENGTH = 18;
/** 30 random bytes are 40 characters of base64url. */
const TOKEN_BYTES = 30;

/** The account of the environment, or the one kept in `dataDir`, or a new one that is kept there from now on. */
export function loadAccount(dataDir: string, fromEnvironment: Account | undefined): LoadedAccount {
  if (fromEnvironment) return { account: fromEnvironment, origin: 'environment', path: undefined };
  const path = join(dataDir, FILE);
  try {
    const kept = readKept(path);
    if (kept) return { account: kept, origin: 'file', path };
    const account = makeAccount();
    keep(path, account);
    return { account, origin: 'made', path };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CredentialsError(
      `DATA_DIR=${dataDir}: ${path} cannot be read or written (${code}). Set DATA_DIR to a folder that this user may write to.`,
    );
  }
}

function keep(path: string, { authId, authToken }: Account): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ auth_id: authId, auth_token: authToken }, undefined, 2)}\n`, {
    mode: OWNER_ONLY,
    flag: 'wx',
  });
}

function makeAccount(): Account {
  let authId = 'MA';
  for (let i = 0; i < ID_RANDOM_LENGTH; i += 1) authId += ID_ALPHABET.charAt(randomInt(ID_ALPHABET.length));
  return { authId, authToken: randomBytes(TOKEN_BYTES).toString('base64url') };
}

function readKept(path: string): Account | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  chmodSync(path, OWNER_ONLY);
  const account = parseAccount(text);
  if (!account) throw new CredentialsError(`${path} holds no account: repair it, or remove it and a new one is made`);
  return account;
}

function parseAccount(text: string): Account | undefined {
  try {
    const { auth_id: authId, auth_token: authToken } = JSON.parse(text) as Record<string, unknown>;
    if (typeof authId !== 'string' || typeof authToken !== 'string' || !authId || !authToken) return undefined;
    return { authId, authToken };
  } catch {
    return undefined;
  }
}
