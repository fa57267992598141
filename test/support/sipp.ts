/* sipp as a crowd of callers: runs a scenario to its end and says how it went. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './ports.ts';

export interface SippOptions {
  /** Port of the server. */
  readonly port: number;
  /** The user part that is called. */
  readonly service: string;
  readonly calls: number;
  /** New calls a second. */
  readonly rate: number;
  /** How long each call lasts, in ms. */
  readonly callMs?: number;
  readonly transport?: 'udp' | 'tcp';
  /** Share of messages thrown away in each direction, in percent. */
  readonly lost?: number;
  readonly deadlineMs?: number;
  /** Keys `0-9*#` that are pressed, out of sipp's own captures of telephone-events; it sends captures as root only. */
  readonly digits?: string;
  /** Answers the server's challenge of the INVITE with these. */
  readonly login?: { readonly user: string; readonly password: string };
}

export interface SippResult {
  /** 0: every call went as the scenario says. */
  readonly code: number | null;
  /** Errors and the last lines of its screen. */
  readonly output: string;
}

const DEADLINE_MS = 60_000;

/** One line of a request, with the headers that all of them share. */
const headers = (cseq: string, peer = ''): string =>
  [
    'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
    'From: "sipp" <sip:sipp@[local_ip]:[local_port]>;tag=[pid]T[call_number]',
    `To: <sip:[service]@[remote_ip]:[remote_port]>${peer}`,
    'Call-ID: [call_id]',
    `CSeq: ${cseq}`,
    'Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>',
    'Max-Forwards: 70',
    'Content-Length: [len]',
  ].join('\n');

/**
 * A call from INVITE to BYE. Answers are matched to their transactions: sipp's own caller takes a repeated 200 of its
 * INVITE for the answer to a BYE that was lost, and leaves a call behind that it counts as a success.
 */
const CALLER = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
  <send retrans="500" start_txn="invite"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
${headers('1 INVITE')}
Content-Type: application/sdp

v=0
o=sipp 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
]]></send>
  <recv response="100" optional="true" response_txn="invite"/>
  <recv response="180" optional="true" response_txn="invite"/>
  <recv response="200" rrs="true" response_txn="invite"/>
  <send ack_txn="invite"><![CDATA[
ACK [next_url] SIP/2.0
[routes]
${headers('1 ACK', '[peer_tag_param]')}

]]></send>
  <pause/>
  <send retrans="500" start_txn="bye"><![CDATA[
BYE [next_url] SIP/2.0
[routes]
${headers('2 BYE', '[peer_tag_param]')}

]]></send>
  <recv response="200" response_txn="bye"/>
</scenario>
`;

/** Left alone, sipp signs an address without its user part. */
function authUri({ service, port }: SippOptions): string[] {
  return ['-auth_uri', `${service}@127.0.0.1:${port}`];
}

const CAPTURES = '/usr/share/sip-tester';
const PAUSE = '<pause/>';

/** The same caller with telephone-event and no sound, pressing keys. */
function dialling(digits: string): string {
  const press = [...digits].map((digit) => {
    const name = { '*': 'star', '#': 'pound' }[digit] ?? digit;
    const play = `<exec play_pcap_audio="${CAPTURES}/dtmf_2833_${name}.pcap"/>`;
    return `<nop><action>${play}</action></nop><pause milliseconds="400"/>`;
  });
  return CALLER.replace('RTP/AVP 0\n', 'RTP/AVP 0 101\n')
    .replace('PCMU/8000\n', 'PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n')
    .replace(PAUSE, [PAUSE, ...press].join('\n  '));
}

/** The same caller, whose first INVITE is refused and who then sends another with a password. */
function loggingIn(): string {
  const [invite = ''] = /<send retrans.*?<\/send>/s.exec(CALLER) ?? [];
  const refused = `<recv response="401" auth="true" response_txn="invite"/>
  <send ack_txn="invite"><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
${headers('1 ACK', '[peer_tag_param]')}

]]></send>`;
  const again = invite
    .replace('start_txn="invite"', 'start_txn="again"')
    .replace('CSeq: 1 INVITE', 'CSeq: 2 INVITE\n[authentication]');
  const [before = '', after = ''] = CALLER.split(invite);
  const rest = after.replaceAll('"invite"', '"again"').replace('1 ACK', '2 ACK').replace('2 BYE', '3 BYE');
  return [before, invite, refused, again, rest].join('\n');
}

export async function runSipp(options: SippOptions): Promise<SippResult> {
  const folder = await mkdtemp(join(tmpdir(), 'sipp-'));
  const port = await freePorts(6);
  try {
    const { digits, login } = options;
    const scenario = login ? loggingIn() : digits === undefined ? CALLER : dialling(digits);
    await writeFile(join(folder, 'caller.xml'), scenario);
    const child = spawn(
      'sipp',
      [
        ...['-sf', 'caller.xml'],
        `127.0.0.1:${options.port}`,
        ...['-s', options.service, '-i', '127.0.0.1', '-mi', '127.0.0.1'],
        ...['-p', String(port), '-mp', String(port + 2), '-m', String(options.calls), '-r', String(options.rate)],
        ...(options.callMs === undefined ? [] : ['-d', String(options.callMs)]),
        ...(options.transport === 'tcp' ? ['-t', 't1'] : []),
        ...(options.lost === undefined ? [] : ['-lost', String(options.lost)]),
        ...(login === undefined ? [] : ['-au', login.user, '-ap', login.password, ...authUri(options)]),
        ...['-nostdin', '-trace_err'],
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let screen = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('latin1').on('data', (text: string) => {
        screen = (screen + text).slice(-4000);
      });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? DEADLINE_MS);
    const [code] = (await once(child, 'exit')) as [number | null];
    clearTimeout(timer);
    const logs = (await readdir(folder)).filter((name) => name.endsWith('_errors.log'));
    const errors = await Promise.all(logs.map((name) => readFile(join(folder, name), 'latin1')));
    return { code, output: [...errors.map((text) => text.slice(0, 4000)), screen].join('\n') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
