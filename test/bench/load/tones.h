/* Sound of the load: mu-law frames of tones, and which tones a frame holds. */
#ifndef TONES_H
#define TONES_H

#include <stdint.h>

enum {
  FRAME_SAMPLES = 160,
  /* Tone i sounds at 300 + 50 i Hz. All have whole periods in 20 ms, so any 160 samples in a row tell them apart
   * exactly, and a steady tone is one frame repeated. */
  TONES = 64,
  /* mu-law of zero (G.711): what a silent member sends. */
  SILENCE = 0xff
};

void tones_prepare(void);

/* One frame of a tone. `phase` in turns; at 0 the first sample is the peak, so its onset is in that very sample. */
void tone_frame(uint8_t frame[FRAME_SAMPLES], int tone, double db, double phase);

/* Bit i is set when tone i sounds at `floor_db` dBFS or more. */
uint64_t tones_in(const uint8_t frame[FRAME_SAMPLES], double floor_db);

/* Level of one tone in dBFS. */
double tone_level(const uint8_t frame[FRAME_SAMPLES], int tone);

/* Index of the first sample at -40 dBFS or more; -1 in a quiet frame. */
int first_loud(const uint8_t frame[FRAME_SAMPLES]);

#endif
