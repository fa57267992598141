import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { samplesPerFrame } from '../../media/audio/frame.ts';
import { type ClipStore, publicUrl } from '../../media/clip/index.ts';
import { mulaw } from '../../media/codec/g711.ts';
import { OPEN_FLOOR } from '../../media/conference/floor.ts';
import { EngineBusy, type MediaEngine, type RtpLeg, startEngine, systemClock } from '../../media/index.ts';
import { parseRtp, RTP_HEADER_BYTES, RtpHeader, writeRtpHeader } from '../../media/rtp/packet.ts';
import { until } from '../support/server.ts';
import { tone, tonesIn } from '../support/tones.ts';

const RATE = 8000;
const FRAME = samplesPerFrame(RATE);
const FRAME_MS = 20;
const PITCHES = [440, 700, 1100] as const;

let engine: MediaEngine;
const parties: Party[] = [];

before(async () => {
  const portMin = 41_000 + 100 * Math.floor(Math.random() * 50);
  engine = await startEngine({
    workers: 2,
    rtp: { host: '127.0.0.1', portMin, portMax: portMin + 99 },
    batchIo: true,
    // Nothing is played here.
    clips: { open: (url: URL) => assert.fail(`${publicUrl(url)} was asked for`) } as unknown as ClipStore,
    observer: { playStarted: () => {}, playEnded: () => {}, mixerDied: () => {} },
    limits: { playsPerMember: 5, playsPerNode: 5 },
    fullLoad: Number.POSITIVE_INFINITY,
    noRtpWarnMs: 60_000,
    noRtpHangupMs: 60_000,
    clock: systemClock,
  });
});

after(async () => {
  for (const party of parties) party.hangUp();
  await engine.close();
});

/** Somebody with a socket, a pitch and an ear. */
class Party {
  readonly leg: RtpLeg;
  readonly headers: RtpHeader[] = [];
  #heard: number[] = [];
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;

  private constructor(leg: RtpLeg, socket: Socket, hz: number) {
    this.leg = leg;
    this.#socket = socket;
    socket.on('message', (bytes) => this.#listen(bytes));
    let sequence = 0;
    const packet = new Uint8Array(RTP_HEADER_BYTES + FRAME);
    const encoder = mulaw.createEncoder();
    this.#timer = setInterval(() => {
      writeRtpHeader(packet, 0, false, 0, sequence & 0xffff, sequence * FRAME, leg.id);
      encoder.encode(tone(RATE, FRAME, hz, sequence * FRAME), packet, RTP_HEADER_BYTES);
      sequence += 1;
      socket.send(packet, leg.port, '127.0.0.1');
    }, FRAME_MS);
  }

  static async join(conference: string, hz: number): Promise<Party> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const leg = await engine.openRtpLeg(
      conference,
      {
        codec: { name: 'PCMU', payloadType: 0, clockRate: RATE, channels: 1 },
        remote: { address: '127.0.0.1', port: socket.address().port },
        direction: 'sendrecv',
      },
      () => {},
    );
    leg.update({ started: true });
    const party = new Party(leg, socket, hz);
    parties.push(party);
    return party;
  }

  /** Waits until it hears these pitches and no other. */
  async hears(...wanted: number[]): Promise<void> {
    this.#heard = [];
    await until(`leg ${this.leg.id} to hear ${wanted.join(' and ') || 'nobody'}`, async () => {
      if (this.#heard.length < RATE / 4) return false;
      const heard = tonesIn(Int16Array.from(this.#heard.splice(0)), RATE, PITCHES).map(({ hz }) => hz);
      return heard.join() === wanted.join();
    });
  }

  hangUp(): void {
    clearInterval(this.#timer);
    this.leg.close();
    this.#socket.close();
  }

  #listen(bytes: Uint8Array): void {
    const header = new RtpHeader();
    parseRtp(bytes, 0, bytes.length, header);
    this.headers.push(header);
    const samples = new Int16Array(header.payloadLength);
    mulaw.createDecoder().decode(bytes, header.payloadOffset, header.payloadLength, samples);
    this.#heard.push(...samples);
  }
}

/** One stream from the first packet to the last: the same SSRC, numbers without a hole, time that never runs back. */
function assertContinuous({ headers }: Party): void {
  const [first] = headers;
  for (let i = 1; i < headers.length; i++) {
    const [before, after] = [headers[i - 1]!, headers[i]!];
    assert.equal(after.ssrc, first!.ssrc, 'one SSRC');
    assert.equal((after.sequence - before.sequence) & 0xffff, 1, `sequence numbers count on at packet ${i}`);
    const step = (after.timestamp - before.timestamp) >>> 0;
    assert.ok(step > 0 && step % FRAME === 0 && step < RATE, `the timestamp moves by ${step} at packet ${i}`);
  }
}

function open(id: string, beside?: string): void {
  engine.openConference({ id, sampleRate: RATE, floor: OPEN_FLOOR, ...(beside && { beside }) });
}

test('a leg moves between conferences of one mixer and of two, and its peer notices nothing but who speaks', async () => {
  open('room');
  const ana = await Party.join('room', 440);
  // The room is taken, so this one goes to the other mixer; and the third, though that is as busy, beside the room.
  open('far');
  const ben = await Party.join('far', 700);
  open('near', 'room');
  const eve = await Party.join('near', 1100);
  await ana.hears();
  const { port } = ana.leg;

  await ana.leg.move('near');
  await Promise.all([ana.hears(1100), eve.hears(440)]);
  assert.ok(
    ana.headers.slice(1).every(({ marker }) => !marker),
    'within a mixer not even a marker',
  );
  await ana.leg.move('far');
  await Promise.all([ana.hears(700), ben.hears(440), eve.hears()]);
  await ana.leg.move('room');
  await Promise.all([ana.hears(), ben.hears()]);
  assert.equal(ana.leg.port, port);
  assert.equal(ana.leg.conference, 'room');
  assertContinuous(ana);
});

test('a leg does not move to where nothing is, nor once it is closed, nor when it is closed on the way', async () => {
  open('here');
  const ana = await Party.join('here', 440);
  // One mixer now has more than the other.
  open('there');
  await assert.rejects(ana.leg.move('nowhere'), EngineBusy);
  await ana.hears();
  const leaving = assert.rejects(ana.leg.move('there'), EngineBusy);
  ana.hangUp();
  parties.splice(parties.indexOf(ana), 1);
  await leaving;
  await assert.rejects(ana.leg.move('here'), EngineBusy);
});
