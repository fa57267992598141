import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from './log.ts';
import { StartError } from './start-error.ts';

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
  /** Of the authorities that certify those whom we call; Node's own list when left out. */
  readonly caPath?: string | undefined;
}

/** A server that speaks TLS, as far as its certificate goes. */
export interface CertificateUser {
  setSecureContext(options: SecureContextOptions): void;
}

/** A certificate with its key, as Node's TLS takes them. */
interface Pair extends SecureContextOptions {
  readonly minVersion: 'TLSv1.2';
}

type Loaded =
  | { readonly ok: true; readonly pair: Pair; readonly leaf: X509Certificate; readonly ca: Buffer | undefined }
  | { readonly ok: false; readonly problem: string };

type FileRead = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly problem: string };

/** The certificate that all listeners show, from PEM files that may change while the server runs. */
export class Certificate {
  readonly #files: CertificateFiles;
  readonly #log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly #now: () => Date;
  readonly #users = new Set<CertificateUser>();
  #pair: Pair;
  #leaf: X509Certificate;
  #ca: Buffer | undefined;

  /** Throws a `StartError` when the files cannot be used. */
  constructor(files: CertificateFiles, log: Pick<Logger, 'info' | 'warn' | 'error'>, now: () => Date) {
    const loaded = load(files);
    if (!loaded.ok) throw new StartError(loaded.problem);
    this.#files = files;
    this.#log = log;
    this.#now = now;
    this.#pair = loaded.pair;
    this.#leaf = loaded.leaf;
    this.#ca = loaded.ca;
    this.#tell(loaded.leaf, 'certificate in use');
  }

  get options(): SecureContextOptions {
    return this.#pair;
  }

  /** What we show to those whom we call, and whom we believe there. */
  get asClient(): SecureContextOptions {
    return this.#ca ? { ...this.#pair, ca: this.#ca } : this.#pair;
  }

  /** When it ends, in ms of Unix time. */
  get expiry(): number {
    return new Date(this.#leaf.validTo).getTime();
  }

  /** A server that was made with `options`: it is given what comes later. */
  keepFresh(server: CertificateUser): void {
    this.#users.add(server);
  }

  /** Reads the files again. Connections that stand go on; what cannot be used changes nothing. */
  reload(): void {
    const loaded = load(this.#files);
    if (!loaded.ok) {
      this.#log.error({ problem: loaded.problem }, 'the certificate in use stays: the new one cannot be used');
      return;
    }
    this.#pair = loaded.pair;
    this.#leaf = loaded.leaf;
    this.#ca = loaded.ca;
    for (const user of this.#users) user.setSecureContext(loaded.pair);
    this.#tell(loaded.leaf, 'certificate read again');
  }

  #tell(leaf: X509Certificate, event: string): void {
    const facts = { subject: leaf.subject, expires: leaf.validTo };
    if (new Date(leaf.validTo) < this.#now()) this.#log.warn(facts, `${event}, and it has expired`);
    else this.#log.info(facts, event);
  }
}

function load({ certPath, keyPath, caPath }: CertificateFiles): Loaded {
  const cert = read('TLS_CERT', certPath);
  if (!cert.ok) return cert;
  const key = read('TLS_KEY', keyPath);
  if (!key.ok) return key;
  const authorities = caPath === undefined ? undefined : readAuthorities(caPath);
  if (authorities && !authorities.ok) return authorities;
  try {
    const leaf = new X509Certificate(cert.bytes);
    const pair: Pair = { cert: cert.bytes, key: key.bytes, minVersion: 'TLSv1.2' };
    createSecureContext(pair);
    return { ok: true, pair, leaf, ca: authorities?.bytes };
  } catch (error) {
    return { ok: false, problem: explain(error, certPath, keyPath) };
  }
}

/** Node passes over what is no PEM, and then believes nobody. */
function readAuthorities(path: string): FileRead {
  const file = read('SIP_TLS_CA', path);
  if (!file.ok) return file;
  try {
    new X509Certificate(file.bytes);
    return file;
  } catch {
    return { ok: false, problem: `SIP_TLS_CA=${path}: no certificates in PEM.` };
  }
}

function read(name: string, path: string): FileRead {
  try {
    return { ok: true, bytes: readFileSync(path) };
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    return { ok: false, problem: `${name}=${path}: cannot be read (${why}). Name a PEM file that this user may read.` };
  }
}

/** Only codes of OpenSSL are repeated: nothing of what the files hold. */
function explain(error: unknown, certPath: string, keyPath: string): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const files = `TLS_CERT=${certPath} and TLS_KEY=${keyPath}`;
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH')
    return `${files}: the key is not that of the certificate. Name files that belong together.`;
  return `${files}: no certificate and key in PEM, the key without a password (${code || 'malformed'}).`;
}
