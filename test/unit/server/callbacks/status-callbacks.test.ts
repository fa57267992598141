import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import type { LegEvent } from '../../../../media/index.ts';
import { callbackTarget, StatusCallbacks } from '../../../../server/callbacks/index.ts';
import { memberOfRow, mpcOfRow, mpcRow, rowOfMpc } from '../../../../server/history/rows.ts';
import {
  Directory,
  type Mpc,
  readTerms,
  STATUS_EVENT_GROUPS,
  type StatusEventGroup,
  type StatusTerms,
} from '../../../../server/mpc/index.ts';
import { EngineDouble } from '../../../support/engine-double.ts';

const OWN = 'https://app.example/own';
const DEFAULT = 'https://app.example/default';
const START = Date.parse('2026-03-04T05:06:07.890Z');

interface Told {
  readonly conference: string;
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
}

let now: number;
let told: Told[];
let directory: Directory;

beforeEach(() => {
  now = START;
  told = [];
});

function begin(fallback?: readonly StatusEventGroup[]): StatusCallbacks {
  directory = new Directory({
    engine: new EngineDouble(),
    limits: { maxMembers: 9, maxMembersPerMpc: 9 },
    sound: () => ({ sampleRate: 8000, floor: OPEN_FLOOR }),
    now: () => new Date(now),
    newUuid: () => crypto.randomUUID(),
  });
  const terms: StatusTerms | undefined = fallback && {
    target: callbackTarget(new URL(DEFAULT), 'POST'),
    events: fallback,
  };
  const status = new StatusCallbacks({
    queue: {
      add: (conference, { url }, fields) =>
        told.push({ conference, url: url.href, fields: Object.fromEntries(fields) }),
    },
    fallback: terms,
    now: () => new Date(now),
  });
  status.follow(directory);
  return status;
}

async function join(body: Readonly<Record<string, unknown>> = {}) {
  const rules = { checkUrl: () => ({ ok: true }) as const, maxUrlLength: 200 };
  const read = readTerms({ role: 'customer', start_mpc_on_enter: true, stay_alone: true, ...body }, rules);
  assert.ok(read.ok, JSON.stringify(read));
  const engine = new EngineDouble();
  engine.openConference({ id: 'any' });
  let tell: (event: LegEvent) => void = () => {};
  const joined = await directory.join({
    mpcName: 'standup',
    terms: read.terms,
    kind: 'sip',
    address: '',
    openLeg: (_conference, onEvent) => {
      tell = onEvent;
      return engine.openRtpLeg('any', {}, onEvent);
    },
    hangUp: () => {},
  });
  assert.ok(joined.ok, 'there is room');
  return { ...joined, tell: (event: LegEvent) => tell(event) };
}

const asking = (events?: string) => ({
  status_callback_url: OWN,
  status_callback_method: 'POST',
  ...(events && { status_callback_events: events }),
});
const names = () => told.map(({ fields }) => fields.EventName);

test('an MPC tells of its states and its members, in order and numbered', async () => {
  begin();
  const { mpc, member } = await join({ ...asking(), role: 'supervisor' });
  const second = await join();
  directory.change(mpc, second.member, { muted: true, held: true });
  directory.change(mpc, second.member, { muted: false, held: false });
  directory.change(mpc, member, { coach: false });
  directory.change(mpc, member, { coach: true });
  directory.leave(mpc, second.member, 'hangup', false);
  now += 61_400;
  directory.end(mpc, 'hangup_api');
  assert.deepEqual(names(), [
    'MPCInitialized',
    'MPCStart',
    'ParticipantJoin',
    'ParticipantJoin',
    'ParticipantMute',
    'ParticipantHold',
    'ParticipantUnmute',
    'ParticipantUnhold',
    'ParticipantCoachModeStop',
    'ParticipantCoachModeStart',
    'ParticipantExit',
    'ParticipantExit',
    'MPCEnd',
  ]);
  assert.deepEqual(
    told.map(({ fields }) => fields.SequenceNumber),
    told.map((_, index) => String(index + 1)),
  );
  assert.ok(
    told.every(({ conference, url }) => conference === mpc.uuid && url === OWN),
    'all of it goes to the one place',
  );
  const head = { MPCUUID: mpc.uuid, MPCName: 'standup' };
  assert.deepEqual(told[0]?.fields, {
    EventName: 'MPCInitialized',
    EventTimestamp: '2026-03-04T05:06:07.890Z',
    SequenceNumber: '1',
    ...head,
  });
  assert.deepEqual(told[3]?.fields, {
    EventName: 'ParticipantJoin',
    EventTimestamp: '2026-03-04T05:06:07.890Z',
    SequenceNumber: '4',
    ...head,
    MemberID: '2',
    ParticipantRole: 'customer',
    ParticipantCallUUID: second.member.callUuid,
    ParticipantCoachMode: 'false',
  });
  const { EventTimestamp, MPCDuration, MPCBilledDuration, MPCBilledAmount } = told.at(-1)?.fields ?? {};
  assert.deepEqual(
    [EventTimestamp, MPCDuration, MPCBilledDuration, MPCBilledAmount],
    ['2026-03-04T05:07:09.290Z', '61', '0', '0.00000'],
  );
});

test('speech and digits are told to who asked for them, and to nobody else', async () => {
  begin();
  const quiet = await join(asking());
  quiet.tell({ type: 'talking', active: true });
  directory.end(quiet.mpc, 'hangup_api');
  told = [];
  const { tell, member } = await join(asking('participant-speak-events,participant-digit-input-events'));
  tell({ type: 'talking', active: true });
  tell({ type: 'dtmf', digit: '#' } as LegEvent);
  tell({ type: 'talking', active: false });
  assert.deepEqual(names(), ['ParticipantSpeakStart', 'ParticipantDigitInput', 'ParticipantSpeakStop']);
  assert.deepEqual([told[1]?.fields.Digits, told[1]?.fields.MemberID], ['#', member.id]);
  assert.deepEqual(
    told.map(({ fields }) => fields.SequenceNumber),
    ['1', '2', '3'],
    'what is not told is not counted',
  );
});

test('who names no callback is told of to the default of the server; who names one, is not', async () => {
  begin(['mpc-state-changes']);
  const { mpc } = await join();
  directory.end(mpc, 'hangup_api');
  assert.deepEqual(
    told.map(({ url, fields }) => [url, fields.EventName]),
    [
      [DEFAULT, 'MPCInitialized'],
      [DEFAULT, 'MPCStart'],
      [DEFAULT, 'MPCEnd'],
    ],
  );
  told = [];
  await join(asking('mpc-state-changes'));
  assert.deepEqual(
    told.map(({ url }) => url),
    [OWN, OWN],
  );
});

test('without anybody to tell nothing is told', async () => {
  begin();
  directory.end((await join()).mpc, 'hangup_api');
  assert.deepEqual(told, []);
});

test('others may tell what the directory does not know of, also of an MPC that is not there yet', async () => {
  const status = begin(STATUS_EVENT_GROUPS);
  status.tell({
    group: 'add-participant-api-events',
    event: 'AddParticipantByAPIActionInitiated',
    mpc: { name: 'standup', terms: { status: undefined } },
    fields: { RequestUUID: 'r1', CallUUID: undefined },
  });
  assert.deepEqual(told, [
    {
      conference: 'standup',
      url: DEFAULT,
      fields: {
        EventName: 'AddParticipantByAPIActionInitiated',
        EventTimestamp: '2026-03-04T05:06:07.890Z',
        MPCName: 'standup',
        RequestUUID: 'r1',
      },
    },
  ]);
});

test('plays are told of under their own group, numbered with the rest', async () => {
  const status = begin(['mpc-state-changes', 'mpc-play-events']);
  const { mpc, member } = await join();
  const play = { id: 'p1', mpc: mpc as Mpc } as Parameters<StatusCallbacks['tellPlay']>[0]['play'];
  status.tellPlay({ type: 'started', play, at: new Date(now), serial: 1, member, latencyMs: 12 });
  const { EventName, SequenceNumber, PlayID, MemberID } = told.at(-1)?.fields ?? {};
  assert.deepEqual([EventName, SequenceNumber, PlayID, MemberID], ['PlayStarted', '3', 'p1', '1']);
});

test('what an earlier process could not tell is told by the time it happened, without a number', () => {
  const status = begin(['participant-state-changes']);
  const own: StatusTerms = {
    target: callbackTarget(new URL(`${OWN}#rc=1`), 'GET'),
    events: ['mpc-state-changes', 'participant-state-changes'],
  };
  const at = new Date(START - 3_600_000);
  const row = rowOfMpc({
    uuid: 'u1',
    name: 'standup',
    createdAt: new Date(at.getTime() - 5000),
    startedAt: new Date(at.getTime() - 5000),
    endedAt: undefined,
    endCause: undefined,
    status: 'active',
    terms: { stayAlone: true, maxDurationMs: undefined, maxParticipants: 10, status: own },
  });
  const kept = mpcOfRow(mpcRow.parse(JSON.parse(JSON.stringify(row))));
  assert.deepEqual(kept.terms?.status, own, 'who is to be told survives');
  const left = memberOfRow({
    id: '2',
    callUuid: 'c2',
    role: 'agent',
    kind: 'sip',
    address: '',
    joinedAt: START,
    startMpcOnEnter: true,
    endMpcOnExit: false,
  });
  status.tellCutOff({ mpc: { ...kept, endedAt: at }, left: [left] });
  assert.deepEqual(
    told.map(({ url, fields }) => [url, fields.EventName, fields.EventTimestamp, fields.SequenceNumber]),
    [
      [OWN, 'ParticipantExit', at.toISOString(), undefined],
      [OWN, 'MPCEnd', at.toISOString(), undefined],
    ],
  );
  assert.deepEqual([told[0]?.fields.MemberID, told[1]?.fields.MPCDuration], ['2', '5']);
});
