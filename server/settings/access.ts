import { z } from 'zod';
import { digestAlgorithms, flag, host, networks, origins, sources, whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';

/** Who may use the server, and whom it may talk to by HTTP. */
export const access = {
  AUTH_ID: {
    fallback: undefined,
    shown: 'made at first start',
    meaning: "The account's id: 1 to 64 letters, digits, `-` or `_`. Some SDKs insist on `MA` and 18 more",
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"'),
  },
  AUTH_TOKEN: {
    fallback: undefined,
    shown: 'made at first start',
    meaning: "The account's password: 8 to 128 visible ASCII characters. Goes together with `AUTH_ID`",
    schema: z.string().regex(/^[\x21-\x7e]{8,128}$/, 'must be 8 to 128 visible ASCII characters'),
    secret: true,
  },
  AUTH_FAILURES_PER_MINUTE: {
    fallback: '20',
    meaning: 'Wrong passwords from one address before it gets 429 (SIP: 503) for the rest of the minute',
    schema: whole(1, 1_000_000),
  },
  METRICS_AUTH: { fallback: 'false', meaning: '`true` asks for the account at `/metrics`', schema: flag },
  TRUSTED_PROXIES: {
    fallback: '',
    shown: 'none',
    meaning: 'Proxies in front of HTTP whose X-Forwarded-For is believed, as networks: `10.0.0.5/32`',
    schema: networks,
  },
  CORS_ORIGINS: {
    fallback: '',
    shown: 'none',
    meaning: 'Web origins whose pages may use the REST API: `https://console.example.com`',
    schema: origins,
  },
  WS_ORIGINS: {
    fallback: '',
    shown: 'none but our own',
    meaning: 'Web origins whose pages may open a stream: `https://console.example.com`',
    schema: origins,
  },
  SIP_TRUSTED: {
    fallback: '127.0.0.0/8,::1/128',
    meaning:
      'Addresses whose SIP needs no password; everybody else calls and registers as a user, with the password of an Endpoint',
    schema: networks,
  },
  SIP_REALM: {
    fallback: undefined,
    shown: '`PUBLIC_ADDRESS`',
    meaning:
      'The realm of SIP users and the host of their addresses. Passwords are bound to it: another one voids them',
    schema: host,
  },
  SIP_DIGEST: {
    fallback: 'SHA-256,MD5',
    meaning:
      'Digest algorithms offered to SIP users, the better first. Some older phones give up unless it is `MD5` alone',
    schema: digestAlgorithms.refine((names) => names.length > 0, 'must name at least one algorithm'),
  },
  FETCH_ALLOW: {
    fallback: '',
    shown: 'none',
    meaning:
      'Private sources a play may fetch from, and private receivers of callbacks: `127.0.0.1:9000,10.1.2.0/24:443`',
    schema: sources,
  },
} as const satisfies SettingTable;
