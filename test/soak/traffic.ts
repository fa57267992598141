import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { ClipServer, cutsShort, drips, neverAnswers, resets, stalls } from '../support/clip-server.ts';
import { uneven } from '../support/network-simulator.ts';
import { seededRandom } from '../support/random.ts';
import type { TestServer } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';
import type { Ledger } from './ledger.ts';

const MPCS = 4;
const SEATS = 10;
const PLAYERS = 3;
const LOSSY = { delay: uneven(20, 30), loss: 0.03, duplicate: 0.01, reorder: 0.02 };
/** Attempts at one event that the receiver spoils at most: fewer than the server makes. */
const STUMBLES = 2;
const ANNOUNCEMENT = readFileSync(new URL('../fixtures/audio/announcement.mp3', import.meta.url));

/** Sources, good and bad, and a receiver of callbacks that stumbles. */
export class Surroundings {
  readonly clips: ClipServer;
  readonly receiver: CallbackReceiver;
  readonly good: readonly string[];
  readonly bad: readonly string[];
  stumbles = 0;

  private constructor(clips: ClipServer, receiver: CallbackReceiver) {
    this.clips = clips;
    this.receiver = receiver;
    const wav = writeWav(tone(8000, 8000 * 3, [{ hz: 700, db: -20 }]), 8000);
    this.good = [
      clips.file('/announcement.mp3', ANNOUNCEMENT, { 'content-type': 'audio/mpeg' }),
      clips.file('/tone.wav', wav),
      clips.on('/cut.wav', cutsShort(wav.subarray(0, wav.length / 2), wav.length)),
    ];
    this.bad = [
      clips.url('/none.mp3'),
      clips.file('/page.mp3', Buffer.from('<html></html>'), { 'content-type': 'text/html' }),
      clips.file('/noise.mp3', Buffer.alloc(5000, 7)),
      clips.on('/reset.mp3', resets),
      clips.on('/mute.mp3', neverAnswers),
      clips.on('/stall.wav', stalls(wav.subarray(0, 8000))),
      clips.on('/drip.wav', drips(wav, 50)),
    ];
  }

  static async start(): Promise<Surroundings> {
    return new Surroundings(await ClipServer.start(), await CallbackReceiver.start());
  }

  /** From now on what is taken is written to the ledger, and some attempts fail. */
  follow(ledger: Ledger, random: () => number): void {
    const spoiled = new Map<string, number>();
    this.receiver.answer = (received, response) => {
      // It keeps what it gets for tests that look at it; here that would grow for hours.
      this.receiver.received.length = 0;
      const { PlayID, RecordingUUID, MPCUUID, SequenceNumber } = received.fields;
      const key = `${PlayID ?? RecordingUUID ?? MPCUUID} ${SequenceNumber}`;
      const before = spoiled.get(key) ?? 0;
      const draw = random();
      if (draw < 0.06 && before < STUMBLES) {
        spoiled.set(key, before + 1);
        this.stumbles += 1;
        if (draw < 0.03) response.writeHead(500).end();
        else response.destroy();
        return;
      }
      ledger.take(received);
      if (draw > 0.98) setTimeout(() => response.end(), 400);
      else response.end();
    };
  }

  async close(): Promise<void> {
    await this.clips.close();
    await this.receiver.close();
  }
}

/** People who come and go, and an application that plays, records, kicks and ends. */
export class Traffic {
  readonly counts = { calls: 0, refused: 0, kicked: 0, ended: 0, recordings: 0, failures: 0 };
  readonly troubles: string[] = [];
  readonly #server: TestServer;
  readonly #around: Surroundings;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  readonly #running: Promise<unknown>[];
  #over = false;
  #rounds = 0;

  constructor(server: TestServer, around: Surroundings, ledger: Ledger, seed: number) {
    this.#server = server;
    this.#around = around;
    this.#ledger = ledger;
    this.#random = seededRandom(seed);
    around.follow(ledger, seededRandom(seed + 1));
    this.#running = [
      ...Array.from({ length: SEATS }, () => this.#repeat(200, () => this.#visit())),
      ...Array.from({ length: PLAYERS }, () => this.#repeat(300, () => this.#play())),
      this.#repeat(4000, () => this.#record()),
      this.#repeat(7000, () => this.#kick()),
      this.#repeat(15_000, () => this.#endMpc()),
    ];
  }

  /** Everybody leaves. */
  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running);
  }

  async #repeat(pauseMs: number, what: () => Promise<unknown>): Promise<void> {
    while (!this.#over) {
      await what().catch((error: Error) => this.#trouble(error));
      await this.#pause(pauseMs * (0.5 + this.#random()));
    }
  }

  #trouble(error: Error): void {
    this.counts.failures += 1;
    if (this.troubles.length < 20) this.troubles.push(error.message.split('\n')[0] ?? '');
  }

  #pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.#random() * of.length)] as T;
  }

  #mpc(): string {
    return `soak-${Math.floor(this.#random() * MPCS)}`;
  }

  /** Ends early when all is over. */
  async #pause(ms: number, holds: () => boolean = () => false): Promise<void> {
    const until = performance.now() + ms;
    while (!this.#over && !holds() && performance.now() < until)
      await wait(Math.min(100, Math.max(1, until - performance.now())));
  }

  async #visit(): Promise<void> {
    const stay = 2000 + this.#random() * 13_000;
    this.counts.calls += 1;
    try {
      if (this.#random() < 0.6) await this.#callBySip(stay);
      else await this.#joinByWebSocket(stay);
    } catch (error) {
      // Whoever comes while an MPC ends may be refused.
      if (!/refused|SIP\/2.0 [45]/.test(String(error))) throw error;
      this.counts.refused += 1;
    }
  }

  async #callBySip(stay: number): Promise<void> {
    const phone = await Softphone.call({
      sipPort: this.#server.sipPort,
      mpc: this.#mpc(),
      codec: this.#pick(['PCMU', 'PCMA', 'G722']),
      ...(this.#random() < 0.4 && {
        network: { toServer: LOSSY, toPhone: LOSSY, seed: Math.ceil(this.#random() * 1e6) },
      }),
    });
    phone.speak(this.#pick([350, 440, 550]));
    const until = performance.now() + stay;
    while (!this.#over && !phone.ended && performance.now() < until) {
      await this.#pause(1000, () => phone.ended);
      phone.forget();
      if (this.#random() < 0.05) await phone.press('7');
    }
    await phone.hangUp();
  }

  async #joinByWebSocket(stay: number): Promise<void> {
    const { wsUrl, authId, authToken } = this.#server;
    const client = await WsClient.join({
      wsUrl,
      authId,
      authToken,
      mpc: `name_${this.#mpc()}`,
      contentType: this.#pick(['audio/x-mulaw;rate=8000', 'audio/x-l16;rate=16000'] as const),
      framing: this.#pick(['json', 'binary'] as const),
    });
    client.recording = false;
    let gone = false;
    void client.closed.then(() => {
      gone = true;
    });
    const voice = client.speak(660);
    await this.#pause(stay, () => gone);
    voice.stop();
    // Some hang up without a word.
    if (this.#random() < 0.1) client.socket.terminate();
    else await client.leave();
  }

  async #play(): Promise<void> {
    const mpc = `/MultiPartyCall/name_${this.#mpc()}`;
    const kind = this.#random();
    const members = this.#pick(['all', 'all', '1', '1,2', '2,3']);
    const { good, bad } = this.#around;
    // A query makes another file of it, which has to be fetched and decoded.
    const fresh = this.#random() < 0.3 ? `?${++this.#rounds}` : '';
    const url = this.#random() < 0.15 ? this.#pick(bad) : this.#pick(good) + fresh;
    const speaks = kind > 0.9;
    const body = {
      ...(speaks ? { text: `Round ${++this.#rounds}.` } : { url }),
      callback_url: this.#around.receiver.url('/play'),
      ...(kind < 0.15 && { loop: true }),
      ...(kind > 0.3 && kind < 0.4 && { mode: 'replace' }),
      ...(kind > 0.4 && kind < 0.5 && { layer: 'bed' }),
      ...(kind > 0.5 && kind < 0.6 && members === 'all' && { later_joiners: true }),
      ...(kind > 0.6 && kind < 0.7 && { start_ms: 500, fade_in_ms: 100 }),
    };
    const verb = speaks ? 'Speak' : 'Play';
    const answer = await this.#server.api('POST', `${mpc}/Member/${members}/${verb}/`, body);
    if (answer.status !== 202) return this.#expect(answer.status, [404, 409, 429, 501], 'play');
    const { api_id: id } = answer.body as { readonly api_id: string };
    this.#ledger.playAccepted(id);
    await this.#pause(500 + this.#random() * 3000);
    const path = `${mpc}/Play/${id}/`;
    if (this.#random() < 0.3) {
      const change: object = this.#pick<object>([{ position_ms: 700 }, { volume: -10 }, { action: 'pause' }]);
      const changed = await this.#server.api('POST', path, change);
      this.#expect(changed.status, [202, 404, 409], 'change');
    }
    // What loops or is paused ends only when it is told to, or with its MPC.
    if (kind < 0.15 || this.#random() < 0.3) {
      const stopped = await this.#server.api('DELETE', path);
      this.#expect(stopped.status, [204, 404], 'stop');
    }
  }

  async #record(): Promise<void> {
    const path = `/MultiPartyCall/name_${this.#mpc()}/Record/`;
    const answer = await this.#server.api('POST', path, {
      file_format: this.#pick(['wav', 'mp3']),
      recording_callback_url: this.#around.receiver.url('/recording'),
    });
    if (answer.status >= 300) return this.#expect(answer.status, [404, 409, 429], 'record');
    const { recording_id: id } = answer.body as { readonly recording_id: string };
    this.counts.recordings += 1;
    this.#ledger.recordingAccepted(id);
    await this.#pause(3000 + this.#random() * 3000);
    this.#expect((await this.#server.api('DELETE', path)).status, [204, 404, 409], 'stop recording');
    await this.#pause(2000);
    // The disk is to last for hours.
    this.#expect((await this.#server.api('DELETE', `/Recording/${id}/`)).status, [204, 404, 409], 'delete recording');
  }

  async #kick(): Promise<void> {
    const path = `/MultiPartyCall/name_${this.#mpc()}/Participant/`;
    const list = await this.#server.api('GET', path);
    const { objects = [] } = list.body as { objects?: { member_id: string; exit_time: string | null }[] };
    const present = objects.filter(({ exit_time }) => exit_time === null);
    if (present.length === 0) return;
    const kicked = await this.#server.api('DELETE', `${path}${this.#pick(present).member_id}/`);
    this.#expect(kicked.status, [204, 404], 'kick');
    if (kicked.status === 204) this.counts.kicked += 1;
  }

  async #endMpc(): Promise<void> {
    const ended = await this.#server.api('DELETE', `/MultiPartyCall/name_${this.#mpc()}/`);
    this.#expect(ended.status, [204, 404], 'end');
    if (ended.status === 204) this.counts.ended += 1;
  }

  #expect(status: number, fine: readonly number[], what: string): void {
    if (!fine.includes(status)) this.#trouble(new Error(`${what}: ${status}`));
  }
}
