import { resolve } from 'node:path';
import type { LoadedAccount } from './credentials.ts';

export interface BannerFacts {
  readonly httpHost: string;
  readonly httpPort: number;
  readonly sipPort: number;
  /** Of SIP by TLS, where it is taken. */
  readonly sipTlsPort: number | undefined;
  /** HTTP and WebSocket go by TLS. */
  readonly secure: boolean;
  /** What we tell others when we listen on all addresses. */
  readonly publicAddress: string;
  readonly account: LoadedAccount;
  /** Path, version and origin, or what is missing. */
  readonly decoder: string;
  readonly sampleUrl: string;
}

const MPC = 'demo';

/** What a person needs after the start: where everything is, and a first command that works as it stands. */
export function banner(facts: BannerFacts): string {
  const { authId } = facts.account.account;
  const http = hostOf(facts.httpHost, facts.publicAddress, facts.httpPort);
  const web = facts.secure ? 'https' : 'http';
  const socket = facts.secure ? 'wss' : 'ws';
  const { publicAddress, sipTlsPort } = facts;
  const tlsPlace = sipTlsPort === undefined ? '' : hostOf(publicAddress, publicAddress, sipTlsPort);
  const byTls = sipTlsPort === undefined ? '' : `\n             sip:${MPC}@${tlsPlace};transport=tls joins it by TLS`;
  const account = `/v1/Account/${authId}`;
  const mpc = `${account}/MultiPartyCall/name_${MPC}`;
  return `
partyline takes calls

  API        ${web}://${http}${account}/
  SIP        sip:${MPC}@${hostOf(facts.publicAddress, facts.publicAddress, facts.sipPort)} (UDP and TCP) joins the MPC "${MPC}"${byTls}
  WebSocket  ${socket}://${http}${mpc}/Stream/ joins it too
  Metrics    ${web}://${http}/metrics
  ffmpeg     ${facts.decoder}
  Account    ${accountLine(facts.account)}

  Join the MPC "${MPC}", then play a chime to everybody in it (any public mp3 or wav URL does as well):

  curl -u ${userArgument(facts.account)} -d url=${facts.sampleUrl} ${web}://${http}${mpc}/Member/all/Play/

`;
}

/** The address to reach a listener by; one on all addresses is shown by the one others can use. */
export function hostOf(host: string, publicAddress: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' ? publicAddress : host;
  return `${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
}

function accountLine({ account, origin, path }: LoadedAccount): string {
  switch (origin) {
    case 'made':
      return `${account.authId}, token ${account.authToken} (made just now, shown only this once, kept in ${path})`;
    case 'file':
      return `${account.authId}, token in ${path}`;
    case 'environment':
      return `${account.authId}, token as in AUTH_TOKEN`;
  }
}

/** Shows the token only when it was just made; later the command fetches it from where it is kept. */
function userArgument({ account, origin, path }: LoadedAccount): string {
  if (origin === 'made' || path === undefined)
    return origin === 'made' ? `${account.authId}:${account.authToken}` : `"${account.authId}:$AUTH_TOKEN"`;
  const file = JSON.stringify(resolve(path)).slice(1, -1);
  return `"$(node -p "Object.values(require('${file}')).join(':')")"`;
}
