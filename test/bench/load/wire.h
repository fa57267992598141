/* A leg of the load: one UDP socket, what it says and what it hears. */
#ifndef WIRE_H
#define WIRE_H

#include "stream.h"

typedef struct {
  int index;
  int fd;
  int port;
  bool speaking;
  bool gated;
  int gate_offset;
  int sent;
  uint16_t first_sequence;
  uint32_t first_timestamp;
  uint8_t packet[PACKET_BYTES];
  uint8_t sound[FRAME_SAMPLES];
  Stream stream;
} Leg;

typedef struct {
  int64_t at;
  int length;
  const uint8_t *bytes;
} Arrival;

/* Binds a free port on loopback; negative with errno when there is none. */
int leg_open(Leg *leg, int index);
/* Begins to send, and to hear `port` alone. */
int leg_speak(Leg *leg, int port, int tone, double db, bool gated);
void leg_quiet(Leg *leg);
/* From the next packet on the leg's own sound, or silence. */
void leg_sound(Leg *leg, bool on);
/* Writes sequence and timestamp of its frame into the packet. */
void leg_stamp(Leg *leg, int frame);
/* Reads up to `most` packets (at most 8); the bytes are valid until the next call. */
int leg_receive(Leg *leg, Arrival *arrivals, int most, int64_t realtime_offset);

#endif
