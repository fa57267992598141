#include "tones.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double FULL_SCALE = 32767;
static const int LOUD = 328; /* -40 dBFS */

static float linear[256];
static uint8_t loud[256];
static float cosine[TONES][FRAME_SAMPLES];
static float sine[TONES][FRAME_SAMPLES];

/* G.711: sign, three bits of segment, four of step; all inverted on the wire. 33 is the bias in 14-bit units. */
static int decode(uint8_t code) {
  const int bits = ~code & 0xff;
  const int magnitude = ((((bits & 0x0f) << 1) + 33) << ((bits >> 4) & 7)) - 33;
  return (bits & 0x80 ? -magnitude : magnitude) * 4;
}

static uint8_t encode(double sample) {
  uint8_t best = SILENCE;
  double least = 1e9;
  for (int code = 0; code < 256; code++) {
    const double distance = fabs(linear[code] - sample);
    if (distance < least) {
      least = distance;
      best = (uint8_t)code;
    }
  }
  return best;
}

void tones_prepare(void) {
  for (int code = 0; code < 256; code++) {
    linear[code] = (float)decode((uint8_t)code);
    loud[code] = abs(decode((uint8_t)code)) >= LOUD;
  }
  for (int tone = 0; tone < TONES; tone++) {
    const double step = 2 * M_PI * (300 + 50 * tone) / 8000;
    for (int i = 0; i < FRAME_SAMPLES; i++) {
      cosine[tone][i] = (float)cos(step * i);
      sine[tone][i] = (float)sin(step * i);
    }
  }
}

void tone_frame(uint8_t frame[FRAME_SAMPLES], int tone, double db, double phase) {
  const double amplitude = FULL_SCALE * pow(10, db / 20);
  const double step = 2 * M_PI * (300 + 50 * tone) / 8000;
  for (int i = 0; i < FRAME_SAMPLES; i++) frame[i] = encode(amplitude * cos(step * i + 2 * M_PI * phase));
}

static bool all_silent(const uint8_t frame[FRAME_SAMPLES]) {
  uint8_t differs = 0;
  /* 0xff and 0x7f are both zero. */
  for (int i = 0; i < FRAME_SAMPLES; i++) differs |= (uint8_t)(~frame[i] & 0x7f);
  return differs == 0;
}

/* Squared length of the projection on one tone. */
static float power_of(const float samples[FRAME_SAMPLES], int tone) {
  float real = 0;
  float imaginary = 0;
  for (int i = 0; i < FRAME_SAMPLES; i++) {
    real += samples[i] * cosine[tone][i];
    imaginary += samples[i] * sine[tone][i];
  }
  return real * real + imaginary * imaginary;
}

static void expand(float samples[FRAME_SAMPLES], const uint8_t frame[FRAME_SAMPLES]) {
  for (int i = 0; i < FRAME_SAMPLES; i++) samples[i] = linear[frame[i]];
}

uint64_t tones_in(const uint8_t frame[FRAME_SAMPLES], double floor_db) {
  if (all_silent(frame)) return 0;
  float samples[FRAME_SAMPLES];
  expand(samples, frame);
  const double least = FULL_SCALE * pow(10, floor_db / 20) * FRAME_SAMPLES / 2;
  const float floor = (float)(least * least);
  uint64_t heard = 0;
  for (int tone = 0; tone < TONES; tone++)
    if (power_of(samples, tone) >= floor) heard |= (uint64_t)1 << tone;
  return heard;
}

double tone_level(const uint8_t frame[FRAME_SAMPLES], int tone) {
  if (all_silent(frame)) return -200;
  float samples[FRAME_SAMPLES];
  expand(samples, frame);
  const double amplitude = 2 * sqrt(power_of(samples, tone)) / FRAME_SAMPLES;
  return 20 * log10(fmax(amplitude / FULL_SCALE, 1e-10));
}

int first_loud(const uint8_t frame[FRAME_SAMPLES]) {
  uint8_t any = 0;
  for (int i = 0; i < FRAME_SAMPLES; i++) any |= loud[frame[i]];
  if (!any) return -1;
  for (int i = 0; i < FRAME_SAMPLES; i++)
    if (loud[frame[i]]) return i;
  return -1;
}
