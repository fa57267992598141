/*
 * RTP load generator: speaks and listens for thousands of legs from one thread, and judges what comes back.
 *
 *   generator CORE       commands on stdin, one JSON object a line on stdout
 *   generator judge      packets on stdin ("ARRIVAL_NS HEX", see judge.c), a report on stdout
 *
 * Commands (a leg is named by its index, times are nanoseconds of CLOCK_MONOTONIC):
 *   open COUNT                         bind COUNT more legs                -> {"type":"opened","ports":[...]}
 *   speak LEG PORT TONE DB GATED       send to 127.0.0.1:PORT; TONE -1 = silence; GATED 1 = 200 ms of each second
 *   expect FIRST LAST TONES            set of tones (hex) that these legs should hear
 *   watch LEG TONE                     report when TONE (-1: anything) begins
 *   judge CHECK_EVERY FLOOR_DB TONES   how tones are looked for
 *   settle                             learn each stream's ideal clock anew
 *   begin, end                         bound what is counted; `end` waits for stragglers  -> {"type":"report",...}
 *   onsets                             what began since the last time      -> {"type":"onsets",...}
 *   quiet FIRST LAST                   stop sending and listening
 *   quit
 *
 * Each leg has its own socket and its own moment within the 20 ms. It sends then, and reads what has arrived since; the
 * kernel stamps each packet on arrival, so reading late costs no precision.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "wire.h"

enum { MAX_LEGS = 16384, SLOTS = 40, BATCH = 8, LINE = 256, SLOTS_PER_COMMAND_POLL = 4 };
#define SLOT_NS (FRAME_NS / SLOTS)
/* Packets that are later than this count as missing. */
#define STRAGGLER_NS 200000000LL
/* So far behind, the generator gives up on the past. */
#define HOPELESS_NS 1000000000LL
#define GATE_PERIOD_FRAMES 50
#define GATE_OPEN_FRAMES 10

static Leg *legs;
static int leg_count;
static int slot_legs[SLOTS][MAX_LEGS / SLOTS + 2];
static int slot_size[SLOTS];
static Window window = {INT64_MAX, INT64_MAX, 25, -30, UINT64_MAX, {{0}, 0, 0}};
static Histogram send_lateness;
static OnsetLog onsets;
static Totals totals;
static int64_t report_due = INT64_MAX;
static double cpu_at_begin;

static int64_t clock_ns(clockid_t id) {
  struct timespec time;
  clock_gettime(id, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static double cpu_seconds(void) { return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e9; }

static void send_frame(Leg *leg, int64_t due) {
  const int frame = leg->sent++;
  if (leg->gated) {
    const int at = (frame + leg->gate_offset) % GATE_PERIOD_FRAMES;
    if (at == 0) leg_sound(leg, true);
    if (at == GATE_OPEN_FRAMES) leg_sound(leg, false);
    if (at == 0 && frame > 0) onset_log(&onsets, leg->index, 's', now_ns());
  }
  leg_stamp(leg, frame);
  const int64_t now = now_ns();
  if (send(leg->fd, leg->packet, PACKET_BYTES, MSG_DONTWAIT) == PACKET_BYTES) totals.sent += 1;
  else totals.send_errors += 1;
  if (now >= window.begin && now < window.end) histogram_add(&send_lateness, now - due);
}

static void take_all(Leg *leg, int64_t realtime_offset) {
  Arrival arrivals[BATCH];
  int count;
  do {
    count = leg_receive(leg, arrivals, BATCH, realtime_offset);
    for (int i = 0; i < count; i++) {
      const int64_t at =
          stream_take(&leg->stream, &window, arrivals[i].bytes, arrivals[i].length, arrivals[i].at);
      if (at != NEVER) onset_log(&onsets, leg->index, 'r', at);
    }
  } while (count == BATCH);
}

static void run_slot(int slot, int64_t due) {
  const int64_t offset = clock_ns(CLOCK_REALTIME) - now_ns();
  for (int i = 0; i < slot_size[slot]; i++) {
    Leg *leg = &legs[slot_legs[slot][i]];
    if (!leg->speaking) continue;
    send_frame(leg, due);
    take_all(leg, offset);
  }
}

static void open_legs(int count) {
  const int first = leg_count;
  for (int i = 0; i < count && leg_count < MAX_LEGS; i++) {
    Leg *leg = &legs[leg_count];
    if (leg_open(leg, leg_count) < 0) {
      printf("{\"type\":\"error\",\"what\":\"socket: %s\"}\n", strerror(errno));
      return;
    }
    /* The golden ratio spreads any number of legs evenly over the 20 ms. */
    const int slot = (int)(fmod(leg_count * 0.6180339887498949, 1) * SLOTS);
    if (slot_size[slot] == MAX_LEGS / SLOTS + 2) {
      printf("{\"type\":\"error\",\"what\":\"too many legs\"}\n");
      return;
    }
    slot_legs[slot][slot_size[slot]++] = leg_count++;
  }
  printf("{\"type\":\"opened\",\"ports\":[");
  for (int i = first; i < leg_count; i++) printf("%s%d", i == first ? "" : ",", legs[i].port);
  printf("]}\n");
}

static void begin_window(void) {
  memset(&window.lateness, 0, sizeof window.lateness);
  memset(&send_lateness, 0, sizeof send_lateness);
  memset(&totals, 0, sizeof totals);
  for (int i = 0; i < leg_count; i++) memset(&legs[i].stream.counts, 0, sizeof legs[i].stream.counts);
  cpu_at_begin = cpu_seconds();
  window.end = INT64_MAX;
  window.begin = now_ns();
}

static void end_window(void) {
  window.end = now_ns();
  totals.cpu_seconds = cpu_seconds() - cpu_at_begin;
  report_due = window.end + STRAGGLER_NS;
}

static void print_report(void) {
  report_due = INT64_MAX;
  report_print(legs, leg_count, &window, &send_lateness, &totals);
  window.begin = window.end = INT64_MAX;
}

static void settle(void) {
  window.begin = window.end = INT64_MAX;
  for (int i = 0; i < leg_count; i++) stream_settle(&legs[i].stream);
}

static bool leg_exists(int index) { return index >= 0 && index < leg_count; }

static void command(const char *line) {
  char word[16];
  int first, last, port, tone, gated, every;
  double db;
  unsigned long long mask;
  if (sscanf(line, "%15s", word) != 1) return;
  if (!strcmp(word, "open") && sscanf(line, "open %d", &first) == 1) open_legs(first);
  else if (!strcmp(word, "speak") &&
           sscanf(line, "speak %d %d %d %lf %d", &first, &port, &tone, &db, &gated) == 5 && leg_exists(first)) {
    if (leg_speak(&legs[first], port, tone, db, gated) < 0)
      printf("{\"type\":\"error\",\"what\":\"connect: %s\"}\n", strerror(errno));
  } else if (!strcmp(word, "expect") && sscanf(line, "expect %d %d %llx", &first, &last, &mask) == 3) {
    for (int i = first; i <= last && leg_exists(i); i++) legs[i].stream.expected_tones = mask;
  } else if (!strcmp(word, "watch") && sscanf(line, "watch %d %d", &first, &tone) == 2 && leg_exists(first)) {
    legs[first].stream.watched = tone;
  } else if (!strcmp(word, "judge") && sscanf(line, "judge %d %lf %llx", &every, &db, &mask) == 3) {
    window.check_every = every;
    window.floor_db = db;
    window.judged = mask;
  } else if (!strcmp(word, "settle")) settle();
  else if (!strcmp(word, "begin")) begin_window();
  else if (!strcmp(word, "end")) end_window();
  else if (!strcmp(word, "onsets")) onset_print(&onsets);
  else if (!strcmp(word, "quiet") && sscanf(line, "quiet %d %d", &first, &last) == 2) {
    for (int i = first; i <= last && leg_exists(i); i++) leg_quiet(&legs[i]);
  } else if (!strcmp(word, "quit")) exit(0);
  else printf("{\"type\":\"error\",\"what\":\"command not understood\"}\n");
}

static void read_commands(void) {
  static char buffer[65536];
  static size_t filled;
  const ssize_t got = read(STDIN_FILENO, buffer + filled, sizeof buffer - 1 - filled);
  if (got == 0) exit(0);
  if (got < 0) return;
  filled += (size_t)got;
  buffer[filled] = 0;
  char *line = buffer;
  for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = 0;
    command(line);
  }
  filled -= (size_t)(line - buffer);
  memmove(buffer, line, filled);
  fflush(stdout);
}

static void run(void) {
  int64_t origin = now_ns();
  for (int64_t step = 0;; step++) {
    if (leg_count == 0) {
      struct pollfd input = {STDIN_FILENO, POLLIN, 0};
      poll(&input, 1, -1);
      read_commands();
      origin = now_ns();
      step = -1;
      continue;
    }
    const int slot = (int)(step % SLOTS);
    const bool asks = step % SLOTS_PER_COMMAND_POLL == 0;
    if (slot_size[slot] == 0 && !asks) continue;
    const int64_t due = origin + step * SLOT_NS;
    const struct timespec until = {due / 1000000000LL, due % 1000000000LL};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    run_slot(slot, due);
    if (asks) read_commands();
    const int64_t now = now_ns();
    if (now >= report_due) {
      print_report();
      fflush(stdout);
    }
    if (now - due > HOPELESS_NS) {
      totals.stalls += 1;
      step += (now - due) / FRAME_NS * SLOTS;
    }
  }
}

int main(int argc, char **argv) {
  tones_prepare();
  if (argc == 2 && !strcmp(argv[1], "judge")) return report_judge(stdin);
  if (argc != 2) {
    fprintf(stderr, "usage: generator CORE | generator judge\n");
    return 2;
  }
  const int core = atoi(argv[1]);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (core >= 0) CPU_SET(core, &cores);
  const bool pinned = core >= 0 && sched_setaffinity(0, sizeof cores, &cores) == 0;
  const struct sched_param priority = {.sched_priority = 10};
  const bool realtime = sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  legs = calloc(MAX_LEGS, sizeof *legs);
  if (!legs) return 1;
  mlockall(MCL_CURRENT);
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  printf("{\"type\":\"ready\",\"pinned\":%s,\"realtime\":%s}\n", pinned ? "true" : "false", realtime ? "true" : "false");
  fflush(stdout);
  run();
}
