import { setTimeout as wait } from 'node:timers/promises';
import { mutateText } from '../../fuzz/mutate.ts';
import { CallScript, sdpText } from '../../support/sip-script.ts';
import { type Attack, isOver, TRUSTED } from '../attack.ts';
import { Wire } from '../wire.ts';
import { finish, SIP_COUNTS } from './sip-torture.ts';

const ANSWER_MS = 4000;
const PAUSE_MS = 15;
const PIECES = [
  'a=',
  'm=audio ',
  'm=video 9 ',
  'c=IN IP4 ',
  'IN IP6 ::1',
  'a=rtpmap:',
  'a=fmtp:',
  'RTP/SAVPF',
  'a=crypto:1 ',
];

/** Where no sound may go to, whoever asks for it. */
const FORBIDDEN = ['0.0.0.1', '224.0.0.1', '239.255.255.250', '255.255.255.255', '169.254.169.254', '240.0.0.1'];

export const sdp: Attack = {
  name: 'sdp',
  about: 'calls whose session descriptions are spoiled, or name places where nobody may send to',
  counts: SIP_COUNTS,
  run: async (front) => {
    const { server, random } = front;
    const wrong: string[] = [];
    const wire = await Wire.open('UDP', TRUSTED.sdp, server.sipPort);
    let sent = 0;
    let taken = 0;
    const call = async (body: string): Promise<number> => {
      const script = new CallScript({ uri: `sip:fire-sdp@127.0.0.1:${server.sipPort}`, local: wire.local });
      const invite = script.request('INVITE', { body });
      sent += 1;
      const final = await wire.ask(invite, ANSWER_MS, ({ text }) => text.includes(script.callId));
      if (!final) {
        wrong.push(`an INVITE got no answer: ${JSON.stringify(body)}`);
        return 408;
      }
      const bye = await finish(wire, invite, final);
      if (final.status < 300 && bye?.status !== 200) wrong.push(`a BYE got ${bye?.status ?? 'no answer'}`);
      return final.status;
    };
    const good = sdpText({ address: TRUSTED.sdp, more: ['a=ptime:20', 'a=rtcp:40001', 'a=sendrecv'] });
    try {
      for (const address of FORBIDDEN) {
        const status = await call(sdpText({ address }));
        if (status < 400) wrong.push(`sound to ${address} was agreed to with ${status}`);
      }
      do {
        const status = await call(mutateText(good, random, PIECES));
        if (status < 300) taken += 1;
        else if (status >= 500 && status !== 503) wrong.push(`a spoiled description got ${status}`);
        await wait(PAUSE_MS);
      } while (!isOver(front));
    } finally {
      wire.close();
    }
    return { sent, wrong, note: `${taken} taken and ended` };
  },
};
