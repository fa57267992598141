#include "stream.h"

#include <string.h>

static const int64_t LATE_NS = FRAME_NS;
/* A step of more than ten seconds is no pause but another clock. */
static const int32_t WILD_SAMPLES = 80000;

void histogram_add(Histogram *histogram, int64_t ns) {
  if (ns < 0) ns = 0;
  int64_t step = ns / HISTOGRAM_STEP_NS;
  if (step > HISTOGRAM_STEPS) step = HISTOGRAM_STEPS;
  histogram->counts[step] += 1;
  histogram->total += 1;
  if (ns > histogram->max) histogram->max = ns;
}

double histogram_at(const Histogram *histogram, double share) {
  const double rank = share * (double)histogram->total;
  uint64_t passed = 0;
  for (int step = 0; step < HISTOGRAM_STEPS; step++) {
    passed += histogram->counts[step];
    if ((double)passed >= rank && passed > 0) return (double)((step + 1) * HISTOGRAM_STEP_NS) / 1e6;
  }
  return (double)histogram->max / 1e6;
}

void stream_reset(Stream *stream) {
  memset(stream, 0, sizeof *stream);
  stream->base = NEVER;
  stream->watched = -1;
}

void stream_settle(Stream *stream) {
  stream->base = NEVER;
  memset(&stream->counts, 0, sizeof stream->counts);
}

static uint32_t read32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool inside(const Window *window, int64_t ideal) { return ideal >= window->begin && ideal < window->end; }

static void begin_stream(Stream *stream, uint32_t ssrc) {
  stream->seen = true;
  stream->ssrc = ssrc;
  stream->position = 0;
  stream->base = NEVER;
  stream->jitter_ns = 0;
}

/* Interarrival jitter of RFC 3550 section 6.4.1, in ns instead of timestamp units. */
static void follow_jitter(Stream *stream, int64_t transit) {
  int64_t difference = transit - stream->last_transit;
  if (difference < 0) difference = -difference;
  stream->last_transit = transit;
  stream->jitter_ns += ((double)difference - stream->jitter_ns) / 16;
}

static void check_tones(Stream *stream, Window *window, const uint8_t *frame) {
  const uint64_t heard = tones_in(frame, window->floor_db);
  const uint64_t wrong = (heard ^ stream->expected_tones) & window->judged;
  stream->counts.checked += 1;
  if (!wrong) return;
  stream->counts.wrong += 1;
  stream->counts.missing_tones |= wrong & stream->expected_tones;
  stream->counts.extra_tones |= wrong & heard;
}

static int64_t find_onset(Stream *stream, const Window *window, const uint8_t *frame, int64_t arrival) {
  int at;
  if (stream->watched < 0) at = first_loud(frame);
  else at = tone_level(frame, stream->watched) >= window->floor_db ? 0 : -1;
  if (at < 0) {
    stream->quiet_frames += 1;
    return NEVER;
  }
  const bool onset = stream->quiet_frames >= ONSET_QUIET_FRAMES;
  stream->quiet_frames = 0;
  return onset ? arrival + at * SAMPLE_NS : NEVER;
}

int64_t stream_take(Stream *stream, Window *window, const uint8_t *packet, int length, int64_t arrival) {
  const bool open = inside(window, arrival);
  if (length != PACKET_BYTES || packet[0] != 0x80 || (packet[1] & 0x7f) != 0) {
    stream->counts.malformed += open;
    return NEVER;
  }
  const uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
  const uint32_t timestamp = read32(packet + 4);
  const uint32_t ssrc = read32(packet + 8);
  bool forward = true;
  if (!stream->seen) begin_stream(stream, ssrc);
  else if (ssrc != stream->ssrc) {
    stream->counts.ssrc_changes += open;
    begin_stream(stream, ssrc);
  } else {
    const int16_t step = (int16_t)(uint16_t)(sequence - stream->sequence);
    const int32_t samples = (int32_t)(timestamp - stream->timestamp);
    if (step == 0) {
      stream->counts.duplicate += open;
      return NEVER;
    }
    if (step < 0) {
      /* It was counted as lost when the next one came. */
      stream->counts.reordered += open;
      if (open && stream->counts.lost > 0) stream->counts.lost -= 1;
      forward = false;
    } else if (open) stream->counts.lost += (uint32_t)(step - 1);
    /* Skipped frames move the timestamp on; nothing else may tear it from the frames' grid. */
    if (samples % FRAME_SAMPLES != 0 || (samples > 0) != (step > 0) || samples > WILD_SAMPLES ||
        samples < -WILD_SAMPLES || samples / FRAME_SAMPLES < step) {
      stream->counts.bad_timestamp += open;
      begin_stream(stream, ssrc);
    } else if (forward) stream->position += samples;
    if (!forward) {
      const int64_t ideal = stream->base + (stream->position + samples) * SAMPLE_NS;
      if (stream->base != NEVER && inside(window, ideal)) {
        stream->counts.received += 1;
        histogram_add(&window->lateness, arrival - ideal);
        stream->counts.late += arrival - ideal > LATE_NS;
      }
      return NEVER;
    }
  }
  stream->sequence = sequence;
  stream->timestamp = timestamp;
  const int64_t transit = arrival - stream->position * SAMPLE_NS;
  if (stream->base == NEVER) {
    stream->base = transit;
    stream->last_transit = transit;
  }
  /* While settling, the earliest packet sets the ideal clock; from then on it stands. */
  if (arrival < window->begin && transit < stream->base) stream->base = transit;
  follow_jitter(stream, transit);
  const int64_t ideal = stream->base + stream->position * SAMPLE_NS;
  const uint8_t *frame = packet + RTP_HEADER;
  stream->packets += 1;
  if (inside(window, ideal)) {
    stream->counts.received += 1;
    histogram_add(&window->lateness, arrival - ideal);
    stream->counts.late += arrival - ideal > LATE_NS;
    if (stream->packets % window->check_every == 0) check_tones(stream, window, frame);
  }
  return find_onset(stream, window, frame, arrival);
}

int64_t stream_expected(const Stream *stream, const Window *window) {
  if (stream->base == NEVER) return (window->end - window->begin) / FRAME_NS;
  const int64_t grid = stream->base + stream->position * SAMPLE_NS;
  /* Grid points in [begin, end): count those below each bound. */
  const int64_t phase = ((grid % FRAME_NS) + FRAME_NS) % FRAME_NS;
  const int64_t before_end = (window->end - phase + FRAME_NS - 1) / FRAME_NS;
  const int64_t before_begin = (window->begin - phase + FRAME_NS - 1) / FRAME_NS;
  return before_end - before_begin;
}
