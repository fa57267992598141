/**
 * Plivo's own npm SDK, pointed at a server under test. Its base URL for calls is a constant inside the package, so each
 * axios instance it makes gets an interceptor that puts our address in place of Plivo's.
 *
 *   const plivo = plivoClient(server);
 *   await plivo.multiPartyCalls.startPlayAudio('all', url, { friendlyName: 'demo' });
 */
import { createRequire } from 'node:module';
import type { TestServer } from './server.ts';

/** Which MPC; exactly one of the two. */
export type MpcOf = { readonly friendlyName: string } | { readonly uuid: string };

/** An answer as the SDK hands it on: keys in camelCase. */
export type SdkAnswer = Readonly<Record<string, unknown>>;

/** The part of the SDK that MPCs need; the package brings no types. */
export interface PlivoClient {
  readonly multiPartyCalls: {
    list(filter?: Readonly<Record<string, unknown>>): Promise<SdkAnswer[]>;
    get(of: MpcOf): Promise<SdkAnswer>;
    start(of: MpcOf & Readonly<Record<string, unknown>>): Promise<unknown>;
    stop(of: MpcOf): Promise<unknown>;
    addParticipant(role: string, of: MpcOf & Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    listParticipants(of: MpcOf & { readonly callUuid?: string }): Promise<SdkAnswer>;
    getParticipant(id: string | number, of: MpcOf): Promise<SdkAnswer>;
    updateParticipant(id: string | number, changes: MpcOf & Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    kickParticipant(id: string | number, of: MpcOf): Promise<unknown>;
    startPlayAudio(
      ids: string | number,
      url: string,
      of: MpcOf & Readonly<Record<string, unknown>>,
    ): Promise<SdkAnswer>;
    stopPlayAudio(ids: string | number, of: MpcOf): Promise<unknown>;
    startRecording(options: MpcOf & Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    stopRecording(of: MpcOf): Promise<unknown>;
    pauseRecording(of: MpcOf): Promise<unknown>;
    resumeRecording(of: MpcOf): Promise<unknown>;
    startParticipantRecording(
      id: string | number,
      options: MpcOf & Readonly<Record<string, unknown>>,
    ): Promise<SdkAnswer>;
    stopParticipantRecording(id: string | number, options: MpcOf & Readonly<Record<string, unknown>>): Promise<unknown>;
    pauseParticipantRecording(
      id: string | number,
      options: MpcOf & Readonly<Record<string, unknown>>,
    ): Promise<unknown>;
    resumeParticipantRecording(
      id: string | number,
      options: MpcOf & Readonly<Record<string, unknown>>,
    ): Promise<unknown>;
  };
  readonly recordings: {
    list(filter?: Readonly<Record<string, unknown>>): Promise<SdkAnswer[]>;
    get(id: string): Promise<SdkAnswer>;
    delete(id: string): Promise<unknown>;
  };
  readonly endpoints: {
    create(username: string, password: string, alias: string, appId?: string): Promise<SdkAnswer>;
    list(filter?: Readonly<Record<string, unknown>>): Promise<SdkAnswer[]>;
    get(id: string): Promise<SdkAnswer>;
    update(id: string, changes: Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    delete(id: string): Promise<unknown>;
  };
  readonly calls: {
    list(filter?: Readonly<Record<string, unknown>>): Promise<SdkAnswer[]>;
    get(callUuid: string): Promise<SdkAnswer>;
    listLiveCalls(): Promise<SdkAnswer[]>;
    getLiveCall(callUuid: string): Promise<SdkAnswer>;
    listQueuedCalls(): Promise<SdkAnswer[]>;
    playMusic(callUuid: string, urls: string, options?: Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    stopPlayingMusic(callUuid: string): Promise<unknown>;
    listLiveCalls(): Promise<SdkAnswer[]>;
    getLiveCall(callUuid: string): Promise<SdkAnswer>;
    transfer(callUuid: string, params: Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    hangup(callUuid: string): Promise<unknown>;
    speakText(callUuid: string, text: string, options?: Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    stopSpeakingText(callUuid: string): Promise<unknown>;
    sendDigits(callUuid: string, digits: string, options?: Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    stream(callUuid: string, serviceUrl: string, options?: Readonly<Record<string, unknown>>): Promise<SdkAnswer>;
    getAllStream(callUuid: string): Promise<SdkAnswer>;
    getStream(callUuid: string, streamId: string): Promise<SdkAnswer>;
    stopStream(callUuid: string, streamId: string): Promise<unknown>;
    stopAllStream(callUuid: string): Promise<unknown>;
  };
}

interface AxiosConfig {
  url?: string;
}

interface AxiosInstance {
  readonly interceptors: { readonly request: { use(change: (config: AxiosConfig) => AxiosConfig): number } };
}

interface AxiosModule {
  create(config?: object): AxiosInstance;
}

interface PlivoModule {
  readonly Client: new (authId: string, authToken: string, options?: object) => PlivoClient;
}

const PLIVO = 'https://api.plivo.com';

/** Account id to the address of its server. */
const addresses = new Map<string, string>();
let patched: PlivoModule | undefined;

/** A client for a server's account. Clients of several servers live side by side if their account ids differ. */
export function plivoClient(server: Pick<TestServer, 'httpUrl' | 'authId' | 'authToken'>): PlivoClient {
  patched ??= patch();
  addresses.set(server.authId, server.httpUrl);
  return new patched.Client(server.authId, server.authToken);
}

function patch(): PlivoModule {
  const require = createRequire(import.meta.url);
  const plivo = require('plivo') as PlivoModule;
  // The axios that the SDK itself sees, which may be a copy of its own.
  const axios = createRequire(require.resolve('plivo'))('axios') as AxiosModule;
  const create = axios.create.bind(axios);
  axios.create = (config) => {
    const instance = create(config);
    instance.interceptors.request.use((request) => ({
      ...request,
      ...(request.url && { url: redirected(request.url) }),
    }));
    return instance;
  };
  return plivo;
}

function redirected(url: string): string {
  const authId = /\/Account\/([^/]+)/.exec(url)?.[1] ?? '';
  const address = addresses.get(authId);
  if (address === undefined) throw new Error(`the SDK would have left for ${url}`);
  return url.replace(PLIVO, address);
}
