import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { startServer, type TestServer, until } from '../support/server.ts';
import { SipClient } from '../support/sip-client.ts';
import { CallScript, type SdpOptions, type SipText, sdpText } from '../support/sip-script.ts';
import { Softphone } from '../support/softphone.ts';

/* What real phones do rarely: scripted word by word, against the real server and its real media. */

let server: TestServer;
const open: { close(): unknown }[] = [];

before(async () => {
  server = await startServer({ NO_RTP_WARN_SECONDS: '1', NO_RTP_HANGUP_SECONDS: '2' });
});

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

/** A caller written by hand, and a socket for its media. */
interface Caller {
  readonly peer: SipClient;
  readonly script: CallScript;
  readonly rtp: Rtp;
  /** Set when the far side has hung up. */
  over: boolean;
  sdp(changes?: SdpOptions): string;
}

interface Rtp {
  readonly port: number;
  packets: number;
}

async function openRtp(): Promise<Rtp> {
  const socket: Socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  open.push(socket);
  const rtp = { port: socket.address().port, packets: 0 };
  socket.on('message', () => {
    rtp.packets += 1;
  });
  return rtp;
}

async function caller(mpc: string, transport: 'udp' | 'tcp' = 'udp'): Promise<Caller> {
  const peer = await SipClient[transport](server.sipPort);
  const uri = `sip:${mpc}@127.0.0.1:${server.sipPort}`;
  const script = new CallScript({ uri, local: peer.local, transport: transport === 'udp' ? 'UDP' : 'TCP' });
  const rtp = await openRtp();
  const sdp = (changes: SdpOptions = {}) => sdpText({ port: rtp.port, ...changes });
  const made: Caller = { peer, script, rtp, sdp, over: false };
  open.push({ close: () => hangUp(made) });
  return made;
}

async function invite({ peer, script, sdp }: Caller): Promise<SipText> {
  peer.send(script.request('INVITE', { body: sdp() }));
  const answer = await peer.final();
  script.learn(answer);
  return answer;
}

async function hangUp({ peer, script, over }: Caller): Promise<void> {
  if (script.toTag !== undefined && !over) {
    peer.send(script.request('BYE'));
    await peer.next((message) => (message.header('cseq') ?? '').endsWith('BYE'));
  }
  peer.close();
}

/** Somebody else in the MPC, whose packets are the measure of time. */
async function witness(mpc: string): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, mpc });
  phone.speak(550);
  open.push({ close: () => phone.hangUp() });
  return phone;
}

async function packets(rtp: Rtp, count: number): Promise<void> {
  const goal = rtp.packets + count;
  await until(`${count} more packets`, () => rtp.packets >= goal);
}

test('no media is sent before the ACK', async () => {
  const eve = await witness('patience');
  const ana = await caller('patience');
  assert.equal((await invite(ana)).status, 200);
  await eve.hearFor(400);
  assert.equal(ana.rtp.packets, 0);
  ana.peer.send(ana.script.request('ACK'));
  await packets(ana.rtp, 10);
});

test('a late offer is answered in the ACK, and media goes to where that says', async () => {
  const ana = await caller('late');
  ana.peer.send(ana.script.request('INVITE'));
  const answer = await ana.peer.final();
  assert.match(answer.body, /^m=audio \d+ RTP\/AVP 0 8 /m);
  ana.script.learn(answer);
  ana.peer.send(ana.script.request('ACK', { body: ana.sdp({ payloads: '8' }) }));
  await packets(ana.rtp, 10);
});

test('media follows a re-INVITE to another port, and stops and starts by direction', async () => {
  const eve = await witness('moves');
  const ana = await caller('moves');
  await invite(ana);
  ana.peer.send(ana.script.request('ACK'));
  await packets(ana.rtp, 5);

  const moved = await openRtp();
  ana.peer.send(ana.script.request('INVITE', { body: ana.sdp({ port: moved.port }) }));
  assert.equal((await ana.peer.final()).status, 200);
  ana.peer.send(ana.script.request('ACK'));
  await packets(moved, 10);
  const atOld = ana.rtp.packets;
  await packets(moved, 10);
  assert.equal(ana.rtp.packets, atOld, 'the old port gets nothing more');

  for (const hold of [{ direction: 'inactive' }, { direction: 'sendonly' }, { address: '0.0.0.0' }]) {
    ana.peer.send(ana.script.request('UPDATE', { body: ana.sdp({ port: moved.port, ...hold }) }));
    assert.equal((await ana.peer.final()).status, 200);
    // What was under way may still arrive.
    await eve.hearFor(100);
    const before = moved.packets;
    await eve.hearFor(300);
    assert.equal(moved.packets, before, `${JSON.stringify(hold)} is a hold`);
    ana.peer.send(ana.script.request('UPDATE', { body: ana.sdp({ port: moved.port, direction: 'sendrecv' }) }));
    assert.equal((await ana.peer.final()).status, 200);
    await packets(moved, 5);
  }
});

for (const transport of ['udp', 'tcp'] as const) {
  test(`a caller who sends no RTP is hung up in time, over ${transport}`, async () => {
    const ana = await caller(`silent-${transport}`, transport);
    await invite(ana);
    ana.peer.send(ana.script.request('ACK'));
    const bye = await ana.peer.next(({ method }) => method === 'BYE');
    assert.match(bye.header('reason') ?? '', /no_rtp/);
    ana.peer.send(ana.script.respond(bye, '200 OK'));
    ana.over = true;
    await until('the call is gone', async () => /^partyline_sip_dialogs 0$/m.test(await server.metrics()));
  });
}

test('no media follows a BYE', async () => {
  const eve = await witness('bye');
  const ana = await caller('bye');
  await invite(ana);
  ana.peer.send(ana.script.request('ACK'));
  await packets(ana.rtp, 5);
  ana.peer.send(ana.script.request('BYE'));
  assert.equal((await ana.peer.final()).status, 200);
  ana.over = true;
  await eve.hearFor(100);
  const before = ana.rtp.packets;
  await eve.hearFor(300);
  assert.equal(ana.rtp.packets, before);
});

test('a taken back INVITE leaves nobody behind', async () => {
  const ana = await caller('cancelled');
  // Both in the socket before the server looks: it may answer before it reads the CANCEL, and then BYE has to do.
  ana.peer.send(ana.script.request('INVITE', { body: ana.sdp() }));
  ana.peer.send(ana.script.request('CANCEL'));
  const answer = await ana.peer.next(
    (message) => message.status >= 200 && (message.header('cseq') ?? '').endsWith('INVITE'),
  );
  assert.ok(answer.status === 487 || answer.status === 200, answer.startLine);
  if (answer.status === 200) {
    ana.script.learn(answer);
    ana.peer.send(ana.script.request('ACK'));
    ana.peer.send(ana.script.request('BYE'));
    await ana.peer.next((message) => (message.header('cseq') ?? '').endsWith('BYE'));
    ana.over = true;
  } else ana.peer.send(ana.script.request('ACK', { branch: ana.script.inviteBranch }));
  // The refusal does not wait for the leg that may be opening meanwhile; who then comes in goes at once.
  await until(
    'nobody is left',
    async () => (await server.api('GET', '/MultiPartyCall/name_cancelled/')).status === 404,
  );
});
