import assert from 'node:assert/strict';
import { readAuthorizations } from '../../../server/sip/authorization.ts';
import { StreamFramer, type StreamItem } from '../../../server/sip/framing.ts';
import { DEFAULT_LIMITS } from '../../../server/sip/limits.ts';
import { readDatagram } from '../../../server/sip/reader.ts';
import { readSdp } from '../../../server/sip/sdp-reader.ts';
import { CallScript, sdpText } from '../../support/sip-script.ts';
import { FakeFlow, SipBench, settle } from '../../unit/server/sip/doubles.ts';
import { mutateText } from '../mutate.ts';
import { below, type FuzzTarget, pick, type Random } from '../target.ts';

const SIP_PIECES = ['SIP/2.0', 'Via: ', 'v:', 'Content-Length: 5\r\n', ';tag=', ';branch=z9hG4bK', '%00', 'sip:'];
const METHODS = ['INVITE', 'OPTIONS', 'REGISTER', 'BYE', 'CANCEL', 'ACK', 'INFO', 'REFER', 'NONSENSE'];
const DEMO = 'sip:demo@127.0.0.1:5060';
/** Stands for the tag that the server will give. */
const OUR_TAG = 'tag-of-the-server';
const BETWEEN = '\0next\0';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A request with the same numbers each time, so that an input is its seed's alone. */
function scripted(
  random: Random,
  method: string,
  transport: 'UDP' | 'TCP' = 'UDP',
  script = newScript(transport),
): string {
  const branch = `z9hG4bK${below(random, 2 ** 31)}`;
  const body = method === 'INVITE' ? sdpText({ more: ['a=ptime:20', 'a=rtcp:5001'] }) : '';
  return plain(script.request(method, { branch, body }), script);
}

function newScript(transport: 'UDP' | 'TCP' = 'UDP'): CallScript {
  return new CallScript({ uri: DEMO, transport });
}

/** Without what the script drew by lot. */
function plain(text: string, { callId, tag }: CallScript): string {
  return text.replaceAll(callId, 'fuzzed@test').replaceAll(tag, 'tag-of-the-caller');
}

const message: FuzzTarget = {
  name: 'sip',
  about: 'SIP messages in a datagram',
  input: (random) => {
    const text =
      random() < 0.8
        ? scripted(random, pick(random, METHODS))
        : scripted(random, 'INVITE').replace(/^.*/, `SIP/2.0 ${below(random, 800)} Whatever`);
    return latin1(mutateText(text, random, SIP_PIECES));
  },
  take: (input) => {
    const read = readDatagram(input, DEFAULT_LIMITS);
    if (read.outcome === 'broken') {
      const { status } = read.refusal;
      assert.ok(status >= 400 && status < 700 && status !== 500, `a refusal with ${status}`);
    }
    if (read.outcome !== 'message') return false;
    const { message } = read;
    assert.ok(message.vias.length > 0 && message.vias.length <= DEFAULT_LIMITS.vias, 'it has a Via, and not too many');
    assert.ok(message.cseq.number >= 0 && message.cseq.number < 2 ** 31, 'the number is below 2^31');
    assert.ok(message.body.length <= input.length, 'the body is part of it');
    for (const { port } of message.vias)
      assert.ok(port === undefined || (port >= 0 && port <= 65_535), 'ports are ports');
    if (message.kind === 'response') assert.ok(message.status >= 100 && message.status < 700, 'a status is one');
    return true;
  },
};

const stream: FuzzTarget = {
  name: 'sip-stream',
  about: 'SIP over a connection: however it is cut, the same messages come out',
  input: (random) => {
    const parts = Array.from({ length: 1 + below(random, 3) }, () => scripted(random, pick(random, METHODS), 'TCP'));
    if (random() < 0.3) parts.splice(below(random, parts.length), 0, '\r\n\r\n');
    return latin1(mutateText(parts.join(''), random, SIP_PIECES));
  },
  take: (input) => {
    const framed = (pieces: readonly Buffer[]): StreamItem[] => {
      const framer = new StreamFramer(DEFAULT_LIMITS);
      return pieces.flatMap((piece) => [...framer.push(piece)]);
    };
    // Pings that come at once are answered once, so their number may differ.
    const kinds = (items: readonly StreamItem[]): string[] =>
      items
        .map((item) => (item.type === 'message' ? `${item.type} ${item.read.outcome}` : item.type))
        .filter((kind, i, all) => kind !== 'keep-alive' || all[i - 1] !== kind);
    const whole = kinds(framed([input]));
    // Where it is cut is taken from the input itself.
    const at = (input.reduce((sum, byte) => sum + byte, 0) * 7) % (input.length + 1);
    assert.deepEqual(kinds(framed([input.subarray(0, at), input.subarray(at)])), whole, `cut at ${at}`);
    return whole.includes('message message');
  },
};

const endpoint: FuzzTarget = {
  name: 'sip-endpoint',
  about: 'messages to a whole endpoint with a call that stands',
  input: (random) => {
    const script = newScript();
    const first = scripted(random, 'INVITE', 'UDP', script);
    script.toTag = OUR_TAG;
    const within = METHODS.map((method) => scripted(random, method, 'UDP', script));
    const rest = Array.from({ length: 1 + below(random, 5) }, () =>
      mutateText(random() < 0.7 ? pick(random, within) : scripted(random, pick(random, METHODS)), random, SIP_PIECES),
    );
    return latin1([first, ...rest].join(BETWEEN));
  },
  take: async (input) => {
    const bench = new SipBench();
    const [first = '', ...rest] = input.toString('latin1').split(BETWEEN);
    const caller = new FakeFlow();
    bench.receive(caller, first);
    await settle();
    const tag = /;tag=([^;]+)/.exec(caller.last.header('to') ?? '')?.[1] ?? '';
    let answered = false;
    for (const text of rest) {
      const flow = new FakeFlow();
      bench.receive(flow, text.replaceAll(OUR_TAG, tag));
      await settle();
      assert.deepEqual(bench.errors, [], 'nothing is our own mistake');
      const finals = flow.sent.filter(({ status }) => status >= 200);
      assert.ok(finals.length <= 1, `one answer, not ${finals.map(({ startLine }) => startLine).join()}`);
      // 500 is for requests out of order, and for nothing else.
      for (const { status, startLine } of finals)
        if (status === 500) assert.equal(startLine, 'SIP/2.0 500 Out Of Order');
      answered ||= finals.some(({ status }) => status < 300);
    }
    return answered;
  },
};

const SDP = sdpText({
  more: ['a=ptime:20', 'a=rtcp:5001 IN IP4 1.2.3.4', 'm=video 5 RTP/AVP 31', 'a=rtpmap:96 opus/48000/2'],
});

const sdp: FuzzTarget = {
  name: 'sdp',
  about: 'session descriptions',
  input: (random) =>
    latin1(mutateText(SDP, random, ['a=', 'm=audio ', 'c=IN IP4 ', 'a=rtpmap:', 'a=fmtp:', 'RTP/SAVP', 'IN IP6 '])),
  take: (input) => {
    const read = readSdp(input);
    if (!read.ok) return false;
    for (const { port, formats } of read.media) {
      assert.ok(port >= 0 && port <= 65_535, `port ${port}`);
      for (const { payloadType, clockRate } of formats)
        assert.ok(payloadType >= 0 && payloadType <= 127 && clockRate > 0, `format ${payloadType} of ${clockRate} Hz`);
    }
    return true;
  },
};

const AUTHORIZATION =
  'Digest username="ana", realm="example.com", nonce="abc", uri="sip:demo@example.com", ' +
  'response="0123456789abcdef0123456789abcdef", algorithm=MD5, qop=auth, nc=0000000a, cnonce="xyz"';

const digest: FuzzTarget = {
  name: 'digest',
  about: 'Authorization of SIP requests',
  input: (random) =>
    latin1(mutateText(AUTHORIZATION, random, ['Digest ', 'nc=', 'response=', 'username="', ', ', AUTHORIZATION])),
  take: (input) => {
    const found = readAuthorizations(input.toString('latin1'));
    for (const { response, count, qop } of found) {
      assert.match(response, /^[0-9a-f]{32,64}$/);
      assert.ok(count >= 0 && count <= 0xffff_ffff, 'the count is of 32 bits');
      if (qop === undefined) assert.equal(count, 0, 'there is no count without qop');
    }
    return found.length > 0;
  },
};

export const SIP_TARGETS = { message, stream, endpoint, sdp, digest } as const;
