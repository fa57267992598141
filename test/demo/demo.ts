/**
 * The demo: the real server, four members, and a file played into their conference.
 *
 *   npm run demo
 *
 * Two join by SIP and two by WebSocket, each humming a pitch of its own. An mp3 is played to one of them, then to all.
 * What each heard is written to demo-out/, analysed, and shown in a table. Ends with 0 only if all of it is right.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setImmediate as immediate, setTimeout as wait } from 'node:timers/promises';
import { decodeClip } from '../support/clip-match.ts';
import { ClipServer } from '../support/clip-server.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { writeWav } from '../support/wav.ts';
import { DemoMember, ROLES } from './member.ts';
import { bar, filled, pad, Screen } from './screen.ts';
import { type ClipVerdict, type HumVerdict, judgeClip, judgeHums, type PlayShown } from './verdict.ts';

const MPC = 'demo';
const CLIP = 'announcement.mp3';
const CLIP_PATH = join(import.meta.dirname, '../fixtures/audio', CLIP);
const OUT = 'demo-out';
/** Playout delays settle before anybody judges what is heard. */
const SETTLE_MS = 600;
const HUM_MS = 1000;
/** After the last sample was sent, so that it also arrived. */
const TAIL_MS = 250;

const screen = new Screen({
  write: (text) => process.stdout.write(text),
  live: process.stdout.isTTY === true,
  colour: process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
  columns: process.stdout.columns ?? 120,
});

const paints = {
  green: (text: string) => screen.paint('green', text),
  red: (text: string) => screen.paint('red', text),
  dim: (text: string) => screen.paint('dim', text),
  bold: (text: string) => screen.paint('bold', text),
};

interface Stage {
  readonly server: TestServer;
  readonly url: string;
  readonly clip: Int16Array;
  readonly members: DemoMember[];
}

/** Closed in the opposite order, however far we came. */
const open: (() => Promise<unknown>)[] = [];
async function closeAll(): Promise<void> {
  for (let close = open.pop(); close; close = open.pop()) await close().catch(() => {});
}

async function main(): Promise<boolean> {
  screen.line();
  screen.line(screen.paint('bold', 'partyline demo: four people, one conference, one file'));
  screen.line();
  const stage = await setUp();
  const { members } = stage;

  await screen.during('everybody hums', wait(SETTLE_MS + HUM_MS), () => meters(members));
  const humsTo = performance.now();
  const hums = members.map((member) => judgeHums(member, members, humsTo - HUM_MS, humsTo));
  screen.step(
    'everybody hums',
    'and hears the other three, never itself',
    hums.every(({ right }) => right),
  );

  const [, , eve] = members as [DemoMember, DemoMember, DemoMember];
  const plays = [
    await play(stage, '1st', `to ${eve.role.name} alone`, eve.id),
    await play(stage, '2nd', 'to all', 'all'),
  ];

  await Promise.all(members.map((member) => member.leave()));
  screen.step('everybody left', 'and the MPC is over');
  await writeRecordings(members);
  const clips = await screen.during('comparing what was heard with what was played', judgeAll(stage, plays));
  const right = hums.every((hum) => hum.right) && clips.flat().every((verdict) => verdict.right);
  report(members, plays, hums, clips, right);
  return right;
}

async function setUp(): Promise<Stage> {
  const file = await readFile(CLIP_PATH);
  const source = await ClipServer.start();
  open.push(() => source.close());
  const url = source.file(`/${CLIP}`, file, { 'content-type': 'audio/mpeg' });

  const startedAt = performance.now();
  const starting = startServer({ FETCH_ALLOW: source.allow, LOG_LEVEL: 'info' });
  open.push(async () => (await starting).stop());
  const [server, clip] = await screen.during(
    'the server starts',
    Promise.all([starting, decodeClip(url, source.allow)]),
  );
  const took = ((performance.now() - startedAt) / 1000).toFixed(1);
  screen.step('the server is ready', `after ${took} s: ${server.httpUrl}, SIP on port ${server.sipPort}`);
  screen.step(
    'a web server has',
    `${CLIP}, ${(clip.length / 8000).toFixed(1)} s, ${Math.round(file.length / 1024)} kB`,
  );

  const members: DemoMember[] = [];
  for (const [index, role] of ROLES.entries()) {
    const member = await DemoMember.join(role, String(index + 1), server, MPC);
    open.push(() => member.leave());
    member.hum();
    members.push(member);
    screen.step(`${role.name} joined`, `member ${member.id}, ${pad(role.transport, 21)}  hums ${role.hz} Hz`);
  }
  return { server, url, clip, members };
}

async function judgeAll({ members, clip }: Stage, plays: readonly PlayShown[]): Promise<ClipVerdict[][]> {
  const all: ClipVerdict[][] = [];
  for (const member of members) {
    const verdicts: ClipVerdict[] = [];
    for (const shown of plays) {
      await immediate();
      verdicts.push(judgeClip(member, members, shown, clip));
    }
    all.push(verdicts);
  }
  return all;
}

interface PlayState {
  readonly status: string;
  readonly cache: string;
  readonly reason: string | null;
  readonly position_ms: number;
}

/** Plays the file over the API and watches it to its end. */
async function play(
  { server, url, clip, members }: Stage,
  nth: string,
  title: string,
  target: string,
): Promise<PlayShown> {
  const from = performance.now();
  const answer = await server.api('POST', `/MultiPartyCall/name_${MPC}/Member/${target}/Play/`, { url });
  const answeredMs = performance.now() - from;
  if (answer.status !== 202) throw new Error(`the play was answered with ${answer.status}`);
  const { api_id: id, mpcMemberId } = answer.body as { readonly api_id: string; readonly mpcMemberId: string[] };

  let state: PlayState | undefined;
  const over = until(
    'the play is over',
    async () => {
      state = (await server.api('GET', `/MultiPartyCall/name_${MPC}/Play/${id}/`)).body as PlayState;
      return ['completed', 'stopped', 'failed'].includes(state.status) && state;
    },
    clip.length / 8 + 10_000,
  );
  const progress = (): string => {
    const ms = state?.position_ms ?? 0;
    const bars = screen.paint('cyan', filled((ms * 8) / clip.length, 40));
    return `${bars} ${(ms / 1000).toFixed(1)} of ${(clip.length / 8000).toFixed(1)} s`;
  };
  const ended = await screen.during(`POST …/Member/${target}/Play/  ${CLIP}`, over, () => [
    progress(),
    ...meters(members, new Set(mpcMemberId)),
  ]);
  await wait(TAIL_MS);
  const detail = `202 after ${answeredMs.toFixed(0)} ms, ${ended.cache === 'hit' ? 'from memory' : 'fetched and decoded'}, ${ended.reason ?? ended.status}`;
  screen.step(`${nth} play, ${title}`, detail, ended.status === 'completed');
  return { nth, targets: new Set(mpcMemberId), from, to: performance.now() };
}

/** A line a member: how loud it is where it listens; a dot marks those who are played to. */
function meters(members: readonly DemoMember[], targets: ReadonlySet<string> = new Set()): string[] {
  return members.map((member) => {
    const meter = screen.paint(targets.has(member.id) ? 'green' : 'dim', bar(member.levelDb, 24));
    const mark = targets.has(member.id) ? screen.paint('green', '●') : ' ';
    return `${mark} ${member.role.name}  ${meter} ${screen.paint('dim', member.role.transport)}`;
  });
}

async function writeRecordings(members: readonly DemoMember[]): Promise<void> {
  await mkdir(OUT, { recursive: true });
  for (const member of members) {
    const { samples, sampleRate } = member.recording();
    await writeFile(recordingOf(member), writeWav(samples, sampleRate));
  }
}

function recordingOf(member: DemoMember): string {
  return join(OUT, `${member.role.name.toLowerCase()}.wav`);
}

function report(
  members: readonly DemoMember[],
  plays: readonly PlayShown[],
  hums: readonly HumVerdict[],
  clips: readonly (readonly ClipVerdict[])[],
  right: boolean,
): void {
  const { green, red, dim, bold } = paints;
  const nameOf = new Map(members.map(({ role }) => [role.hz, role.name]));
  const marked = (text: string, ok: boolean): string => `${ok ? green('✓') : red('✗')} ${text}`;
  screen.line();
  screen.table(
    [
      'member',
      'transport',
      'played to it',
      'heard humming',
      ...plays.map(({ nth }) => `heard of ${nth}`),
      'first frame',
    ],
    members.map((member, i) => {
      const hum = hums[i] ?? { heardHz: [], right: false };
      const verdicts = clips[i] ?? [];
      return [
        bold(member.role.name),
        member.role.transport,
        plays.flatMap(({ nth, targets }) => (targets.has(member.id) ? [nth] : [])).join(', '),
        marked(hum.heardHz.map((hz) => nameOf.get(hz)).join(', ') || 'nobody', hum.right),
        ...verdicts.map(({ heard, snrDb, right: ok }) =>
          marked(heard ? `the file, ${snrDb.toFixed(0)} dB` : 'nothing', ok),
        ),
        verdicts.flatMap(({ heard, firstFrameMs }) => (heard ? [`${firstFrameMs.toFixed(0)} ms`] : [])).join(', '),
      ];
    }),
  );
  screen.line();
  const [, together = []] = plays.map((_, n) => clips.map((verdicts) => verdicts[n]?.firstFrameMs ?? Number.NaN));
  const apart = Math.max(...together) - Math.min(...together);
  screen.line(dim('first frame: from sending the request to the arrival of the first 20 ms at that member'));
  if (right) screen.line(dim(`             the 2nd play began for all of them within ${apart.toFixed(1)} ms`));
  screen.line(
    dim('the file:    found in what the member heard; dB = its level above everything that is neither it nor a hum'),
  );
  screen.line(dim(`to listen:   ${members.map((member) => relative('.', recordingOf(member))).join('  ')}`));
  screen.line();
  screen.line(
    right
      ? green('Everybody heard exactly what they should.')
      : red('Somebody heard something else than they should: see ✗ above.'),
  );
  screen.line();
}

let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
  if (process.stdout.isTTY) process.stdout.write('\u001b[?25h');
  void closeAll().finally(() => process.exit(130));
});

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  if (!interrupted) screen.step('the demo', error instanceof Error ? error.message : String(error), false);
  process.exitCode = 1;
} finally {
  await closeAll();
}
