/*
 * Many UDP sockets in one call: receive for all of them, send for all of them. Optional; node:dgram does the same, at
 * about twice the cost a packet, because each packet there is an event and an object of its own.
 *
 * IPv4 only. One instance per thread; nothing here is shared between threads. All memory that packets pass through
 * belongs to JavaScript and is given at each call.
 *
 *   open(host, port, receiveBufferBytes) -> [slot, port], or -errno
 *   close(slot)
 *   receive(slots: Int32Array, count, bytes: Uint8Array, meta: Float64Array) -> packets
 *       meta, five numbers a packet: slot, offset, length, IPv4 address * 65536 + port, arrival (CLOCK_MONOTONIC, ms)
 *   send(bytes: Uint8Array, meta: Float64Array, count) -> packets sent
 *       meta, four numbers a packet: slot, offset, length, IPv4 address * 65536 + port
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SLOTS 65536
/* Packets taken from one socket in one call; what is left waits for the next. */
#define PER_SOCKET 8
/* Larger datagrams are cut and then refused as malformed: no audio packet is that long. */
#define PACKET_BYTES 2048

/* The clocks are read one after the other; what lies between two readings of them is no step. */
#define CLOCKS_APART_MS 1.0

typedef struct {
  int fds[MAX_SLOTS];
  int highest;
  /* From wall-clock to monotonic time, as it last was. */
  double to_monotonic;
  /* When the wall clock was last seen to have stepped, in monotonic ms. */
  double stepped_at;
} Sockets;

static double milliseconds(const struct timespec *time) { return time->tv_sec * 1e3 + time->tv_nsec / 1e6; }

/* Takes note of where the wall clock stands, and gives the monotonic time. */
static double read_clocks(Sockets *sockets) {
  struct timespec wall, steady;
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_MONOTONIC, &steady);
  double now = milliseconds(&steady), to_monotonic = now - milliseconds(&wall), moved = to_monotonic - sockets->to_monotonic;
  if (moved > CLOCKS_APART_MS || moved < -CLOCKS_APART_MS) sockets->stepped_at = now;
  sockets->to_monotonic = to_monotonic;
  return now;
}

/*
 * The kernel stamps packets by the wall clock, which may step (NTP, or by hand). A stamp from before a step says nothing any
 * more, and lies before the step or in the future: such a packet came now, and is late by a tick at most.
 */
static double arrival_of(const struct timespec *stamp, const Sockets *sockets, double now) {
  double arrival = milliseconds(stamp) + sockets->to_monotonic;
  return arrival > now || arrival < sockets->stepped_at ? now : arrival;
}

static Sockets *sockets_of(napi_env env) {
  Sockets *sockets = NULL;
  napi_get_instance_data(env, (void **)&sockets);
  return sockets;
}

static napi_value number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

static napi_value open_socket(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3];
  char host[64];
  size_t length;
  int32_t port, buffer_bytes;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 3 || napi_get_value_string_utf8(env, argv[0], host, sizeof host, &length) != napi_ok ||
      napi_get_value_int32(env, argv[1], &port) != napi_ok || napi_get_value_int32(env, argv[2], &buffer_bytes) != napi_ok)
    return number(env, -EINVAL);

  Sockets *sockets = sockets_of(env);
  int slot = 0;
  while (slot < sockets->highest && sockets->fds[slot] >= 0) slot++;
  if (slot == MAX_SLOTS) return number(env, -EMFILE);

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (port < 0 || port > 65535 || inet_pton(AF_INET, host, &address.sin_addr) != 1) return number(env, -EINVAL);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return number(env, -errno);
  int on = 1;
  socklen_t size = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
    int failure = errno;
    close(fd);
    return number(env, -failure);
  }
  sockets->fds[slot] = fd;
  if (slot == sockets->highest) sockets->highest++;

  napi_value result;
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, number(env, slot));
  napi_set_element(env, result, 1, number(env, ntohs(address.sin_port)));
  return result;
}

static napi_value close_socket(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  int32_t slot;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  Sockets *sockets = sockets_of(env);
  if (argc == 1 && napi_get_value_int32(env, argv[0], &slot) == napi_ok && slot >= 0 && slot < sockets->highest &&
      sockets->fds[slot] >= 0) {
    close(sockets->fds[slot]);
    sockets->fds[slot] = -1;
  }
  return NULL;
}

static int typed_array(napi_env env, napi_value value, void **data, size_t *length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok;
}

static napi_value receive(napi_env env, napi_callback_info info) {
  size_t argc = 4, slot_count, byte_count, meta_count;
  napi_value argv[4];
  int32_t *slots, count;
  uint8_t *bytes;
  double *meta;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 4 || !typed_array(env, argv[0], (void **)&slots, &slot_count) || napi_get_value_int32(env, argv[1], &count) != napi_ok ||
      !typed_array(env, argv[2], (void **)&bytes, &byte_count) || !typed_array(env, argv[3], (void **)&meta, &meta_count))
    return number(env, -EINVAL);

  Sockets *sockets = sockets_of(env);
  struct mmsghdr messages[PER_SOCKET];
  struct iovec vectors[PER_SOCKET];
  struct sockaddr_in sources[PER_SOCKET];
  char control[PER_SOCKET][CMSG_SPACE(sizeof(struct timespec))];
  double now = read_clocks(sockets);
  size_t used = 0;
  int packets = 0;
  memset(messages, 0, sizeof messages);
  for (int j = 0; j < PER_SOCKET; j++) {
    vectors[j].iov_len = PACKET_BYTES;
    messages[j].msg_hdr.msg_iov = &vectors[j];
    messages[j].msg_hdr.msg_iovlen = 1;
    messages[j].msg_hdr.msg_name = &sources[j];
    messages[j].msg_hdr.msg_control = control[j];
  }

  for (int i = 0; i < count && (size_t)i < slot_count; i++) {
    int slot = slots[i];
    if (slot < 0 || slot >= sockets->highest || sockets->fds[slot] < 0) continue;
    if (used + PER_SOCKET * PACKET_BYTES > byte_count || (size_t)(packets + PER_SOCKET) * 5 > meta_count) break;
    for (int j = 0; j < PER_SOCKET; j++) {
      vectors[j].iov_base = bytes + used + (size_t)j * PACKET_BYTES;
      messages[j].msg_hdr.msg_namelen = sizeof sources[j];
      messages[j].msg_hdr.msg_controllen = sizeof control[j];
    }
    /* All of it, always: were one packet taken where one is usual, a stranger's packet would keep a caller's waiting. */
    int got = recvmmsg(sockets->fds[slot], messages, PER_SOCKET, MSG_DONTWAIT, NULL);
    for (int j = 0; j < got; j++) {
      double arrival = now;
      struct cmsghdr *header = CMSG_FIRSTHDR(&messages[j].msg_hdr);
      if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec stamp;
        memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
        arrival = arrival_of(&stamp, sockets, now);
      }
      double *entry = meta + (size_t)packets * 5;
      entry[0] = slot;
      entry[1] = (double)(used + (size_t)j * PACKET_BYTES);
      entry[2] = messages[j].msg_len;
      entry[3] = (double)ntohl(sources[j].sin_addr.s_addr) * 65536.0 + ntohs(sources[j].sin_port);
      entry[4] = arrival;
      packets++;
    }
    /* The next socket's packets follow close behind: what is small together stays in the cache together. */
    if (got > 0) used += (size_t)(got - 1) * PACKET_BYTES + ((messages[got - 1].msg_len + 63u) & ~63u);
  }
  return number(env, packets);
}

static napi_value send_packets(napi_env env, napi_callback_info info) {
  size_t argc = 3, byte_count, meta_count;
  napi_value argv[3];
  uint8_t *bytes;
  double *meta;
  int32_t count;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 3 || !typed_array(env, argv[0], (void **)&bytes, &byte_count) || !typed_array(env, argv[1], (void **)&meta, &meta_count) ||
      napi_get_value_int32(env, argv[2], &count) != napi_ok)
    return number(env, -EINVAL);

  Sockets *sockets = sockets_of(env);
  int sent = 0;
  for (int i = 0; i < count && (size_t)(i + 1) * 4 <= meta_count; i++) {
    double *entry = meta + (size_t)i * 4;
    int slot = (int)entry[0];
    size_t offset = (size_t)entry[1], length = (size_t)entry[2];
    uint64_t target = (uint64_t)entry[3];
    if (slot < 0 || slot >= sockets->highest || sockets->fds[slot] < 0 || offset + length > byte_count) continue;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(target & 0xffff))};
    address.sin_addr.s_addr = htonl((uint32_t)(target >> 16));
    if (sendto(sockets->fds[slot], bytes + offset, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof address) >= 0) sent++;
  }
  return number(env, sent);
}

static void release(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  Sockets *sockets = data;
  for (int i = 0; i < sockets->highest; i++)
    if (sockets->fds[i] >= 0) close(sockets->fds[i]);
  free(sockets);
}

NAPI_MODULE_INIT() {
  Sockets *sockets = calloc(1, sizeof *sockets);
  if (!sockets) return NULL;
  napi_set_instance_data(env, sockets, release, NULL);
  const napi_property_descriptor properties[] = {
      {"open", NULL, open_socket, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_socket, NULL, NULL, NULL, napi_enumerable, NULL},
      {"receive", NULL, receive, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_packets, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties);
  return exports;
}
