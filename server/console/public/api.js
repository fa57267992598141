/** The server said no, or could not be reached (`status` 0). */
export class ApiFailure extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
  }
}

const TIMEOUT_MS = 10_000;

/** The public REST API as this page uses it: nothing here that any other client could not do. */
export class Api {
  #base;
  #authorization;

  constructor(authId, authToken) {
    this.authId = authId;
    this.#base = `/v1/Account/${encodeURIComponent(authId)}`;
    this.#authorization = `Basic ${base64(`${authId}:${authToken}`)}`;
  }

  /** Live MPCs, those first in which members still wait for somebody: `{ objects, meta }`. */
  async mpcs() {
    const [waiting, active] = await Promise.all(
      ['initialized', 'active'].map((status) => this.#ask('GET', `/MultiPartyCall/?status=${status}`)),
    );
    return {
      objects: [...waiting.objects, ...active.objects],
      meta: { count: waiting.meta.count + active.meta.count },
    };
  }

  /** Who is in it now. */
  async members(uuid) {
    const { objects } = await this.#ask('GET', `/MultiPartyCall/uuid_${uuid}/Participant/`);
    return objects.filter((member) => member.exit_time === null);
  }

  /** Its plays, newest first. */
  async plays(uuid) {
    return (await this.#ask('GET', `/MultiPartyCall/uuid_${uuid}/Play/`)).objects;
  }

  /** `members` is `all` or ids separated by commas; `fields` the body. */
  play(uuid, members, fields) {
    return this.#ask('POST', `/MultiPartyCall/uuid_${uuid}/Member/${members}/Play/`, fields);
  }

  stopPlay(uuid, playId) {
    return this.#ask('DELETE', `/MultiPartyCall/uuid_${uuid}/Play/${playId}/`);
  }

  /** `fields`: `mute` or `hold`. */
  updateMember(uuid, id, fields) {
    return this.#ask('POST', `/MultiPartyCall/uuid_${uuid}/Participant/${id}/`, fields);
  }

  kick(uuid, id) {
    return this.#ask('DELETE', `/MultiPartyCall/uuid_${uuid}/Participant/${id}/`);
  }

  end(uuid) {
    return this.#ask('DELETE', `/MultiPartyCall/uuid_${uuid}/`);
  }

  /** A WebSocket's URL without its query, and the subprotocols that let it in, once. */
  async stream(name) {
    const path = `/MultiPartyCall/name_${encodeURIComponent(name)}/Stream/`;
    const { token } = await this.#ask('POST', path);
    // The page knows better than the server whether there is TLS in between.
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    return {
      url: `${scheme}://${location.host}${this.#base}${path}`,
      protocols: ['partyline', `partyline.token.${token}`],
    };
  }

  async #ask(method, path, body) {
    let response;
    try {
      response = await fetch(this.#base + path, {
        method,
        headers: { authorization: this.#authorization, ...(body && { 'content-type': 'application/json' }) },
        // Our own header is all there is: a 401 must not make the browser ask for a password.
        credentials: 'omit',
        cache: 'no-store',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch {
      throw new ApiFailure(0, 'The server does not answer');
    }
    if (response.status === 204) return undefined;
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiFailure(response.status, answer.error ?? `The server said ${response.status}`);
    return answer;
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
