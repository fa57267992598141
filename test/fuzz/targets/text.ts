import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { checkSource, judgeEndpoint, sourcePolicy } from '../../../media/clip/policy.ts';
import { parseBody } from '../../../server/api/body.ts';
import { parseJson } from '../../../server/api/json.ts';
import { parseResponse } from '../../../server/app-xml/response.ts';
import { ApiError } from '../../../server/errors.ts';
import { parseClientMessage } from '../../../server/ws/protocol.ts';
import { TwilioDialect } from '../../../server/ws/twilio-dialect.ts';
import { LOOPBACK_HOSTS } from '../../support/loopback-spellings.ts';
import { mutateText } from '../mutate.ts';
import { below, type FuzzTarget, pick } from '../target.ts';

const LIMITS = { maxDepth: 20, maxKeys: 200 };
const JSON_PIECES = ['{', '}', '[', ']', '"', ':', ',', '\\u', '\\', '-', '1e', 'null', 'true', '\u0000', '\ud800'];
const BODY =
  '{"url":"https://a.example/x.mp3","loop":[1,2.5,true,null],"duck":{"gain_db":-9,"é":"\\u00e9"},"__proto__":{"a":1}}';

const body: FuzzTarget = {
  name: 'json',
  about: 'JSON and form bodies; what is read as JSON is what JSON.parse reads',
  input: (random) => {
    if (random() < 0.05) return Buffer.from(pick(random, ['[', '{"a":', '"\\']).repeat(below(random, 20_000)));
    return Buffer.from(mutateText(BODY, random, JSON_PIECES), random() < 0.9 ? 'utf8' : 'latin1');
  },
  take: (input) => {
    const text = input.toString('utf8');
    const parsed = parseJson(text, LIMITS);
    if (parsed.ok) assert.deepEqual(JSON.parse(JSON.stringify(parsed.value)), JSON.parse(text));
    for (const type of [undefined, 'application/x-www-form-urlencoded', 'application/json; charset=utf-8'])
      try {
        const read = parseBody(input, type, LIMITS);
        assert.ok(!Array.isArray(read) && Object.getPrototypeOf(read) !== Array.prototype, 'a body is an object');
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    return parsed.ok;
  },
};

const XML =
  '<?xml version="1.0" encoding="UTF-8"?><Response><Speak voice="WOMAN" language="en-US">Hello &amp; welcome</Speak>' +
  '<Play loop="2">https://a.example/x.mp3</Play><Wait length="3"/><DTMF>12</DTMF>' +
  '<MultiPartyCall role="agent" maxParticipants="5" waitMusicUrl="https://a.example/w">room</MultiPartyCall></Response>';
const RULES = {
  maxUrlLength: 2048,
  checkUrl: (url: string) => (URL.canParse(url) ? { ok: true as const } : { ok: false as const, message: 'no URL' }),
};

const xml: FuzzTarget = {
  name: 'xml',
  about: "an app's XML",
  input: (random) => {
    const pieces = ['<', '/>', '</', '<![CDATA[', ']]>', '<!--', '<!DOCTYPE x', '&#x', '&lt;', '<Play', '="', '<a>'];
    if (random() < 0.02) return Buffer.from(pick(random, pieces).repeat(below(random, 20_000)));
    return Buffer.from(mutateText(XML, random, pieces));
  },
  take: (input) => {
    const read = parseResponse(input.toString('utf8'), RULES);
    if (read.ok) assert.ok(Array.isArray(read.verbs), 'there is a list of verbs');
    else assert.ok(read.problem !== '', 'it says what is wrong');
    return read.ok;
  },
};

const MESSAGES = [
  { event: 'playAudio', media: { contentType: 'audio/x-l16', sampleRate: 8000, payload: 'AQIDBA==' } },
  { event: 'checkpoint', streamId: '5d2f', name: 'one' },
  { event: 'clearAudio', streamId: '5d2f' },
  { event: 'sendDTMF', dtmf: '12#' },
  { event: 'media', streamSid: 'x', media: { payload: 'AQIDBA==' } },
  { event: 'mark', streamSid: 'x', mark: { name: 'one' } },
  { event: 'clear', streamSid: 'x' },
].map((message) => JSON.stringify(message));
const TWILIO = new TwilioDialect(
  { accountId: 'a', callId: 'b', streamId: 'x', mpcUuid: 'c', memberId: '1' },
  { tracks: ['inbound'], parameters: {} },
);

const webSocket: FuzzTarget = {
  name: 'ws-message',
  about: "WebSocket messages, Plivo's and Twilio's",
  input: (random) => {
    if (random() < 0.02) return Buffer.from(pick(random, ['[', '{"a":', '"']).repeat(below(random, 15_000)));
    return Buffer.from(mutateText(pick(random, MESSAGES), random, JSON_PIECES));
  },
  take: (input) => {
    const text = input.toString('utf8');
    const read = [parseClientMessage(text), TWILIO.parse(text)];
    for (const parsed of read) {
      if (!parsed.ok) assert.ok(parsed.error !== '', 'it says what is wrong');
      else if (parsed.message.event === 'playAudio')
        assert.ok(parsed.message.audio.length <= input.length, 'no more audio than came');
      else if (parsed.message.event === 'sendDTMF') assert.match(parsed.message.digits, /^[0-9A-Da-dwW*#]{1,32}$/);
    }
    return read.some(({ ok }) => ok);
  },
};

const POLICY = sourcePolicy({ ownPorts: [8080] });
const PUBLIC_HOSTS = ['example.com', '93.184.216.34', '[2606:4700:4700::1111]', 'a.example.'];

const url: FuzzTarget = {
  name: 'url',
  about: 'the guard of URLs: what passes it leads nowhere inside',
  input: (random) => {
    const host = random() < 0.7 ? pick(random, LOOPBACK_HOSTS) : pick(random, PUBLIC_HOSTS);
    const text = `${pick(random, ['http', 'https', 'HTTP'])}://${host}${pick(random, ['', ':80', ':8443'])}/a.mp3?x=1#y`;
    if (random() < 0.1) return Buffer.from(text);
    return Buffer.from(
      mutateText(text, random, ['127', '0x7f', '::', '.', '%2e', '％', '。', '\\', '//', '@', 'localhost']),
    );
  },
  take: (input) => {
    const verdict = checkSource(input.toString('utf8'), POLICY);
    if (!verdict.ok) return false;
    const { protocol, hostname, username, password, port } = verdict.url;
    assert.ok(protocol === 'http:' || protocol === 'https:', protocol);
    assert.equal(username + password, '', 'no credentials');
    // Names are judged by what they resolve to; these resolve to here for everybody.
    assert.doesNotMatch(
      hostname,
      /^(127|10|0)(\.\d+){3}\.?$|^(192\.168|169\.254)(\.\d+){2}\.?$|^\[::1?\]$|(^|\.)localhost\.?$/,
    );
    // An address that is written out has to pass at the connection as well.
    const literal = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
    if (literal) {
      const number = port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port);
      assert.equal(judgeEndpoint(POLICY, hostname.replace(/^\[|\]$/g, ''), number).ok, true, hostname);
    }
    return true;
  },
};

export const TEXT_TARGETS = { body, xml, webSocket, url } as const;
