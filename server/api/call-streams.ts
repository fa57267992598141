import { publicUrl } from '../../media/clip/index.ts';
import type { UrlRules } from '../body-values.ts';
import type { CallStream, CallStreams, StreamedCall } from '../call-streams/index.ts';
import { ApiError } from '../errors.ts';
import { contentTypeOf } from '../ws/index.ts';
import { callStreamSchema, parseCallStreamBody } from './call-stream-body.ts';
import { bodySchema } from './fields.ts';
import { PAGE, page } from './paging.ts';
import { accountPath, presentTime } from './present.ts';
import { type ApiRequest, callUuidOf, param, type Resource } from './resource.ts';

export interface CallStreamsDeps {
  readonly authId: string;
  readonly streams: CallStreams;
  /** A call that stands. */
  readonly findCall: (uuid: string) => StreamedCall | undefined;
  readonly rules: UrlRules;
}

const RETRY_AFTER_SECONDS = 5;
const WORDS = {
  title: 'StreamCall',
  example: { service_url: 'wss://app.example.com/audio', bidirectional: true, content_type: 'audio/x-mulaw;rate=8000' },
};

/** The sound of a call streamed to an application's WebSocket: started, shown and stopped. */
export function callStreamResources({ authId, streams, findCall, rules }: CallStreamsDeps): readonly Resource[] {
  const pathOf = (callUuid: string): string => `${accountPath(authId)}/Call/${callUuid}/Stream/`;
  const schema = callStreamSchema(rules);
  const known = (request: ApiRequest): CallStream => {
    const stream = streams.find(callUuidOf(request), param(request, 'stream').toLowerCase());
    if (!stream) throw new ApiError('not_found');
    return stream;
  };
  const present = (stream: CallStream) => presentStream(authId, pathOf(stream.call.uuid), stream);
  return [
    {
      path: '/Call/:call/Stream/',
      query: PAGE,
      bodies: { POST: bodySchema(WORDS, schema) },
      methods: {
        GET: (request) => {
          const uuid = callUuidOf(request);
          const all = streams.of(uuid);
          if (all.length === 0 && !findCall(uuid)) throw new ApiError('not_found');
          return { status: 200, body: page(request, pathOf(uuid), all, present) };
        },
        POST: (request) => {
          const call = findCall(callUuidOf(request));
          if (!call) throw new ApiError('not_found');
          const started = streams.start(call, parseCallStreamBody(request.body, schema));
          if (!started.ok)
            throw new ApiError('too_many_streams', { headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } });
          const { id } = started.stream;
          return {
            status: 201,
            body: { message: 'audio streaming started', stream_id: id },
            headers: { Location: `${pathOf(call.uuid)}${id}/` },
          };
        },
        DELETE: (request) => {
          const uuid = callUuidOf(request);
          if (streams.of(uuid).length === 0 && !findCall(uuid)) throw new ApiError('not_found');
          streams.stopAll(uuid, 'stopped');
          return { status: 204 };
        },
      },
    },
    {
      path: '/Call/:call/Stream/:stream/',
      methods: {
        GET: (request) => ({ status: 200, body: present(known(request)) }),
        DELETE: (request) => {
          known(request).stop('stopped');
          return { status: 204 };
        },
      },
    },
  ];
}

function presentStream(authId: string, path: string, stream: CallStream): Record<string, unknown> {
  const { terms, end } = stream;
  return {
    audio_track: terms.tracks.length > 1 ? 'both' : terms.tracks[0],
    bidirectional: terms.bidirectional,
    bill_duration: null,
    billed_amount: null,
    call_uuid: stream.call.uuid,
    created_at: presentTime(stream.createdAt),
    end_time: presentTime(stream.endedAt),
    plivo_auth_id: authId,
    resource_uri: `${path}${stream.id}/`,
    service_url: publicUrl(terms.serviceUrl),
    start_time: presentTime(stream.startedAt),
    status: stream.status,
    status_callback_url: terms.callback ? publicUrl(terms.callback.url) : null,
    stream_id: stream.id,
    content_type: `${contentTypeOf(terms.format)};rate=${terms.format.sampleRate}`,
    protocol: terms.protocol,
    reason: end ?? null,
    detail: stream.detail ?? null,
  };
}
