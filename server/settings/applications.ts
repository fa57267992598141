import { appUrl, callbackMethod, eventGroups } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';

/** URLs of applications that are asked what to do and told what happened. */
export const applications = {
  ANSWER_URL: {
    fallback: '',
    shown: 'none',
    meaning:
      'Is asked for XML that says what becomes of each SIP call: [xml.md](xml.md). Without it the user part names the MPC to join',
    schema: appUrl,
  },
  ANSWER_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  FALLBACK_URL: { fallback: '', shown: 'none', meaning: 'Is asked when another URL gave no XML', schema: appUrl },
  FALLBACK_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  HANGUP_URL: {
    fallback: '',
    shown: 'none',
    meaning: 'Is told when a call that `ANSWER_URL` was asked about is over',
    schema: appUrl,
  },
  HANGUP_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  STATUS_CALLBACK_URL: {
    fallback: '',
    shown: 'none',
    meaning: 'Is told what happens in MPCs that name no status callback themselves: [callbacks.md](callbacks.md)',
    schema: appUrl,
  },
  STATUS_CALLBACK_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  STATUS_CALLBACK_EVENTS: {
    fallback: 'mpc-state-changes,participant-state-changes',
    meaning: 'Of what: groups of events',
    schema: eventGroups,
  },
} as const satisfies SettingTable;
