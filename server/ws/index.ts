export { StreamCounters, type StreamStats } from './counters.ts';
export type { AudioTrack, Dialect } from './dialect.ts';
export { attachStreams, type StreamDeps, type StreamEndpoint } from './endpoint.ts';
export { type AudioFormat, contentTypeOf, DEFAULT_CONTENT_TYPE, FORMAT_NAMES, parseContentType } from './format.ts';
export { DEFAULT_STREAM_LIMITS, type StreamLimits } from './limits.ts';
export { MessageWriter } from './message-writer.ts';
export { Stream, type StreamEnd } from './stream.ts';
export { StreamTokens, TOKEN_SECONDS } from './tokens.ts';
export { TwilioDialect } from './twilio-dialect.ts';
