/*
 * A wall clock that steps when a test says so, for a program that is started with this as LD_PRELOAD. The file named by
 * STEPPED_CLOCK holds three 64-bit numbers in ns: what is added to the time before a moment, what is added after it, and that
 * moment in true time. The kernel's stamps of packets are moved alike, each by what held when it was made.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static volatile int64_t *step;
static int (*true_clock)(clockid_t, struct timespec *);
static int (*true_receive)(int, struct mmsghdr *, unsigned, int, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  true_receive = (int (*)(int, struct mmsghdr *, unsigned, int, struct timespec *))dlsym(RTLD_NEXT, "recvmmsg");
  const char *path = getenv("STEPPED_CLOCK");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 3 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  if (map != MAP_FAILED) step = map;
  if (fd >= 0) close(fd);
}

static void move(struct timespec *time) {
  if (!step) return;
  int64_t ns = time->tv_sec * SECOND + time->tv_nsec;
  ns += ns < step[2] ? step[0] : step[1];
  time->tv_sec = ns / SECOND;
  time->tv_nsec = ns % SECOND;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (!true_clock) begin();
  int failed = true_clock(clock, time);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) move(time);
  return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  int got = true_receive(fd, messages, count, flags, timeout);
  for (int i = 0; i < got; i++)
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr); header; header = CMSG_NXTHDR(&messages[i].msg_hdr, header))
      if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec stamp;
        memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
        move(&stamp);
        memcpy(CMSG_DATA(header), &stamp, sizeof stamp);
      }
  return got;
}
