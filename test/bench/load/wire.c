#include "wire.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 8, DATAGRAM = 2048 };

static uint32_t scrambled(uint32_t value) {
  value = (value ^ (value >> 16)) * 0x7feb352dU;
  value = (value ^ (value >> 15)) * 0x846ca68bU;
  return value ^ (value >> 16);
}

int leg_open(Leg *leg, int index) {
  memset(leg, 0, sizeof *leg);
  leg->index = index;
  stream_reset(&leg->stream);
  leg->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (leg->fd < 0) return -1;
  const int on = 1;
  setsockopt(leg->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(leg->fd, (struct sockaddr *)&address, size) < 0) return -1;
  if (getsockname(leg->fd, (struct sockaddr *)&address, &size) < 0) return -1;
  leg->port = ntohs(address.sin_port);
  return 0;
}

int leg_speak(Leg *leg, int port, int tone, double db, bool gated) {
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(leg->fd, (const struct sockaddr *)&address, sizeof address) < 0) return -1;
  const uint32_t random = scrambled((uint32_t)leg->index * 65536U + (uint32_t)port);
  leg->first_sequence = (uint16_t)random;
  leg->first_timestamp = scrambled(random);
  leg->gated = gated;
  leg->gate_offset = leg->index * 7 % 50;
  leg->sent = 0;
  if (tone < 0) memset(leg->sound, SILENCE, FRAME_SAMPLES);
  /* Steady talkers begin at different phases, so that the sum of many has no spikes. */
  else tone_frame(leg->sound, tone, db, gated ? 0 : fmod(tone * 0.6180339887498949, 1));
  leg->packet[0] = 0x80;
  const uint32_t ssrc = htonl(scrambled(random + 1));
  memcpy(leg->packet + 8, &ssrc, sizeof ssrc);
  leg_sound(leg, !gated);
  leg->speaking = true;
  return 0;
}

void leg_quiet(Leg *leg) {
  if (leg->fd >= 0) close(leg->fd);
  leg->fd = -1;
  leg->speaking = false;
}

void leg_sound(Leg *leg, bool on) {
  if (on) memcpy(leg->packet + RTP_HEADER, leg->sound, FRAME_SAMPLES);
  else memset(leg->packet + RTP_HEADER, SILENCE, FRAME_SAMPLES);
}

void leg_stamp(Leg *leg, int frame) {
  leg->packet[1] = frame == 0 ? 0x80 : 0;
  const uint16_t sequence = htons((uint16_t)(leg->first_sequence + frame));
  const uint32_t timestamp = htonl(leg->first_timestamp + (uint32_t)frame * FRAME_SAMPLES);
  memcpy(leg->packet + 2, &sequence, sizeof sequence);
  memcpy(leg->packet + 4, &timestamp, sizeof timestamp);
}

/* When the kernel took the packet, on the monotonic clock. */
static int64_t stamp_of(struct msghdr *header, int64_t realtime_offset) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    struct timespec time;
    memcpy(&time, CMSG_DATA(part), sizeof time);
    return time.tv_sec * 1000000000LL + time.tv_nsec - realtime_offset;
  }
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int leg_receive(Leg *leg, Arrival *arrivals, int most, int64_t realtime_offset) {
  static uint8_t bytes[BATCH][DATAGRAM];
  static uint8_t control[BATCH][64];
  static struct iovec vectors[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < most; i++) {
    vectors[i] = (struct iovec){bytes[i], DATAGRAM};
    messages[i].msg_hdr = (struct msghdr){
        .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i]};
  }
  const int count = recvmmsg(leg->fd, messages, (unsigned)most, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++)
    arrivals[i] = (Arrival){stamp_of(&messages[i].msg_hdr, realtime_offset), (int)messages[i].msg_len, bytes[i]};
  return count < 0 ? 0 : count;
}
