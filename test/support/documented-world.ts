import assert from 'node:assert/strict';
import { plainTerms, type Role } from '../../server/mpc/index.ts';
import { AppUnderTest } from './app.ts';

/** An MPC with everything that a path of the API can name, so that each operation has something to act on. */
export class DocumentedWorld {
  readonly app = new AppUnderTest({ SIP_DIAL_ALLOW: '192.0.2.7', MAX_ENDPOINTS: '50' });
  readonly #names: Record<string, string> = { mpc: 'name_docs', members: '2' };

  static async open(): Promise<DocumentedWorld> {
    const world = new DocumentedWorld();
    await world.app.listen();
    await world.#fill();
    return world;
  }

  /** A path of the document or of the routes with the names of what is there. */
  path(template: string): string {
    return template.replaceAll(/\{(\w+)\}|:(\w+)/g, (_, braced, colon) => {
      const name = this.#names[braced ?? colon];
      assert.ok(name, `there is a ${braced ?? colon}`);
      return name;
    });
  }

  async close(): Promise<void> {
    for await (const { id } of this.app.recordings.archive.newestFirst()) this.app.recordings.stop(id);
    await this.app.recordings.close(2000);
    await this.app.close();
  }

  async #fill(): Promise<void> {
    this.#names.call = await this.#call('agent');
    await this.#call('supervisor');
    await this.#call('agent');
    const post = async (path: string, body: object) => {
      const answer = await this.app.api('POST', this.path(path), body);
      assert.ok(answer.status < 300, `${path} answers ${answer.text}`);
      return answer.body;
    };
    const url = 'https://media.example.com/long.mp3';
    this.#names.play = (await post('/MultiPartyCall/:mpc/Member/all/Play/', { url })).api_id;
    this.#names.clip = (await post('/Clip/', { url })).clip_id;
    this.#names.stream = (await post('/Call/:call/Stream/', { service_url: 'wss://app.example.com/' })).stream_id;
    const user = { username: 'bob', password: 'secret', alias: 'desk' };
    this.#names.endpoint = (await post('/Endpoint/', user)).endpoint_id;
    await post('/MultiPartyCall/:mpc/Record/', {});
    const both = { record_track_type: 'both' };
    this.#names.recording = (await post('/MultiPartyCall/:mpc/Participant/2/Record/', both)).recording_id;
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
