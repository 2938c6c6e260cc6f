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

enum { LINE_MAX_BYTES = 1024, DELAY_MAX_MS = 600000 };

/* What the file says, cut into its words. */
struct armed {
    char line[LINE_MAX_BYTES];
    const char *point;
    const char *action;
    const char *claim;
    const char *taken;
};

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

/* Ends the word at *rest, and moves *rest behind it. */
static const char *next_word(char **rest)
{
    char *word = *rest;

    *rest += strcspn(word, " \n");
    if (**rest != '\0') {
        *(*rest)++ = '\0';
    }
    return word;
}

/* False: nothing is armed. */
static bool read_armed(const char *path, struct armed *ret_armed)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, ret_armed->line, LINE_MAX_BYTES - 1);
    (void)close(fd);
    ret_armed->line[size > 0 ? size : 0] = '\0';
    char *rest = ret_armed->line;
    ret_armed->point = next_word(&rest);
    ret_armed->action = next_word(&rest);
    ret_armed->claim = next_word(&rest);
    ret_armed->taken = next_word(&rest);
    return true;
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
        (void)raise(SIGSTOP); /* this thread stands here; kill() would let it run on a little */
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
    struct armed armed;

    if (path == NULL || !read_armed(path, &armed)
        || strcmp(armed.point, failpoint_name(point)) != 0) {
        return false;
    }
    ASSERT(armed.taken[0] != '\0');
    if (rename(armed.claim, armed.taken) != 0) {
        return false; /* disarmed, or another one was first */
    }
    LOG_WARN("failpoint", KV_STR("point", armed.point), KV_STR("action", armed.action));
    return act(armed.action);
}
