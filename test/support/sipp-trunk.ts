/* sipp as somebody who is called: answers one call as its scenario says, and says how it went. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SippResult } from './sipp.ts';

export interface TrunkOptions {
  readonly port: number;
  readonly scenario: TrunkScenario;
  readonly transport?: 'udp' | 'tcp';
  readonly deadlineMs?: number;
}

/** A call that is being waited for. */
export interface SippTrunk {
  /** How it went, once it is over. */
  readonly result: Promise<SippResult>;
}

export const TRUNK_USER = 'partyline';
export const TRUNK_PASSWORD = 'trunk secret';

const answer = (status: string, tag: string, more: readonly string[] = [], body: readonly string[] = []): string =>
  [
    '<send><![CDATA[',
    `SIP/2.0 ${status}`,
    '[last_Via:]',
    '[last_From:]',
    `[last_To:]${tag}`,
    '[last_Call-ID:]',
    '[last_CSeq:]',
    ...more,
    'Content-Length: [len]',
    '',
    ...body,
    ']]></send>',
  ].join('\n');

const OURS = ';tag=[pid]T[call_number]';
const CONTACT = 'Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>';
const SDP = [
  'v=0',
  'o=sipp 1 1 IN IP[local_ip_type] [local_ip]',
  's=-',
  'c=IN IP[media_ip_type] [media_ip]',
  't=0 0',
  'm=audio [media_port] RTP/AVP 8',
  'a=rtpmap:8 PCMA/8000',
  '',
];
const RINGING = answer('180 Ringing', OURS, [CONTACT]);
const TAKEN = answer('200 OK', OURS, [CONTACT, 'Content-Type: application/sdp'], SDP);
const UNTIL_BYE = ['<recv request="ACK"/>', '<recv request="BYE"/>', answer('200 OK', '')];

const challenge = (algorithm: string): string[] => [
  '<recv request="INVITE"/>',
  answer('401 Unauthorized', `${OURS}a`, [
    `WWW-Authenticate: Digest realm="carrier", nonce="47364c23432d2e131a5fb210812c", algorithm=${algorithm}`,
  ]),
  '<recv request="ACK"/>',
  '<recv request="INVITE">',
  `<action><verifyauth assign_to="valid" username="${TRUNK_USER}" password="${TRUNK_PASSWORD}"/></action>`,
  '</recv>',
  '<nop hide="true" test="valid" next="known"/>',
  answer('403 Forbidden', OURS),
  '<recv request="ACK" next="failed"/>',
  '<label id="known"/>',
];

/** What becomes of the call. `failed` is a label that no scenario has: sipp then ends with an error. */
const SCENARIOS = {
  /** Asks for credentials, proves them, rings, answers, and is hung up on. */
  digest: [
    ...challenge('MD5'),
    RINGING,
    TAKEN,
    ...UNTIL_BYE,
    '<nop next="done"/>',
    '<label id="failed"/>',
    '<recv request="NEVER" timeout="1"/>',
    '<label id="done"/>',
  ],
  /** Rings, answers, and is hung up on. */
  answer: ['<recv request="INVITE"/>', RINGING, TAKEN, ...UNTIL_BYE],
  busy: ['<recv request="INVITE"/>', answer('486 Busy Here', OURS), '<recv request="ACK"/>'],
  /** Rings until the caller gives up. */
  ring: [
    '<recv request="INVITE"/>',
    RINGING,
    '<recv request="CANCEL"/>',
    answer('200 OK', OURS),
    [
      '<send><![CDATA[',
      'SIP/2.0 487 Request Terminated',
      '[last_Via:]',
      '[last_From:]',
      `[last_To:]${OURS}`,
      '[last_Call-ID:]',
      'CSeq: 1 INVITE',
      'Content-Length: 0',
      '',
      ']]></send>',
    ].join('\n'),
    '<recv request="ACK"/>',
  ],
} as const;

export type TrunkScenario = keyof typeof SCENARIOS;

/** Waits for one call on a port. */
export async function sippTrunk(options: TrunkOptions): Promise<SippTrunk> {
  const folder = await mkdtemp(join(tmpdir(), 'sipp-trunk-'));
  const steps = SCENARIOS[options.scenario].join('\n');
  const scenario = `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="trunk">\n${steps}\n</scenario>\n`;
  await writeFile(join(folder, 'trunk.xml'), scenario);
  const child = spawn(
    'sipp',
    [
      ...['-sf', 'trunk.xml', '-i', '127.0.0.1', '-mi', '127.0.0.1'],
      ...['-p', String(options.port), '-mp', String(options.port + 2), '-m', '1'],
      ...(options.transport === 'tcp' ? ['-t', 't1'] : []),
      ...['-nostdin', '-trace_err', '-trace_msg'],
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let screen = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('latin1').on('data', (text: string) => {
      screen = (screen + text).slice(-4000);
    });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? 20_000);
  const result = once(child, 'exit').then(async ([code]) => {
    clearTimeout(timer);
    const logs = (await readdir(folder)).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(logs.map((name) => readFile(join(folder, name), 'latin1')));
    await rm(folder, { recursive: true, force: true });
    return { code: code as number | null, output: [...texts.map((text) => text.slice(0, 12_000)), screen].join('\n') };
  });
  return { result };
}
