import { setTimeout as wait } from 'node:timers/promises';
import { authorizationFor, type DigestAnswer } from '../../support/sip-digest.ts';
import { CallScript, newBranch, type SipText, sdpText } from '../../support/sip-script.ts';
import { type Attack, type Front, isOver } from '../attack.ts';
import { Wire } from '../wire.ts';

const ANSWER_MS = 4000;
const PAUSE_MS = 20;
const PASSWORD = 'correct-horse';

/** A request of a phone, and the answers to it. */
class Phone {
  readonly wire: Wire;
  readonly #front: Front;
  readonly #script: CallScript;
  sent = 0;

  constructor(front: Front, wire: Wire, user: string) {
    this.#front = front;
    this.wire = wire;
    this.#script = new CallScript({ uri: this.uri, local: wire.local, user });
  }

  get uri(): string {
    return `sip:127.0.0.1:${this.#front.server.sipPort}`;
  }

  async ask(
    method: string,
    user: string,
    headers: Record<string, string> = {},
  ): Promise<{ text: string; final: SipText | undefined }> {
    const to = `<sip:${user}@127.0.0.1>`;
    const text = this.#script.request(method, {
      uri: this.uri,
      body: method === 'INVITE' ? sdpText() : '',
      headers: { From: `${to};tag=fire`, To: to, ...headers },
    });
    return { text, final: await this.put(text) };
  }

  /** The very same bytes but for the branch, so that it is no repetition of a transaction. */
  async put(text: string): Promise<SipText | undefined> {
    this.sent += 1;
    const branch = newBranch();
    const again = text.replace(/branch=z9hG4bK\w+/, `branch=${branch}`);
    return this.wire.ask(again, ANSWER_MS, ({ text: answer }) => answer.includes(branch));
  }
}

export const digest: Attack = {
  name: 'digest',
  about: 'replays, foreign nonces, names of others, unknown users, guesses: nothing is registered but the one phone',
  counts: {
    answered: ['partyline_sip_authentications_total{result="accepted"}'],
    refused: ['challenged', 'stale', 'unsuitable', 'wrong', 'throttled'].map(
      (result) => `partyline_sip_authentications_total{result="${result}"}`,
    ),
    dropped: ['partyline_sip_dropped_total'],
  },
  run: async (front) => {
    const wrong: string[] = [];
    const user = await endpoint(front, 'ana');
    const other = await endpoint(front, 'ben');
    const wires: Wire[] = [];
    let sent = 0;
    /** Guesses slow down their source alone, so each round of them comes from another. */
    const phone = async (): Promise<Phone> => {
      const serial = front.serial();
      const wire = await Wire.open(
        'UDP',
        `127.0.${10 + ((serial >> 7) % 100)}.${1 + (serial % 127)}`,
        front.server.sipPort,
      );
      wires.push(wire);
      return new Phone(front, wire, user);
    };
    do {
      const ana = await phone();
      const challenge = (await ana.ask('REGISTER', user)).final;
      if (challenge?.status !== 401) {
        wrong.push(`a stranger's REGISTER got ${challenge?.status ?? 'no answer'}`);
        break;
      }
      const by = (changes: Partial<DigestAnswer>): Record<string, string> => ({
        Authorization: authorizationFor(challenge, {
          user,
          password: PASSWORD,
          method: 'REGISTER',
          uri: ana.uri,
          nc: 5,
          ...changes,
        }),
      });
      const right = await ana.ask('REGISTER', user, by({}));
      if (right.final?.status !== 200) wrong.push(`the right password got ${right.final?.status ?? 'no answer'}`);
      const refused = async (what: string, answer: Promise<SipText | undefined>): Promise<void> => {
        const status = (await answer)?.status;
        if (status === undefined || ![400, 401, 403, 404, 503].includes(status))
          wrong.push(`${what}: ${status ?? 'got no answer'}`);
        await wait(PAUSE_MS);
      };
      const register = async (name: string, headers: Record<string, string>): Promise<SipText | undefined> =>
        (await ana.ask('REGISTER', name, headers)).final;
      await refused('a replay', ana.put(right.text));
      await refused(
        'a replay with another Contact',
        ana.put(right.text.replace(/^Contact: .*$/m, 'Contact: <sip:thief@127.0.0.66>')),
      );
      await refused('a lower count', register(user, by({ nc: 4 })));
      await refused('a response for another method', register(user, by({ nc: 6, method: 'INVITE' })));
      await refused('another URI', register(user, by({ nc: 7, changes: { uri: '"sip:elsewhere"' } })));
      await refused('another realm', register(user, by({ nc: 8, changes: { realm: '"example.com"' } })));
      await refused('a nonce of somebody else', register(user, by({ nc: 9, changes: { nonce: '"bm9uY2U="' } })));
      await refused('no qop', register(user, by({ nc: 10, changes: { qop: null, nc: null, cnonce: null } })));
      await refused("another user's address", register(other, by({ nc: 11 })));
      const thief = await phone();
      await refused('the same from another address', thief.put(right.text));
      for (let i = 0; i < 30; i++) {
        const name = i % 2 === 0 ? user : `nobody${i}`;
        const { final } = await thief.ask(i % 3 === 0 ? 'INVITE' : 'REGISTER', name);
        if (!final || ![401, 503].includes(final.status)) wrong.push(`a guess got ${final?.status ?? 'no answer'}`);
        if (final?.status !== 401) continue;
        const guess = authorizationFor(final, {
          user: name,
          password: `guess${i}`,
          method: 'REGISTER',
          uri: thief.uri,
        });
        await refused(
          'a guess',
          thief.ask('REGISTER', name, { Authorization: guess }).then((answer) => answer.final),
        );
      }
      sent += ana.sent + thief.sent;
    } while (!isOver(front));
    for (const wire of wires) wire.close();
    const registered = Number(/^partyline_sip_contacts (\d+)/m.exec(await front.server.metrics())?.[1]);
    // Each round registers one phone anew, at an address of its own.
    const { objects } = (await front.server.api('GET', '/Endpoint/')).body as {
      objects: { username: string; sip_registered: string }[];
    };
    for (const { username, sip_registered } of objects)
      if (username !== user && username.startsWith('ben') && sip_registered === 'true')
        wrong.push(`${username} was registered by a thief`);
    return { sent, wrong, note: `${registered} phones registered` };
  },
};

async function endpoint({ server }: Front, name: string): Promise<string> {
  const { body } = await server.api('POST', '/Endpoint/', { username: name, password: PASSWORD, alias: name });
  return (body as { username: string }).username;
}
