import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The Chromium of this machine, or `CHROMIUM_PATH`; undefined when there is none. */
export const chromiumPath: string | undefined = [process.env.CHROMIUM_PATH, ...CANDIDATES].find(
  (path) => path !== undefined && path !== '' && existsSync(path),
);

/** For `test(name, needsBrowser, …)`: skips on a person's machine without Chromium, and lets CI fail there. */
export const needsBrowser: { readonly skip: string | false } = {
  skip:
    chromiumPath === undefined && process.env.CI !== 'true' ? 'no Chromium: install it or set CHROMIUM_PATH' : false,
};

/** A headless Chromium with a profile of its own, a microphone that beeps once a second, and no questions asked. */
export interface Browser {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Everything a page complained about: errors, refusals of its content security policy. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function startBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('this test needs Chromium');
  const profile = await mkdtemp(join(tmpdir(), 'partyline-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath,
    headless: true,
    viewport: { width: 1200, height: 860 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
    ],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return {
    context,
    page,
    complaints,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
