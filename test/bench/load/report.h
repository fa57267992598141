/* What the generator says of a window, as JSON. */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "wire.h"

typedef struct {
  uint64_t sent, send_errors, stalls;
  double cpu_seconds;
} Totals;

enum { MAX_ONSETS = 1 << 18 };

/* Sounds that began: at a speaker ('s', when its packet was sent) or at a listener ('r', when its sample came). */
typedef struct {
  int count;
  struct {
    int leg;
    char kind;
    int64_t at;
  } entries[MAX_ONSETS];
} OnsetLog;

void onset_log(OnsetLog *log, int leg, char kind, int64_t at);
/* Prints and empties the log. */
void onset_print(OnsetLog *log);
void report_print(const Leg *legs, int count, const Window *window, const Histogram *send_lateness,
                  const Totals *totals);
/* Judges packets from a file, one a line; prints the report of one leg. Lines: see report.c. */
int report_judge(FILE *input);

#endif
