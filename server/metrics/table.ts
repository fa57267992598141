/** Every metric of ours: its kind, labels and meaning, also the page docs/metrics.md. Labels come from closed sets. */
export const METRICS = {
  partyline_conferences: { kind: 'gauge', labels: [], help: 'MPCs that live now' },
  partyline_members: { kind: 'gauge', labels: ['leg'], help: 'Members present, by kind of leg: sip, ws or webrtc' },
  partyline_plays_total: {
    kind: 'counter',
    labels: ['result'],
    help: 'Plays that ended: completed, stopped or failed',
  },
  partyline_play_failures_total: { kind: 'counter', labels: ['reason'], help: 'Plays that failed, by reason' },
  partyline_plays_active: { kind: 'gauge', labels: [], help: 'Plays that sound now' },
  partyline_play_queue_depth: { kind: 'gauge', labels: [], help: 'Plays that wait for their turn or their clip' },
  partyline_play_start_seconds: {
    kind: 'histogram',
    labels: ['cache'],
    help: 'From a play request received to its first frame on the wire; hit when its clip was in memory, else miss',
  },
  partyline_clip_fetch_seconds: { kind: 'histogram', labels: [], help: 'Fetching one clip, from request to last byte' },
  partyline_clip_decode_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'ffmpeg at work on one clip, its waits for the source left out; wav at the rate of the MPC needs none',
  },
  partyline_clip_cache_bytes: { kind: 'gauge', labels: [], help: 'Decoded audio in memory' },
  partyline_clip_opens_total: {
    kind: 'counter',
    labels: ['found'],
    help: 'Clips asked for: hit in memory, coalesced with one being loaded, or miss',
  },
  partyline_clip_failures_total: {
    kind: 'counter',
    labels: ['reason'],
    help: 'Clips that could not be loaded, by reason',
  },
  partyline_clip_truncated_total: { kind: 'counter', labels: [], help: 'Clips whose source stopped short' },
  partyline_clip_fetch_bytes_total: { kind: 'counter', labels: [], help: 'Bytes fetched from sources' },
  partyline_decoder_exits_total: {
    kind: 'counter',
    labels: ['result'],
    help: 'ffmpeg processes that ended: ok, error, or killed by a signal',
  },
  partyline_callback_delivered_total: { kind: 'counter', labels: [], help: 'Callbacks that their receiver took' },
  partyline_callback_retries_total: {
    kind: 'counter',
    labels: [],
    help: 'Attempts at callbacks that failed and were to be repeated',
  },
  partyline_callback_failed_total: {
    kind: 'counter',
    labels: ['reason'],
    help: 'Callbacks given up or dropped, by reason',
  },
  partyline_callback_queue_depth: { kind: 'gauge', labels: [], help: 'Callbacks not yet delivered or given up' },
  partyline_store_pending_rows: {
    kind: 'gauge',
    labels: [],
    help: 'Rows in memory that are not on disk yet: more than a few mean that the disk takes nothing',
  },
  partyline_store_write_errors_total: {
    kind: 'counter',
    labels: [],
    help: 'Times the disk of `DATA_DIR` took nothing',
  },
  partyline_store_read_errors_total: { kind: 'counter', labels: [], help: 'Times it could not be read' },
  partyline_store_unreadable_rows_total: {
    kind: 'counter',
    labels: [],
    help: 'Rows left out for not being what they should',
  },
  partyline_store_dropped_rows_total: { kind: 'counter', labels: [], help: 'Rows lost: too many waited for the disk' },
  partyline_tick_lateness_seconds: {
    kind: 'histogram',
    labels: ['worker'],
    help: "From a tick's deadline to its start",
  },
  partyline_tick_duration_seconds: { kind: 'histogram', labels: ['worker'], help: 'How long a tick took' },
  partyline_ticks_total: { kind: 'counter', labels: ['worker'], help: 'Ticks of 20 ms run' },
  partyline_ticks_skipped_total: { kind: 'counter', labels: ['worker'], help: 'Ticks left out after a stall' },
  partyline_rtp_packets_total: {
    kind: 'counter',
    labels: ['direction'],
    help: 'RTP packets taken (in) and sent (out)',
  },
  partyline_rtp_lost_total: { kind: 'counter', labels: [], help: 'RTP packets that never came' },
  partyline_rtp_discarded_total: { kind: 'counter', labels: ['reason'], help: 'Packets that came and were not used' },
  partyline_frames_concealed_total: {
    kind: 'counter',
    labels: [],
    help: 'Frames invented in place of lost or late ones',
  },
  partyline_rtp_reordered_total: { kind: 'counter', labels: [], help: 'RTP packets in time, but behind a newer one' },
  partyline_rtp_resyncs_total: { kind: 'counter', labels: [], help: 'Times the numbers of an RTP stream jumped' },
  partyline_rtp_recovered_total: {
    kind: 'counter',
    labels: [],
    help: 'Lost RTP packets rebuilt from the error correction in the next',
  },
  partyline_playout_stretches_total: {
    kind: 'counter',
    labels: [],
    help: 'Times sound was shortened or lengthened to correct its delay',
  },
  partyline_rtp_jitter_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'Interarrival jitter of each call that receives, observed every second',
  },
  partyline_rtp_round_trip_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'Round trip of each call whose peer sends RTCP, observed every second',
  },
  partyline_rtp_playout_delay_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'How long received sound waits to be played, each call, observed every second',
  },
  partyline_rtp_mos: {
    kind: 'histogram',
    labels: [],
    help: 'Estimated listening quality (E-model, 1 to 4.41) of each call, observed every second',
  },
  partyline_sip_requests_total: { kind: 'counter', labels: ['method'], help: 'SIP requests taken' },
  partyline_sip_responses_total: { kind: 'counter', labels: ['class'], help: 'SIP responses sent, by class of status' },
  partyline_sip_dropped_total: { kind: 'counter', labels: ['reason'], help: 'SIP traffic left unanswered, by reason' },
  partyline_sip_dialogs: { kind: 'gauge', labels: [], help: 'SIP calls, from INVITE to BYE' },
  partyline_ws_open: { kind: 'gauge', labels: [], help: 'WebSockets open' },
  partyline_ws_accepted_total: { kind: 'counter', labels: [], help: 'WebSockets that joined' },
  partyline_ws_refused_total: { kind: 'counter', labels: ['code'], help: 'WebSockets refused, by HTTP status' },
  partyline_ws_closed_total: { kind: 'counter', labels: ['code'], help: 'WebSockets closed, by close code' },
  partyline_ws_dropped_total: { kind: 'counter', labels: ['reason'], help: 'Audio messages of WebSockets lost' },
  partyline_ws_wrong_messages_total: { kind: 'counter', labels: [], help: 'WebSocket messages not understood' },
  partyline_http_request_seconds: {
    kind: 'histogram',
    labels: ['route', 'code'],
    help: 'HTTP requests, by path pattern and status; 499 when the client left first',
  },
  partyline_http_refusals_total: {
    kind: 'counter',
    labels: ['error'],
    help: 'Requests refused, by row of docs/errors.md',
  },
  partyline_idempotent_hits_total: {
    kind: 'counter',
    labels: [],
    help: 'Repeated requests answered from memory for their Idempotency-Key',
  },
  partyline_draining: { kind: 'gauge', labels: [], help: '1 while shutting down and waiting for calls, else 0' },
} as const satisfies Record<
  string,
  { readonly kind: 'counter' | 'gauge' | 'histogram'; readonly labels: readonly string[]; readonly help: string }
>;

export type MetricName = keyof typeof METRICS;
