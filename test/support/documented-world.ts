import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { parseBody } from '../../server/api/body.ts';
import { toApiError } from '../../server/api/reply.ts';
import type { Method } from '../../server/api/resource.ts';
import type { Role } from '../../server/mpc/index.ts';
import { plainTerms } from '../../server/mpc/index.ts';
import { AppUnderTest } from './app.ts';

const JSON_LIMITS = { maxDepth: 10, maxKeys: 200 };

/** What an operation came to. */
export interface Outcome {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** An MPC with everything that a path of the API can name, so that each operation has something to act on. */
export class DocumentedWorld {
  readonly app = new AppUnderTest({ SIP_DIAL_ALLOW: '192.0.2.7' });
  readonly #names: Record<string, string> = { mpc: 'name_docs', members: '2' };

  static async open(): Promise<DocumentedWorld> {
    const world = new DocumentedWorld();
    await world.#fill();
    return world;
  }

  /** A path of the document or of the routes with the names of what is there. */
  path(template: string): string {
    return template.replaceAll(/\{(\w+)\}|:(\w+)/g, (_, braced, colon) => this.#name(braced ?? colon));
  }

  /** Asks an operation of the document without a network between. What is no refusal is thrown on. */
  async ask(method: Method, template: string, body: object = {}, query = ''): Promise<Outcome> {
    const path = template.replaceAll(/\{(\w+)\}/g, ':$1');
    const handler = this.app.resources.find((each) => each.path === path)?.methods[method];
    assert.ok(handler, `${method} ${path} is routed`);
    const apiId = randomUUID();
    try {
      const { status, body: told } = await handler({
        apiId,
        path,
        params: Object.fromEntries([...path.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, this.#name(name)])),
        query: new URLSearchParams(query),
        body: parseBody(Buffer.from(JSON.stringify(body)), 'application/json', JSON_LIMITS),
        receivedAt: 0,
        host: 'partyline.test',
        secure: false,
        idempotencyKey: undefined,
      });
      return { status, body: JSON.parse(JSON.stringify({ api_id: apiId, ...told })) };
    } catch (error) {
      const refusal = toApiError(error);
      if (!refusal) throw error;
      return { status: refusal.status, body: { error: refusal.message } };
    }
  }

  /** All that is recorded is stopped and has its file. */
  async finishRecordings(): Promise<void> {
    for await (const { id } of this.app.recordings.archive.newestFirst()) this.app.recordings.stop(id);
    await this.app.recordings.close(2000);
  }

  async close(): Promise<void> {
    await this.finishRecordings();
    await this.app.close();
  }

  #name(of: string): string {
    const name = this.#names[of];
    assert.ok(name, `there is a ${of}`);
    return name;
  }

  async #fill(): Promise<void> {
    this.#names.call = await this.#call('agent');
    await this.#call('supervisor');
    await this.#call('agent');
    const post = async (path: string, body: object, name?: string) => {
      const answer = await this.ask('POST', path, body);
      assert.ok(answer.status < 300, `${path} answers ${answer.body.error}`);
      return String(name && answer.body[name]);
    };
    const url = 'https://media.example.com/long.mp3';
    this.#names.play = await post('/MultiPartyCall/:mpc/Member/:members/Play/', { url }, 'api_id');
    this.#names.clip = await post('/Clip/', { url }, 'clip_id');
    this.#names.stream = await post('/Call/:call/Stream/', { service_url: 'wss://app.example.com/' }, 'stream_id');
    const user = { username: 'bob', password: 'secret', alias: 'desk' };
    this.#names.endpoint = await post('/Endpoint/', user, 'endpoint_id');
    await post('/MultiPartyCall/:mpc/Record/', {});
    const both = { record_track_type: 'both' };
    this.#names.recording = await post('/MultiPartyCall/:mpc/Participant/:members/Record/', both, 'recording_id');
  }

  async #call(role: Role): Promise<string> {
    const rung = this.app.calls.ring({
      kind: 'sip',
      direction: 'inbound',
      from: 'sip:ana@example.com',
      to: 'sip:docs@example.com',
      hangUp: () => {},
    });
    assert.ok(rung.ok, 'there is room for a call');
    await this.app.calls.openInMpc(rung.call, 'docs', plainTerms(role), (id, onEvent) =>
      this.app.engine.openRtpLeg(id, {}, onEvent),
    );
    this.app.calls.answered(rung.call);
    return rung.call.uuid;
  }
}
