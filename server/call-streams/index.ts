/** The sound of calls on its way to applications, and back: we dial their WebSockets. */
export type { CallStream, CallStreamEnd } from './call-stream.ts';
export { type CallStreamStarted, type CallStreamStats, CallStreams } from './call-streams.ts';
export {
  type CallStreamTerms,
  DEFAULT_TIMEOUT_SECONDS,
  type StreamedCall,
  type StreamProtocol,
} from './command.ts';
export { type DialOptions, dial, httpTwin } from './dial.ts';
export { startCallStreams } from './start.ts';
