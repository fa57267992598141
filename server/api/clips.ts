import { z } from 'zod';
import type { CatalogClip, ClipCatalog } from '../clips/catalog.ts';
import { ApiError, badField } from '../errors.ts';
import { bodySchema } from './fields.ts';
import { PAGE, page } from './paging.ts';
import { NEEDS_URLS, PLAY_URLS, type PlayUrlRules, parseUrls } from './play-urls.ts';
import { accountPath } from './present.ts';
import { type ApiRequest, param, type Resource } from './resource.ts';

export interface ClipsDeps {
  readonly authId: string;
  readonly clips: ClipCatalog;
  readonly rules: PlayUrlRules;
}

const ONE = z.object({
  url: PLAY_URLS.shape.url.meta({ description: 'The URL of an mp3 or wav file' }),
  urls: PLAY_URLS.shape.urls.meta({ description: 'The same under its other name' }),
});
const WARM_CLIP = bodySchema(
  { title: 'WarmClip', example: { url: 'https://media.example.com/welcome.mp3' }, needsOne: NEEDS_URLS },
  ONE,
);

/** Clips: fetched ahead of their first play, shown and dropped. */
export function clipResources(deps: ClipsDeps): readonly Resource[] {
  const { authId, clips, rules } = deps;
  const path = `${accountPath(authId)}/Clip/`;
  const present = (clip: CatalogClip) => presentClip(path, clip);
  return [
    {
      path: '/Clip/',
      query: PAGE,
      bodies: { POST: WARM_CLIP },
      methods: {
        GET: (request) => ({ status: 200, body: page(request, path, clips.list(), present) }),
        POST: (request) => {
          const [url, ...others] = parseUrls(request.body, rules);
          if (url === undefined || others.length > 0) throw badField('url', 'must be one URL');
          const clip = clips.warm(new URL(url));
          const body = present(clip);
          return { status: clip.state === 'ready' ? 200 : 202, body, headers: { Location: `${path}${clip.id}/` } };
        },
        DELETE: () => {
          clips.dropAll();
          return { status: 204 };
        },
      },
    },
    {
      path: '/Clip/:clip/',
      methods: {
        GET: (request) => {
          const clip = clips.find(idOf(request));
          if (!clip) throw new ApiError('not_found');
          return { status: 200, body: present(clip) };
        },
        DELETE: (request) => {
          if (!clips.drop(idOf(request))) throw new ApiError('not_found');
          return { status: 204 };
        },
      },
    },
  ];
}

function idOf(request: ApiRequest): number {
  const text = param(request, 'clip');
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new ApiError('not_found');
  return Number(text);
}

/** Duration and size grow while it loads, so they are told once it is complete. */
function presentClip(path: string, clip: CatalogClip): Record<string, unknown> {
  const { loudness, failure } = clip;
  const isReady = clip.state === 'ready';
  return {
    clip_id: String(clip.id),
    url: clip.url,
    status: clip.state,
    reason: failure?.reason ?? null,
    detail: failure?.detail ?? null,
    sample_rate: clip.sampleRate,
    duration_ms: isReady ? Math.round(clip.seconds * 1000) : null,
    size: isReady ? clip.bytes : null,
    loudness_lufs: loudness?.lufs === undefined ? null : tenths(loudness.lufs),
    peak_db: loudness === undefined || loudness.peak === 0 ? null : tenths(20 * Math.log10(loudness.peak)),
    truncated: clip.truncated,
    resource_uri: `${path}${clip.id}/`,
  };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
