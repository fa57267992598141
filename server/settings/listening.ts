import { address, anything, host, whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';

/** Where the server listens, and what it says of where it is. */
export const listening = {
  HTTP_HOST: { fallback: '127.0.0.1', meaning: 'Address of the API, WebSocket, metrics and console', schema: host },
  HTTP_PORT: { fallback: '8080', meaning: 'TCP port of the same; 0 takes a free one', schema: whole(0, 65_535) },
  SIP_HOST: { fallback: '127.0.0.1', meaning: 'Address of SIP (UDP and TCP) and of RTP', schema: address },
  SIP_PORT: { fallback: '5060', meaning: 'UDP and TCP port of SIP; 0 takes a free one', schema: whole(0, 65_535) },
  TLS_CERT: {
    fallback: '',
    shown: 'none',
    meaning:
      'PEM file of a certificate and its chain: with it HTTP_PORT speaks https and wss alone, and SIP_TLS_PORT SIP by TLS. Goes together with `TLS_KEY`: [tls.md](tls.md)',
    schema: anything,
  },
  TLS_KEY: {
    fallback: '',
    shown: 'none',
    meaning: 'PEM file of its key. SIGHUP reads both files again',
    schema: anything,
  },
  SIP_TLS_PORT: {
    fallback: '5061',
    meaning: 'TCP port of SIP by TLS, taken once there is a certificate; 0 takes a free one',
    schema: whole(0, 65_535),
  },
  RTP_PORT_MIN: {
    fallback: '20000',
    meaning: 'Lowest media port: RTP takes even ports, RTCP the odd one above',
    schema: whole(1024, 65_534),
  },
  RTP_PORT_MAX: { fallback: '29999', meaning: 'Highest media port', schema: whole(1025, 65_535) },
  PUBLIC_ADDRESS: {
    fallback: undefined,
    shown: "`SIP_HOST`, or for `0.0.0.0` the machine's first outside address",
    meaning: 'The address that SDP and Contact tell callers',
    schema: address,
  },
} as const satisfies SettingTable;
