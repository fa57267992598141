import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type JoinTerms, readTerms } from '../../../../server/mpc/index.ts';
import { recordAsJoined } from '../../../../server/recordings/join-rules.ts';
import { RecordingRig } from '../../../support/recordings.ts';

interface RuledRig {
  readonly rig: RecordingRig;
  readonly announced: string[];
  readonly refused: string[];
  /** Track and member of every recording begun, in order. */
  readonly begun: () => string[];
}

function ruled(t: TestContext, running = 10): RuledRig {
  const rig = new RecordingRig({ limits: { running } });
  t.after(() => rig.remove());
  const announced: string[] = [];
  const refused: string[] = [];
  const hear = recordAsJoined({
    directory: rig.directory,
    recordings: rig.recordings,
    base: () => 'http://here',
    announce: (_mpc, { url }) => announced.push(url.href),
    onRefused: (_mpc, reason) => refused.push(reason),
  });
  rig.hear = hear;
  const begun = (): string[] =>
    rig.news
      .filter(({ type }) => type === 'initiated')
      .map(({ recording: { track, memberId, format } }) => `${track} ${memberId ?? '-'} ${format}`);
  return { rig, announced, refused, begun };
}

function terms(body: Readonly<Record<string, unknown>>): JoinTerms {
  const read = readTerms({ role: 'customer', ...body }, { checkUrl: () => ({ ok: true }), maxUrlLength: 2000 });
  assert.ok(read.ok, 'the terms are right');
  return read.terms;
}

test('an MPC is recorded from the moment it has as many members as its terms say', async (t) => {
  const { rig, begun } = ruled(t);
  const { mpc } = await rig.join(
    'board',
    terms({ record: true, record_min_member_count: 2, record_file_format: 'wav' }),
  );
  assert.deepEqual(begun(), []);
  await rig.join('other');
  assert.deepEqual(begun(), []);
  await rig.join('board');
  assert.deepEqual(begun(), ['mpc - wav']);
  assert.equal(mpc.recording, 'recording');
  await rig.join('board', terms({ record: true }));
  assert.deepEqual(begun(), ['mpc - wav'], 'one recording is enough');
});

test('what was stopped begins again only with another member who asks for it', async (t) => {
  const { rig, begun } = ruled(t);
  const { mpc } = await rig.join('board', terms({ record: true }));
  rig.recordings.stop(rig.recordings.running(mpc, undefined, 'mpc')!.id);
  await rig.join('board');
  assert.equal(begun().length, 1);
  await rig.join('board', terms({ record: true }));
  assert.equal(begun().length, 2);
});

test('a member may be recorded by herself, her voice unless she asks for another track', async (t) => {
  const { rig, begun } = ruled(t);
  await rig.join('board', terms({ record_participant_track: true }));
  await rig.join(
    'board',
    terms({ record_participant_track: 'true', record_track_type: 'both', record_file_format: 'wav' }),
  );
  assert.deepEqual(begun(), ['participant 1 mp3', 'all 2 wav', 'participant 2 wav']);
});

test('who is there hears when the recording of the MPC begins and ends, and no other', async (t) => {
  const { rig, announced } = ruled(t);
  const { mpc } = await rig.join(
    'board',
    terms({
      record: true,
      record_participant_track: true,
      start_recording_audio: 'https://example.com/on.mp3',
      stop_recording_audio: 'https://example.com/off.mp3',
    }),
  );
  assert.deepEqual(announced, ['https://example.com/on.mp3']);
  rig.recordings.stop(rig.recordings.running(mpc, undefined, 'mpc')!.id);
  assert.deepEqual(announced, ['https://example.com/on.mp3', 'https://example.com/off.mp3']);
});

test('a recording that is refused keeps nobody out', async (t) => {
  const { rig, refused } = ruled(t, 0);
  const { member } = await rig.join('board', terms({ record: true }));
  assert.ok(member.present, 'she is in');
  assert.deepEqual(refused, ['too_many_recordings']);
});
