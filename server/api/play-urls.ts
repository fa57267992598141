import { z } from 'zod';
import { field, type UrlRules } from '../body-values.ts';
import { ApiError, badField } from '../errors.ts';
import { read } from './fields.ts';
import type { Body } from './resource.ts';

export interface PlayUrlRules extends UrlRules {
  readonly maxPlayUrls: number;
}

const EXPECTED = 'must be a string or a list of strings';
const textOrList = (about: string) =>
  field(about, z.union([z.string(), z.array(z.string(EXPECTED))], EXPECTED).optional());

/** The URLs of a play. Clients unsure of the name send both, meaning it once. */
export const PLAY_URLS = z.object({
  url: textOrList('One URL of an mp3 or wav file, which may hold commas; several with commas between them; or a list'),
  urls: textOrList('The same under its other name, where every comma separates'),
});

/** One of these has to be there. */
export const NEEDS_URLS = [['url'], ['urls']] as const;

/** In playing order. One that is wrong refuses them all. */
export function parseUrls(body: Body, rules: PlayUrlRules): readonly string[] {
  const given = read(PLAY_URLS, body);
  const one = urlsIn(given.url, splitBeforeSchemes);
  const list = urlsIn(given.urls, (text) => text.split(/ ?, ?/));
  const urls = one.join() === list.join() ? one : [...one, ...list];
  if (urls.length === 0) throw badField('url', 'must be given: the http or https URL of an mp3 or wav file');
  if (urls.length > rules.maxPlayUrls) throw badField('urls', `must hold at most ${rules.maxPlayUrls} URLs`);
  for (const [index, url] of urls.entries()) {
    const which = urls.length === 1 ? 'url' : `url ${index + 1} of ${urls.length}`;
    if (url.length > rules.maxUrlLength)
      throw new ApiError('bad_url', { detail: `${which} is longer than ${rules.maxUrlLength} characters` });
    const verdict = rules.checkUrl(url);
    if (!verdict.ok) throw new ApiError('bad_url', { detail: `${which}: ${verdict.message}` });
  }
  return urls;
}

function urlsIn(value: string | readonly string[] | undefined, split: (text: string) => string[]): readonly string[] {
  return typeof value === 'string' ? split(value) : (value ?? []);
}

/** A comma inside a URL stays: only one with a scheme behind it separates. */
function splitBeforeSchemes(text: string): string[] {
  return text.split(/ ?, ?(?=[a-z][a-z0-9+.-]*:)/i);
}
