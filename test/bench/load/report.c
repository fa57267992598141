#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FAULTY = 10 };

void onset_log(OnsetLog *log, int leg, char kind, int64_t at) {
  if (log->count == MAX_ONSETS) return;
  log->entries[log->count].leg = leg;
  log->entries[log->count].kind = kind;
  log->entries[log->count].at = at;
  log->count += 1;
}

void onset_print(OnsetLog *log) {
  printf("{\"type\":\"onsets\",\"list\":[");
  for (int i = 0; i < log->count; i++)
    printf("%s[%d,\"%c\",%.3f]", i ? "," : "", log->entries[i].leg, log->entries[i].kind,
           (double)log->entries[i].at / 1e6);
  printf("]}\n");
  log->count = 0;
}

static int ascending(const void *a, const void *b) {
  const double left = *(const double *)a;
  const double right = *(const double *)b;
  return (left > right) - (left < right);
}

static void print_histogram(const char *name, const Histogram *histogram) {
  printf("\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f}", name,
         histogram_at(histogram, 0.5), histogram_at(histogram, 0.9), histogram_at(histogram, 0.99),
         histogram_at(histogram, 0.999), (double)histogram->max / 1e6);
}

static void print_jitter(const Leg *legs, int count) {
  double *values = malloc(sizeof *values * (size_t)(count + 1));
  int known = 0;
  for (int i = 0; i < count; i++)
    if (legs[i].speaking && legs[i].stream.seen) values[known++] = legs[i].stream.jitter_ns / 1e6;
  qsort(values, (size_t)known, sizeof *values, ascending);
  printf("\"jitter\":{\"p50\":%.3f,\"p99\":%.3f}", known ? values[known / 2] : 0,
         known ? values[(known - 1) * 99 / 100] : 0);
  free(values);
}

/* The first legs that heard the wrong tones, to say who and what. */
static void print_faulty(const Leg *legs, int count) {
  int shown = 0;
  printf("\"faulty\":[");
  for (int i = 0; i < count && shown < MAX_FAULTY; i++) {
    const Counts *counts = &legs[i].stream.counts;
    if (!legs[i].speaking || counts->wrong == 0) continue;
    printf("%s{\"leg\":%d,\"wrong\":%u,\"checked\":%u,\"missing\":\"%" PRIx64 "\",\"extra\":\"%" PRIx64 "\"}",
           shown++ ? "," : "", i, counts->wrong, counts->checked, counts->missing_tones, counts->extra_tones);
  }
  printf("]");
}

void report_print(const Leg *legs, int count, const Window *window, const Histogram *send_lateness,
                  const Totals *totals) {
  Counts sum = {0};
  int64_t expected = 0, missing = 0;
  int speaking = 0, silent = 0;
  for (int i = 0; i < count; i++) {
    const Stream *stream = &legs[i].stream;
    const Counts *counts = &stream->counts;
    if (!legs[i].speaking) continue;
    speaking += 1;
    const int64_t due = stream_expected(stream, window);
    expected += due;
    if (counts->received < due) missing += due - counts->received;
    silent += counts->received == 0;
    sum.received += counts->received;
    sum.late += counts->late;
    sum.lost += counts->lost;
    sum.reordered += counts->reordered;
    sum.duplicate += counts->duplicate;
    sum.bad_timestamp += counts->bad_timestamp;
    sum.ssrc_changes += counts->ssrc_changes;
    sum.malformed += counts->malformed;
    sum.checked += counts->checked;
    sum.wrong += counts->wrong;
  }
  printf("{\"type\":\"report\",\"seconds\":%.6f,\"legs\":%d,\"silentLegs\":%d,\"expected\":%" PRId64
         ",\"received\":%u,\"missing\":%" PRId64 ",\"late\":%u,\"sequenceGaps\":%u,\"reordered\":%u,\"duplicate\":%u"
         ",\"badTimestamps\":%u,\"ssrcChanges\":%u,\"malformed\":%u,\"framesChecked\":%u,\"framesWrong\":%u",
         (double)(window->end - window->begin) / 1e9, speaking, silent, expected, sum.received, missing, sum.late,
         sum.lost, sum.reordered, sum.duplicate, sum.bad_timestamp, sum.ssrc_changes, sum.malformed, sum.checked,
         sum.wrong);
  printf(",\"sent\":%" PRIu64 ",\"sendErrors\":%" PRIu64 ",\"stalls\":%" PRIu64 ",\"cpuSeconds\":%.4f,", totals->sent,
         totals->send_errors, totals->stalls, totals->cpu_seconds);
  print_histogram("lateness", &window->lateness);
  printf(",");
  print_histogram("sendLateness", send_lateness);
  printf(",");
  print_jitter(legs, count);
  printf(",");
  print_faulty(legs, count);
  printf("}\n");
}

static int hex_bytes(const char *text, uint8_t *bytes, int most) {
  int length = 0;
  unsigned value;
  while (length < most && sscanf(text + 2 * length, "%2x", &value) == 1) bytes[length++] = (uint8_t)value;
  return length;
}

/*
 * First line: BEGIN_NS END_NS CHECK_EVERY FLOOR_DB EXPECTED_TONES WATCHED. Then one line a packet: ARRIVAL_NS HEX.
 * Arrivals before BEGIN settle the ideal clock, as in a live run.
 */
int report_judge(FILE *input) {
  static Leg leg;
  static Window window;
  static Histogram unused;
  static OnsetLog onsets;
  static char line[2 * PACKET_BYTES + 256];
  unsigned long long expected;
  stream_reset(&leg.stream);
  leg.speaking = true;
  if (!fgets(line, sizeof line, input)) return 2;
  if (sscanf(line, "%" SCNd64 " %" SCNd64 " %d %lf %llx %d", &window.begin, &window.end, &window.check_every,
             &window.floor_db, &expected, &leg.stream.watched) != 6)
    return 2;
  leg.stream.expected_tones = expected;
  window.judged = UINT64_MAX;
  while (fgets(line, sizeof line, input)) {
    int64_t arrival;
    int at;
    uint8_t packet[PACKET_BYTES + 8];
    if (sscanf(line, "%" SCNd64 " %n", &arrival, &at) != 1) return 2;
    const int length = hex_bytes(line + at, packet, (int)sizeof packet);
    const int64_t onset = stream_take(&leg.stream, &window, packet, length, arrival);
    if (onset != NEVER) onset_log(&onsets, 0, 'r', onset);
  }
  const Totals none = {0};
  report_print(&leg, 1, &window, &unused, &none);
  onset_print(&onsets);
  return 0;
}
