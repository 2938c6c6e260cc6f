#include "common/failpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/assert.h"
#include "common/log.h"

enum { LINE_MAX_BYTES = 128, DELAY_MAX_MS = 600000 };

static const char *const names[FAILPOINT_COUNT] = {
#define FAILPOINT(name, where) [FAILPOINT_##name] = #name,
#include "common/failpoint.def"
#undef FAILPOINT
};

const char *failpoint_name(enum failpoint point)
{
    ASSERT(point >= 0 && point < FAILPOINT_COUNT);
    return names[point];
}

/* The armed line, without its end. False: nothing is armed. */
static bool read_armed(const char *path, char line[LINE_MAX_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, line, LINE_MAX_BYTES - 1);
    (void)close(fd);
    line[size > 0 ? size : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return line[0] != '\0';
}

static void sleep_ms(unsigned long ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0) {
    }
}

static bool act(const char *action)
{
    static const char delay[] = "delay:";

    if (strcmp(action, "kill") == 0) {
        (void)kill(getpid(), SIGKILL);
        UNREACHABLE();
    }
    if (strcmp(action, "stop") == 0) {
        (void)kill(getpid(), SIGSTOP);
        return false;
    }
    if (strncmp(action, delay, sizeof delay - 1) == 0) {
        char *end = NULL;
        unsigned long ms = strtoul(action + sizeof delay - 1, &end, 10);
        ASSERT(end != action + sizeof delay - 1 && *end == '\0' && ms <= DELAY_MAX_MS);
        sleep_ms(ms);
        return false;
    }
    ASSERT(strcmp(action, "fail") == 0);
    return true;
}

bool failpoint_hit(enum failpoint point)
{
    const char *path = getenv("SECKILL_FAILPOINT_FILE");
    const char *name = failpoint_name(point);
    const size_t size = strlen(name);
    char line[LINE_MAX_BYTES];

    if (path == NULL || !read_armed(path, line) || strncmp(line, name, size) != 0
        || line[size] != ' ') {
        return false;
    }
    if (unlink(path) != 0) {
        return false; /* another process was first */
    }
    LOG_WARN("failpoint", KV_STR("point", name), KV_STR("action", line + size + 1));
    return act(line + size + 1);
}
