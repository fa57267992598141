import { dialHosts, numberPrefixes, trunkUri } from '../dial/settings.ts';
import { anything, whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';

/** Whom the server may call. */
export const dialling = {
  SIP_DIAL_ALLOW: {
    fallback: '',
    shown: 'none',
    meaning:
      'Hosts whose `sip:` addresses may be called, each with its port or 5060, by TLS 5061: `pbx.example.com,192.0.2.7:5070,10.1.2.0/24`',
    schema: dialHosts,
  },
  SIP_TRUNK: {
    fallback: '',
    shown: 'none',
    meaning: 'Who takes calls to telephone numbers: `sip:sip.carrier.example:5061;transport=tls`',
    schema: trunkUri,
  },
  SIP_TLS_CA: {
    fallback: '',
    shown: 'those Node knows',
    meaning:
      'PEM file of the authorities that certify those whom we call by TLS: without a valid certificate in the name of the host they are not called. Needs `TLS_CERT`; SIGHUP reads it again',
    schema: anything,
  },
  SIP_TRUNK_USER: {
    fallback: '',
    shown: 'none',
    meaning: 'Our name with the trunk, given when it asks for it',
    schema: anything,
  },
  SIP_TRUNK_PASSWORD: {
    fallback: '',
    shown: 'none',
    meaning: 'The password that goes with it, which never leaves the server: digest',
    schema: anything,
    secret: true,
  },
  SIP_TRUNK_REALM: {
    fallback: '',
    shown: 'whatever the trunk says',
    meaning: 'The only realm that they are for',
    schema: anything,
  },
  DIAL_ALLOW: {
    fallback: '',
    shown: 'none',
    meaning: 'First digits, without the plus, of the numbers that may be called through the trunk: `49,1212`',
    schema: numberPrefixes,
  },
  DIAL_CALLS_PER_MINUTE: {
    fallback: '60',
    meaning: 'Calls a minute to numbers and `sip:` addresses; more are refused with 429',
    schema: whole(0, 1_000_000),
  },
  DIAL_MINUTES_PER_DAY: {
    fallback: '1440',
    meaning: 'Minutes that all these calls may last together in a day (UTC); then they end, and more get 429',
    schema: whole(0, 100_000_000),
  },
} as const satisfies SettingTable;
