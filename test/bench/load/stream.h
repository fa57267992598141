/*
 * Judges one received RTP stream, packet by packet. Pure: every packet comes with its arrival time, so the same code
 * runs on sockets and on packets made up by a test. Times are nanoseconds on one monotonic clock.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "tones.h"

enum {
  RTP_HEADER = 12,
  PACKET_BYTES = RTP_HEADER + FRAME_SAMPLES,
  /* Lateness is counted in steps of 20 us up to 200 ms. */
  HISTOGRAM_STEPS = 10000
};

#define FRAME_NS 20000000LL
#define SAMPLE_NS 125000LL
#define HISTOGRAM_STEP_NS 20000LL
#define NEVER INT64_MIN

typedef struct {
  uint64_t counts[HISTOGRAM_STEPS + 1];
  uint64_t total;
  int64_t max;
} Histogram;

void histogram_add(Histogram *histogram, int64_t ns);
/* The value below which the share (0 to 1) lies, in ms. */
double histogram_at(const Histogram *histogram, double share);

/* What happens between `begin` and `end` is counted, by the time at which a packet should have come. */
typedef struct {
  int64_t begin;
  int64_t end;
  /* Each leg's frames are searched for tones once in so many packets. */
  int check_every;
  double floor_db;
  /* Tones that are judged; others may sound or not. */
  uint64_t judged;
  Histogram lateness;
} Window;

typedef struct {
  uint32_t received, late, lost, reordered, duplicate, bad_timestamp, ssrc_changes, malformed;
  uint32_t checked, wrong;
  uint64_t missing_tones, extra_tones;
} Counts;

/* The quiet before a loud sample that makes it an onset. */
#define ONSET_QUIET_FRAMES 4

typedef struct {
  bool seen;
  uint32_t ssrc;
  uint16_t sequence;
  uint32_t timestamp;
  /* Samples since the first packet; the ideal clock is `base` + that. */
  int64_t position;
  /* Least (arrival - position): where the stream's own clock stands. NEVER until a packet came. */
  int64_t base;
  int64_t last_transit;
  double jitter_ns;
  int packets;
  int quiet_frames;
  /* Watched for onset: -1 any loud sample, else this tone. */
  int watched;
  uint64_t expected_tones;
  Counts counts;
} Stream;

void stream_reset(Stream *stream);
/* Forgets the ideal clock and learns it anew from what follows. */
void stream_settle(Stream *stream);
/* Takes one datagram. Returns the arrival time of the sample where sound begins after quiet, else NEVER. */
int64_t stream_take(Stream *stream, Window *window, const uint8_t *packet, int length, int64_t arrival);
/* Frames that should have come in the window. */
int64_t stream_expected(const Stream *stream, const Window *window);

#endif
