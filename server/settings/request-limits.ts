import { MAX_URL_LENGTH } from '../../media/clip/index.ts';
import { whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';
import { megabyte } from './units.ts';

/** How large, slow and many requests and connections may be. */
export const requestLimits = {
  MAX_BODY_BYTES: {
    fallback: '65536',
    meaning: 'Bytes in a request body; more get 413',
    schema: whole(1024, megabyte),
  },
  MAX_JSON_DEPTH: { fallback: '20', meaning: 'Levels of nesting in a JSON body', schema: whole(1, 100) },
  MAX_JSON_KEYS: { fallback: '200', meaning: 'Keys and list items in a body', schema: whole(1, 100_000) },
  MAX_HEADER_BYTES: {
    fallback: '16384',
    meaning: 'Bytes of request line and headers; more get 431',
    schema: whole(1024, megabyte),
  },
  HTTP_HEADERS_SECONDS: { fallback: '10', meaning: 'Time for the headers of a request', schema: whole(1, 600) },
  HTTP_REQUEST_SECONDS: { fallback: '30', meaning: 'Time for a whole request', schema: whole(1, 3600) },
  MAX_HTTP_CONNECTIONS: {
    fallback: '4000',
    meaning: 'Open TCP connections to the HTTP port',
    schema: whole(1, 1_000_000),
  },
  MAX_PLAY_URLS: { fallback: '20', meaning: 'URLs in one play', schema: whole(1, 200) },
  MAX_URL_LENGTH: { fallback: '2048', meaning: 'Characters in one URL', schema: whole(16, MAX_URL_LENGTH) },
  MAX_MEMBER_IDS: { fallback: '200', meaning: 'Member ids in one request', schema: whole(1, 10_000) },
  MAX_WS: { fallback: '2000', meaning: 'WebSockets on this node', schema: whole(1, 1_000_000) },
  MAX_WS_PER_ADDRESS: { fallback: '50', meaning: 'WebSockets from one address', schema: whole(1, 1_000_000) },
} as const satisfies SettingTable;
