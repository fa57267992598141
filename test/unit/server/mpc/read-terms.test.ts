import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UrlRules } from '../../../../server/body-values.ts';
import { plainTerms, readTerms, readXmlTerms } from '../../../../server/mpc/index.ts';

const RULES: UrlRules = {
  maxUrlLength: 60,
  checkUrl: (url) =>
    URL.canParse(url) && url.startsWith('http') && !url.includes('10.0.0.1')
      ? { ok: true }
      : { ok: false, message: 'the address is not public' },
};

function read(body: Record<string, unknown>) {
  const result = readTerms(body, RULES);
  assert.ok(result.ok, result.ok ? '' : `${result.field} ${result.problem}`);
  return result.terms;
}

function refused(body: Record<string, unknown>): string {
  const result = readTerms(body, RULES);
  assert.ok(!result.ok, 'it must be refused');
  return `${result.field} ${result.problem}`;
}

test("a role alone has Plivo's defaults", () => {
  assert.deepEqual(read({ role: 'Agent', from: '1', to: '2', unknown: {} }), {
    role: 'agent',
    muted: false,
    held: false,
    coach: false,
    startMpcOnEnter: true,
    endMpcOnExit: false,
    enterSound: { kind: 'beep', beep: 1 },
    exitSound: { kind: 'beep', beep: 2 },
    relayDigits: false,
    onExitAction: undefined,
    recordTrack: undefined,
    mpc: {
      maxDurationMs: 14_400_000,
      maxParticipants: 10,
      stayAlone: false,
      waitMusic: undefined,
      agentHoldMusic: undefined,
      customerHoldMusic: undefined,
      record: {
        on: false,
        fileFormat: 'mp3',
        minMembers: 1,
        callback: undefined,
        startAudio: undefined,
        stopAudio: undefined,
      },
      status: undefined,
    },
  });
  assert.equal(read({ role: 'supervisor' }).coach, true, 'a supervisor coaches unless told otherwise');
  assert.equal(read({ role: 'customer', coach_mode: true }).coach, false, 'only supervisors coach');
});

test('words, numbers as text, null and empty text are read as SDKs mean them', () => {
  const terms = read({
    role: 'SUPERVISOR',
    coach_mode: 'False',
    mute: 'true',
    hold: true,
    start_mpc_on_enter: 'false',
    end_mpc_on_exit: 'TRUE',
    relay_dtmf_inputs: true,
    max_duration: '300',
    max_participants: 2,
    stay_alone: null,
    wait_music_url: '',
    enter_sound: 'None',
    exit_sound: 'beep:1',
    record_file_format: 'WAV',
    record_participant_track: 'true',
    record_track_type: 'both',
  });
  const { coach, muted, held, startMpcOnEnter, endMpcOnExit, relayDigits, mpc, enterSound, exitSound } = terms;
  assert.deepEqual(
    { coach, muted, held, startMpcOnEnter, endMpcOnExit, relayDigits },
    { coach: false, muted: true, held: true, startMpcOnEnter: false, endMpcOnExit: true, relayDigits: true },
  );
  assert.deepEqual([mpc?.maxDurationMs, mpc?.maxParticipants, mpc?.stayAlone], [300_000, 2, false]);
  assert.deepEqual([mpc?.waitMusic, mpc?.record.fileFormat, terms.recordTrack], [undefined, 'wav', 'both']);
  assert.deepEqual([enterSound, exitSound], [{ kind: 'none' }, { kind: 'beep', beep: 1 }]);
});

test('URLs come with their method and their tuning', () => {
  const terms = read({
    role: 'customer',
    wait_music_url: 'https://app.example.com/wait#rt=900',
    wait_music_method: 'post',
    on_exit_action_url: 'https://app.example.com/exit',
    enter_sound: 'http://app.example.com/hello.wav',
    status_callback_url: 'https://app.example.com/status',
    status_callback_events: 'participant-state-changes, participant-speak-events',
  });
  const { waitMusic, status } = terms.mpc ?? assert.fail('it asks something of the MPC');
  assert.deepEqual([waitMusic?.url.href, waitMusic?.method], ['https://app.example.com/wait', 'POST']);
  assert.equal(waitMusic?.tuning.readMs, 900);
  assert.equal(terms.onExitAction?.method, 'POST');
  assert.ok(terms.enterSound.kind === 'source', 'a URL is a source');
  assert.equal(terms.enterSound.source.url.href, 'http://app.example.com/hello.wav');
  assert.deepEqual(
    [status?.target.method, status?.events],
    ['GET', ['participant-state-changes', 'participant-speak-events']],
  );
});

test('what is wrong is named, with what it should be', () => {
  assert.equal(refused({}), 'role must be agent, customer or supervisor');
  assert.equal(refused({ role: 'boss' }), 'role must be agent, customer or supervisor');
  const of = (fields: Record<string, unknown>) => refused({ role: 'agent', ...fields });
  assert.equal(of({ mute: 'yes' }), 'mute must be true or false');
  assert.equal(of({ max_duration: 299 }), 'max_duration must be a whole number from 300 to 28800');
  assert.equal(of({ max_duration: 28_801 }), 'max_duration must be a whole number from 300 to 28800');
  assert.equal(of({ max_participants: '1' }), 'max_participants must be a whole number from 2 to 1000');
  assert.equal(of({ max_participants: 2.5 }), 'max_participants must be a whole number from 2 to 1000');
  assert.equal(of({ record_file_format: 'ogg' }), 'record_file_format must be one of mp3, wav');
  assert.equal(of({ wait_music_method: 'PUT' }), 'wait_music_method must be one of GET, POST');
  assert.equal(
    of({ wait_music_url: 'http://10.0.0.1/' }),
    'wait_music_url cannot be called: the address is not public',
  );
  assert.equal(of({ on_exit_action_url: 7 }), 'on_exit_action_url must be a URL');
  assert.match(of({ status_callback_url: `https://a.example/${'x'.repeat(60)}` }), /at most 60 characters/);
  assert.match(
    of({ status_callback_events: 'everything' }),
    /^status_callback_events must be a comma list of mpc-state/,
  );
  assert.match(
    of({ enter_sound: 'gong' }),
    /^enter_sound must be beep:1, beep:2, none or a URL, which cannot be called/,
  );
});

test('the attributes of the XML element say the same in camelCase', () => {
  const read = readXmlTerms(
    {
      role: 'Customer',
      startMpcOnEnter: 'false',
      relayDTMFInputs: 'true',
      maxDuration: '600',
      waitMusicUrl: 'https://app.example.com/wait',
      recordMinMemberCount: '2',
      statusCallbackUrl: 'https://app.example.com/status',
      constructor: 'x',
    },
    RULES,
  );
  assert.ok(read.ok, 'all of it is right');
  assert.equal(read.terms.startMpcOnEnter, false);
  assert.equal(read.terms.relayDigits, true);
  assert.equal(read.terms.mpc?.maxDurationMs, 600_000);
  assert.equal(read.terms.mpc?.record.minMembers, 2);
  assert.equal(read.terms.mpc?.waitMusic?.url.href, 'https://app.example.com/wait');
  assert.equal(read.terms.mpc?.status?.target.method, 'POST', 'the XML posts unless told otherwise');
  assert.deepEqual(readXmlTerms({ role: 'agent', stayAlone: 'maybe' }, RULES), {
    ok: false,
    field: 'stayAlone',
    problem: 'must be true or false',
  });
});

test('who just dials in asks for nothing', () => {
  const { role, startMpcOnEnter, enterSound, coach, mpc } = plainTerms('supervisor');
  assert.deepEqual(
    { role, startMpcOnEnter, enterSound, coach, mpc },
    {
      role: 'supervisor',
      startMpcOnEnter: true,
      enterSound: { kind: 'none' },
      coach: false,
      mpc: undefined,
    },
  );
});
