/* wall_clock: a library to be preloaded; the wall clock of the process is shifted as a file says.
 *
 *   SECKILL_CLOCK_FILE   8 bytes, native: milliseconds to add. Mapped: a change is seen at once.
 *
 * Why:    a step of the clock (FE9, FR12) cannot be done to one process of a machine, and
 *         libfaketime 0.9.10 does not start under jemalloc, which Redis uses.
 * How:    readers of CLOCK_REALTIME get the shifted time. The kernel does not know of it: who waits
 *         until a time of the wall clock waits until that time minus the shift.
 * Never:  allocates, or touches CLOCK_MONOTONIC. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Later than any CLOCK_MONOTONIC: a condition may wait by either clock. */
enum { SURELY_WALL_S = 1000000000 };

typedef int pthread_wait_fn(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
typedef int c11_wait_fn(cnd_t *, mtx_t *, const struct timespec *);

static const volatile int64_t *shift_ms; /* NULL: none */
static pthread_wait_fn *real_pthread_wait;
static c11_wait_fn *real_c11_wait;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SECKILL_CLOCK_FILE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    /* Of an older version there, which dlsym() would find, conditions have another form. */
    *(void **)&real_pthread_wait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (real_pthread_wait == NULL) {
        *(void **)&real_pthread_wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    }
    *(void **)&real_c11_wait = dlsym(RTLD_NEXT, "cnd_timedwait");
    if (fd >= 0) {
        void *map = mmap(NULL, sizeof *shift_ms, PROT_READ, MAP_SHARED, fd, 0);
        shift_ms = map != MAP_FAILED ? map : NULL;
        (void)close(fd);
    }
}

static struct timespec shifted(struct timespec time, int64_t ms)
{
    int64_t ns = time.tv_nsec + (ms % 1000) * 1000000;

    time.tv_sec += ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
    time.tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    return time;
}

static int64_t shift(void)
{
    return shift_ms != NULL ? *shift_ms : 0;
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, id, time);

    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        *time = shifted(*time, shift());
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret != NULL) {
        *ret = now.tv_sec;
    }
    return now.tv_sec;
}

int timespec_get(struct timespec *ret, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, ret) == 0 ? base : 0;
}

static struct timespec true_deadline(const struct timespec *until)
{
    return until->tv_sec > SURELY_WALL_S ? shifted(*until, -shift()) : *until;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    const struct timespec deadline = true_deadline(until);

    return real_pthread_wait(condition, mutex, &deadline);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    const struct timespec deadline = true_deadline(until);

    return real_c11_wait(condition, mutex, &deadline);
}
