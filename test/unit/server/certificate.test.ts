import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { SecureContextOptions } from 'node:tls';
import { Certificate, type CertificateFiles } from '../../../server/certificate.ts';
import { StartError } from '../../../server/start-error.ts';
import { Authority } from '../../support/authority.ts';

suite('the certificate', () => {
  const authority = new Authority();
  const one = authority.issue('one');
  const other = authority.issue('other');
  const lines: string[] = [];
  const note = (level: string) => (facts: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(facts)}`);
  const log = { info: note('info'), warn: note('warn'), error: note('error') } as never;
  const now = () => new Date();
  after(() => authority.close());

  function refusalOf(files: CertificateFiles): string {
    try {
      new Certificate(files, log, now);
    } catch (error) {
      assert.ok(error instanceof StartError, 'the operator is told what to do');
      return error.message;
    }
    return 'none';
  }

  test('that cannot be used is a start error that names its settings and shows nothing of the files', () => {
    assert.match(
      refusalOf({ ...one, certPath: '/nowhere.pem' }),
      /^TLS_CERT=\/nowhere\.pem: cannot be read \(ENOENT\)/,
    );
    assert.match(refusalOf({ ...one, keyPath: '/nowhere.key' }), /^TLS_KEY=\/nowhere\.key: cannot be read \(ENOENT\)/);
    assert.match(refusalOf({ ...one, keyPath: other.keyPath }), /the key is not that of the certificate/);
    const noise = join(authority.folder, 'noise.pem');
    writeFileSync(noise, 'a secret that is no PEM');
    assert.match(refusalOf({ ...one, caPath: '/no.pem' }), /^SIP_TLS_CA=\/no\.pem: cannot be read \(ENOENT\)/);
    assert.match(refusalOf({ ...one, caPath: noise }), /^SIP_TLS_CA=.*noise\.pem: no certificates in PEM/);
    for (const files of [
      { ...one, certPath: noise },
      { ...one, keyPath: noise },
      { certPath: one.keyPath, keyPath: one.certPath },
    ]) {
      assert.match(refusalOf(files), /no certificate and key in PEM/);
      assert.doesNotMatch(refusalOf(files), /secret|BEGIN/);
    }
  });

  test('is read again for every server that shows it, and stays when the new one cannot be used', () => {
    const files = { certPath: join(authority.folder, 'live.pem'), keyPath: join(authority.folder, 'live.key') };
    const put = (cert: string, key: string): void => {
      copyFileSync(cert, files.certPath);
      copyFileSync(key, files.keyPath);
    };
    put(one.certPath, one.keyPath);
    const certificate = new Certificate(files, log, now);
    const given: SecureContextOptions[] = [];
    certificate.keepFresh({ setSecureContext: (options) => given.push(options) });

    put(other.certPath, one.keyPath);
    certificate.reload();
    assert.equal(given.length, 0);
    assert.match(lines.at(-1) ?? '', /^error the certificate in use stays/);
    assert.match(String(certificate.options.cert), /BEGIN CERTIFICATE/);

    put(other.certPath, other.keyPath);
    certificate.reload();
    assert.equal(given.length, 1);
    assert.equal(given[0]?.minVersion, 'TLSv1.2');
    assert.equal(given[0], certificate.options);
    assert.match(lines.at(-1) ?? '', /^info certificate read again .*CN=other/);
    const inOneDay = Date.now() + 86_400_000;
    assert.ok(certificate.expiry > inOneDay && certificate.expiry < Date.now() + 3650 * 86_400_000, 'its end is known');
  });

  test('that has expired is used, with a warning', () => {
    new Certificate(one, log, () => new Date(Date.now() + 5 * 86_400_000));
    assert.match(lines.at(-1) ?? '', /^warn certificate in use, and it has expired/);
  });
});
