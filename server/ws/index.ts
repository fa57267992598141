export type { StreamStats } from './counters.ts';
export { attachStreams, type StreamDeps, type StreamEndpoint } from './endpoint.ts';
export { DEFAULT_STREAM_LIMITS, type StreamLimits } from './limits.ts';
export { StreamTokens, TOKEN_SECONDS } from './tokens.ts';
