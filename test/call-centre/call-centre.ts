/*
 * A call centre as an application of partyline: customers who call wait to music in an MPC, agents and supervisors are called into
 * it, and all that happens there is noted once its signature is right. It knows Plivo's API and nothing of partyline.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { PlivoClient, SdkAnswer } from '../support/plivo-sdk.ts';

/** What partyline told, in the order in which it came. */
export interface Told {
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
}

type ValidateSignature = (
  method: string,
  url: string,
  nonce: string,
  authToken: string,
  signature: string,
  fields: Readonly<Record<string, string>>,
) => boolean;

const { validateV3Signature } = createRequire(import.meta.url)('plivo') as { validateV3Signature: ValidateSignature };

const MPC = 'support';
/** Whoever is added comes without beeps, and without a ringing tone for those who are there. */
const QUIETLY = { friendlyName: MPC, from: '4930111', dialMusic: 'none', enterSound: 'none', exitSound: 'none' };

export class CallCentre {
  readonly told: Told[] = [];
  /** Requests whose signature was wrong: none of them was believed. */
  forged = 0;
  readonly #server: Server;
  readonly #authToken: string;
  readonly #sounds: ReadonlyMap<string, Buffer>;

  private constructor(server: Server, authToken: string, sounds: ReadonlyMap<string, Buffer>) {
    this.#server = server;
    this.#authToken = authToken;
    this.#sounds = sounds;
    server.on('request', async (request, response) => {
      const { status, type, body } = await this.#answer(request);
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  }

  /** `sounds` are wav files by name: `wait`, `hold` and `notice`. */
  static async start(authToken: string, sounds: ReadonlyMap<string, Buffer>): Promise<CallCentre> {
    const server = createServer();
    const centre = new CallCentre(server, authToken, sounds);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return centre;
  }

  /** What `FETCH_ALLOW` needs to let partyline call here. */
  get allow(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  url(path: string): string {
    return `http://${this.allow}${path}`;
  }

  /** The agent's exit ends the MPC for all. */
  addAgent(plivo: PlivoClient, user: string): Promise<SdkAnswer> {
    return plivo.multiPartyCalls.addParticipant('Agent', { ...QUIETLY, to: user, endMpcOnExit: true });
  }

  /** A supervisor is heard by agents alone. */
  addCoach(plivo: PlivoClient, user: string): Promise<SdkAnswer> {
    return plivo.multiPartyCalls.addParticipant('Supervisor', { ...QUIETLY, to: user, coachMode: true });
  }

  record(plivo: PlivoClient): Promise<SdkAnswer> {
    const recordingCallbackUrl = this.url('/recording.told');
    return plivo.multiPartyCalls.startRecording({ friendlyName: MPC, fileFormat: 'wav', recordingCallbackUrl });
  }

  /** Plays the notice to everybody. */
  announce(plivo: PlivoClient): Promise<SdkAnswer> {
    return plivo.multiPartyCalls.startPlayAudio('all', this.url('/sounds/notice.wav'), { friendlyName: MPC });
  }

  hold(plivo: PlivoClient, memberId: string, hold: boolean): Promise<SdkAnswer> {
    return plivo.multiPartyCalls.updateParticipant(memberId, { friendlyName: MPC, hold });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; type: string; body: string | Buffer }> {
    const url = new URL(request.url ?? '', this.url('/'));
    const sound = this.#sounds.get(/^\/sounds\/(\w+)\.wav$/.exec(url.pathname)?.[1] ?? '');
    if (sound) return { status: 200, type: 'audio/wav', body: sound };
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const fields = Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()));
    if (!this.#isGenuine(request, url, fields)) {
      this.forged += 1;
      return { status: 403, type: 'text/plain', body: 'the signature is wrong' };
    }
    const xml = this.#xmlFor(url.pathname);
    if (xml !== undefined) return { status: 200, type: 'application/xml', body: `<Response>${xml}</Response>` };
    this.told.push({ path: url.pathname, fields: { ...Object.fromEntries(url.searchParams), ...fields } });
    return { status: 200, type: 'text/plain', body: '' };
  }

  #isGenuine({ method = '', headers }: IncomingMessage, url: URL, fields: Readonly<Record<string, string>>): boolean {
    const nonce = String(headers['x-plivo-signature-v3-nonce']);
    return validateV3Signature(
      method,
      url.href,
      nonce,
      this.#authToken,
      String(headers['x-plivo-signature-v3']),
      fields,
    );
  }

  #xmlFor(path: string): string | undefined {
    switch (path) {
      case '/answer':
        return this.#customer();
      case '/wait':
        return `<Play>${this.url('/sounds/wait.wav')}</Play>`;
      case '/hold':
        return `<Play loop="0">${this.url('/sounds/hold.wav')}</Play>`;
      default:
        return undefined;
    }
  }

  /** Who calls is a customer, and waits until somebody comes. */
  #customer(): string {
    const attributes = {
      role: 'customer',
      startMpcOnEnter: 'false',
      stayAlone: 'true',
      enterSound: 'none',
      exitSound: 'none',
      waitMusicUrl: this.url('/wait'),
      customerHoldMusicUrl: this.url('/hold'),
      statusCallbackUrl: this.url('/status'),
      statusCallbackEvents: 'mpc-state-changes,participant-state-changes,add-participant-api-events',
    };
    const written = Object.entries(attributes).map(([name, value]) => `${name}="${value}"`);
    return `<MultiPartyCall ${written.join(' ')}>${MPC}</MultiPartyCall>`;
  }
}
