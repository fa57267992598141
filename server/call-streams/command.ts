import type { Leg } from '../../media/engine.ts';
import type { CallbackTarget } from '../callbacks/index.ts';
import type { AudioFormat, AudioTrack } from '../ws/index.ts';

/** A call as streams see it: its leg is listened to where it is. */
export interface StreamedCall {
  readonly uuid: string;
  readonly leg: Leg;
  /** For the application to read. */
  readonly from: string;
  readonly to: string;
  readonly direction: 'inbound' | 'outbound';
}

/** Whose messages the application speaks. */
export type StreamProtocol = 'plivo' | 'twilio';

/** How the sound of a call goes to an application, and back. */
export interface CallStreamTerms {
  /** ws or wss, judged before. */
  readonly serviceUrl: URL;
  /** The application is heard by the call, and by all others in its conference. */
  readonly bidirectional: boolean;
  readonly tracks: readonly AudioTrack[];
  readonly format: AudioFormat;
  readonly timeoutMs: number;
  readonly extraHeaders: Readonly<Record<string, string>>;
  readonly protocol: StreamProtocol;
  /** Who is told how it goes. */
  readonly callback: CallbackTarget | undefined;
}

export const DEFAULT_TIMEOUT_SECONDS = 86_400;
