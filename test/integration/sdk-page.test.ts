import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { DRIVERS, missing, run } from '../sdk/drivers.ts';
import type { SdkName } from '../sdk/wire.ts';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { lacking } from '../support/programs.ts';

/*
 * The lines of docs/sdk.md bring each SDK here. Node's are run with the SDK itself (story-docs.test.ts); the others' with a
 * few lines in its place, or they are a part of the program that asks as the SDK does (sdk-drivers.test.ts).
 */

const PAGE = readFileSync('docs/sdk.md', 'utf8');
const HERE = 'http://127.0.0.1:8080';

function linesOf(language: string): string {
  const [, lines = ''] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(PAGE) ?? [];
  assert.notEqual(lines, '', `the page has lines of ${language}`);
  return lines;
}

/** What the stand-in of an SDK says after it has run the lines. */
async function said(t: TestContext, name: SdkName, lines: string): Promise<Record<string, unknown> | undefined> {
  const driver = DRIVERS[name] ?? assert.fail(`${name} has a program`);
  const lack = await missing(driver);
  if (lack !== undefined) {
    lacking(t, lack);
    return undefined;
  }
  return JSON.parse(await run(driver.program, [driver.arguments[0]?.replace('driver.', 'page.') ?? ''], lines));
}

test('python: all four addresses are here', async (t) => {
  const address = `${HERE}/v1/Account`;
  const addresses = await said(t, 'python', linesOf('python'));
  if (!addresses) return;
  assert.deepEqual(addresses, {
    PLIVO_API_BASE_URI: address,
    API_VOICE_BASE_URI: address,
    API_VOICE_BASE_URI_FALLBACK_1: address,
    API_VOICE_BASE_URI_FALLBACK_2: address,
  });
});

test('ruby: all addresses are here', async (t) => {
  const addresses = await said(t, 'ruby', linesOf('ruby'));
  if (!addresses) return;
  assert.deepEqual(addresses, {
    base_uri: HERE,
    voice_base_uri: HERE,
    voice_base_uri_fallback_1: HERE,
    voice_base_uri_fallback_2: HERE,
    callinsights_base_uri: HERE,
    lookup_base_uri: HERE,
  });
});

test('php: a request to Plivo arrives here', async (t) => {
  const here = await CallbackReceiver.start();
  t.after(() => here.close());
  here.answer = (_received, response) => response.setHeader('content-type', 'application/json').end('{"here":true}');
  const answer = await said(t, 'php', linesOf('php').replace('8080', String(here.port)));
  if (!answer) return;
  assert.deepEqual(answer, { status: 200, body: { here: true } });
  assert.equal(here.received[0]?.path, '/v1/Account/MA/');
});

test('go and java: the lines are those of the programs that are run', () => {
  const plain = (code: string) => code.replace(/\s+/g, '');
  const go = linesOf('go').split('client, err :=')[0] ?? '';
  const goHere = go
    .replace('struct{ next', 'struct {here *url.URL\n next')
    .replace('"http", "127.0.0.1:8080"', 't.here.Scheme, t.here.Host');
  assert.ok(plain(readFileSync('test/sdk/go/driver.go', 'utf8')).includes(plain(goHere)), goHere);
  const [, interceptor = ''] = /(\.addInterceptor\([\s\S]*?\n\}\))/.exec(linesOf('java')) ?? [];
  const javaHere = interceptor
    .replace('"http"', 'base.scheme()')
    .replace('"127.0.0.1"', 'base.host()')
    .replace('8080', 'base.port()');
  assert.notEqual(javaHere, '', 'the page has an interceptor');
  assert.ok(plain(readFileSync('test/sdk/java/Driver.java', 'utf8')).includes(plain(javaHere)), javaHere);
});
