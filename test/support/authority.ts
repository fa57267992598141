import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM files of a certificate with its key. */
export interface IssuedFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certificate authority that lives as long as a test. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'partyline-authority-'));
  readonly caPath = join(this.folder, 'ca.pem');

  constructor() {
    const subject = ['-subj', '/CN=authority of a test', '-days', '2'];
    openssl('req', '-x509', ...newKey(this.#at('ca.key')), ...subject, '-out', this.caPath);
  }

  get ca(): string {
    return readFileSync(this.caPath, 'utf8');
  }

  /** A certificate whose subject is `name`, for 127.0.0.1 and localhost unless others are named. */
  issue(name: string, hosts = 'IP:127.0.0.1,DNS:localhost'): IssuedFiles {
    const files = { certPath: this.#at(`${name}.pem`), keyPath: this.#at(`${name}.key`) };
    const [request, extensions] = [this.#at(`${name}.csr`), this.#at(`${name}.ext`)];
    openssl('req', ...newKey(files.keyPath), '-subj', `/CN=${name}`, '-out', request);
    writeFileSync(extensions, `subjectAltName=${hosts}`);
    const signer = ['-CA', this.caPath, '-CAkey', this.#at('ca.key'), '-CAcreateserial'];
    openssl('x509', '-req', '-in', request, ...signer, '-days', '2', '-extfile', extensions, '-out', files.certPath);
    return files;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #at(name: string): string {
    return join(this.folder, name);
  }
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
