import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { parseResponse, type Verb } from '../../../../server/app-xml/index.ts';

/* What the XML builders of Plivo's SDKs can write is read: Node's by running it, the others' by their lists of attributes. */

interface Element {
  readonly valid_attributes: readonly string[];
}
type Attributes = Readonly<Record<string, string | number | boolean>>;

interface Builder {
  addMultiPartyCall(name: string, attributes: Attributes): Element;
  addPlay(url: string, attributes: Attributes): Element;
  addSpeak(text: string, attributes: Attributes): Element & { addBreak(text: string, attributes: Attributes): unknown };
  addWait(attributes: Attributes): Element;
  addHangup(attributes: Attributes): Element;
  addRedirect(url: string, attributes: Attributes): Element;
  addDTMF(digits: string, attributes: Attributes): Element;
  toXML(): string;
}

const { Response } = createRequire(import.meta.url)('plivo') as { readonly Response: new () => Builder };

const RULES = {
  maxUrlLength: 200,
  checkUrl: (url: string) =>
    /^https?:/.test(url) ? { ok: true as const } : { ok: false as const, message: 'not allowed' },
};
const URL_VALUE = 'https://app.example.com/xml';

/** Every attribute of the npm package's `<MultiPartyCall>` with a value other than its default where it lets us. */
const MPC: Attributes = {
  role: 'Supervisor',
  maxDuration: 600,
  maxParticipants: 5,
  recordMinMemberCount: 2,
  waitMusicUrl: URL_VALUE,
  waitMusicMethod: 'POST',
  agentHoldMusicUrl: URL_VALUE,
  agentHoldMusicMethod: 'POST',
  customerHoldMusicUrl: URL_VALUE,
  customerHoldMusicMethod: 'POST',
  record: true,
  recordFileFormat: 'wav',
  recordingCallbackUrl: URL_VALUE,
  recordingCallbackMethod: 'POST',
  statusCallbackEvents: 'MPC-state-changes, participant-speak-events',
  statusCallbackUrl: URL_VALUE,
  statusCallbackMethod: 'get',
  stayAlone: true,
  coachMode: true,
  mute: true,
  hold: true,
  startMpcOnEnter: true,
  endMpcOnExit: true,
  enterSound: 'none',
  enterSoundMethod: 'POST',
  exitSound: 'beep:1',
  exitSoundMethod: 'POST',
  onExitActionUrl: URL_VALUE,
  onExitActionMethod: 'GET',
  relayDTMFInputs: true,
  startRecordingAudio: URL_VALUE,
  startRecordingAudioMethod: 'POST',
  stopRecordingAudio: URL_VALUE,
  stopRecordingAudioMethod: 'POST',
  recordParticipantTrack: true,
};

function verbsOf(xml: string): readonly Verb[] {
  const read = parseResponse(xml, RULES);
  assert.ok(read.ok, read.ok ? '' : `${read.problem}: ${xml}`);
  assert.deepEqual(read.unknown, []);
  return read.verbs;
}

function problemOf(xml: string): string {
  const read = parseResponse(xml, RULES);
  return read.ok ? '' : read.problem;
}

test('node: everything that its builder can say of an MPC is understood', () => {
  const response = new Response();
  const { valid_attributes: all } = response.addMultiPartyCall('stand-up', { ...MPC });
  assert.deepEqual(Object.keys(MPC).sort(), [...all].sort(), 'every attribute is tried');
  const [verb] = verbsOf(response.toXML());
  assert.ok(verb?.verb === 'MultiPartyCall', 'it is an MPC');
  const { mpc = assert.fail('no terms of the MPC'), ...member } = verb.terms;
  assert.deepEqual([verb.name, member.role, member.muted, member.held], ['stand-up', 'supervisor', true, true]);
  assert.deepEqual([member.coach, member.endMpcOnExit, member.relayDigits], [true, true, true]);
  assert.deepEqual([mpc.maxDurationMs, mpc.maxParticipants, mpc.stayAlone], [600_000, 5, true]);
  assert.deepEqual([mpc.record.on, mpc.record.fileFormat, mpc.record.minMembers], [true, 'wav', 2]);
  assert.deepEqual(mpc.status?.events, ['mpc-state-changes', 'participant-speak-events']);
  assert.deepEqual([mpc.status?.target.method, mpc.waitMusic?.method], ['GET', 'POST']);
});

test('node: what it writes when only the role is given is what Plivo documents as defaults', () => {
  const response = new Response();
  response.addMultiPartyCall('stand-up', { role: 'customer' });
  const [verb] = verbsOf(response.toXML());
  const [plain] = verbsOf('<Response><MultiPartyCall role="customer">stand-up</MultiPartyCall></Response>');
  assert.deepEqual(verb, plain);
});

test('node: its other elements are read', () => {
  const response = new Response();
  response.addPlay('https://media.example.com/a.mp3?b=1&c=2', { loop: 2 });
  const speak = response.addSpeak('Hello & welcome', { voice: 'Polly.Amy', language: 'en-GB', loop: 1 });
  speak.addBreak('', { strength: 'strong' });
  response.addWait({ length: 3, silence: false, minSilence: 100, beep: true });
  response.addDTMF('12#', { async: true });
  response.addRedirect(URL_VALUE, { method: 'GET' });
  response.addHangup({ reason: 'busy', schedule: 60 });
  const verbs = verbsOf(response.toXML());
  assert.deepEqual(
    verbs.map(({ verb }) => verb),
    ['Play', 'Speak', 'Wait', 'DTMF', 'Redirect', 'Hangup'],
  );
  assert.deepEqual(verbs[0], { verb: 'Play', url: 'https://media.example.com/a.mp3?b=1&c=2', loop: 2 });
  assert.ok(verbs[1]?.verb === 'Speak' && verbs[1].text === 'Hello & welcome', 'markup within a text is left out');
});

/** Attributes of `<MultiPartyCall>` as the sources of the other SDKs name them where Node names them otherwise. */
const OTHER_NAMES = { java: 'relayDtmfInputs', php: 'record_min_member_count' };

for (const name of [...Object.keys(MPC), ...Object.values(OTHER_NAMES)])
  test(`<MultiPartyCall ${name}> is read, for a wrong value of it is refused`, () => {
    const role = name === 'role' ? '' : 'role="agent"';
    const problem = problemOf(`<Response><MultiPartyCall ${role} ${name}="!">x</MultiPartyCall></Response>`);
    assert.match(problem, new RegExp(`^<MultiPartyCall>: ${name} `));
  });

test('ruby: its default for the method of the recording callback, which is a file format, counts as none', () => {
  const [verb] = verbsOf(
    `<Response><MultiPartyCall role="agent" recordingCallbackUrl="${URL_VALUE}" recordingCallbackMethod="mp3">x</MultiPartyCall></Response>`,
  );
  assert.ok(verb?.verb === 'MultiPartyCall', 'it is an MPC');
  assert.equal(verb.terms.mpc?.record.callback?.method, 'GET');
});

test('php: a number that is 0 comes as none', () => {
  assert.deepEqual(verbsOf('<Response><Play loop="none">https://a.example/x.mp3</Play></Response>'), [
    { verb: 'Play', url: 'https://a.example/x.mp3', loop: 0 },
  ]);
});
