#include "fake_redis.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inventory/script.h"

enum { WORDS_MAX = 64, INPUT_MAX = 1024 * 1024 };

struct serving {
    struct fake_redis *fake;
    int fd;
    char *input; /* owned */
    size_t size, at;
    char id[32]; /* of the last script call */
    uint32_t replied;
};

/* The line at `at` as a number behind its first byte. False: the connection ended. */
static bool read_number(struct serving *serving, size_t *ret_number)
{
    char *end;

    while (!(end = memmem(serving->input + serving->at, serving->size - serving->at, "\r\n", 2))) {
        ssize_t size =
            recv(serving->fd, serving->input + serving->size, INPUT_MAX - serving->size, 0);

        if (size <= 0) {
            return false;
        }
        serving->size += (size_t)size;
    }
    *ret_number = strtoul(serving->input + serving->at + 1, NULL, 10);
    serving->at = (size_t)(end + 2 - serving->input);
    return true;
}

static bool read_word(struct serving *serving, const char **ret_word)
{
    size_t word_size;

    if (!read_number(serving, &word_size)) {
        return false;
    }
    while (serving->size < serving->at + word_size + 2) {
        ssize_t size =
            recv(serving->fd, serving->input + serving->size, INPUT_MAX - serving->size, 0);

        if (size <= 0) {
            return false;
        }
        serving->size += (size_t)size;
    }
    *ret_word = serving->input + serving->at;
    serving->input[serving->at + word_size] = '\0';
    serving->at += word_size + 2;
    return true;
}

static const char *sha1_of(const char *text)
{
    for (enum lua_script_id id = 0; id < LUA_SCRIPT_COUNT; id++) {
        if (strcmp(script_get(id)->text, text) == 0) {
            return script_get(id)->sha1;
        }
    }
    return "";
}

static bool say(struct serving *serving, const char *text)
{
    size_t size = strlen(text);

    return send(serving->fd, text, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* The next canned reply, its marks replaced. False: there is none. */
static bool say_next(struct serving *serving, const char *const *words, size_t count)
{
    struct fake_redis *fake = serving->fake;
    const char *reply = fake->replies[serving->replied++];
    char text[4096];
    size_t size = 0;

    (void)snprintf(fake->asked[fake->asked_count++], sizeof fake->asked[0], "%s", words[0]);
    if (strncmp(words[0], "EVAL", 4) == 0 && count > 3) {
        (void)snprintf(serving->id, sizeof serving->id, "%s",
                       words[3 + strtoul(words[2], NULL, 10)]);
    }
    for (; reply && *reply; reply++) {
        if (*reply == '@') {
            size += (size_t)snprintf(text + size, sizeof text - size, "$%zu\r\n%s\r\n",
                                     strlen(serving->id), serving->id);
        } else {
            text[size++] = *reply == '~' ? '@' : *reply;
        }
    }
    text[size] = '\0';
    return reply && say(serving, text);
}

static bool answer(struct serving *serving, const char *const *words, size_t count)
{
    char text[64];

    if (strcmp(words[0], "ROLE") == 0) {
        return say(serving, "*1\r\n$6\r\nmaster\r\n");
    }
    if (strcmp(words[0], "INFO") == 0) {
        return say(serving, "$29\r\nmaxmemory_policy:noeviction\r\n\r\n");
    }
    if (strcmp(words[0], "TIME") == 0) {
        return say(serving, "*2\r\n$4\r\n1000\r\n$1\r\n0\r\n");
    }
    if (strcmp(words[0], "SCRIPT") == 0) {
        (void)snprintf(text, sizeof text, "$40\r\n%s\r\n", sha1_of(words[2]));
        return say(serving, text);
    }
    return serving->fake->is_silent || say_next(serving, words, count);
}

static void *serve(void *arg)
{
    struct serving serving = {.fake = arg, .input = malloc(INPUT_MAX)};
    const char *words[WORDS_MAX];
    size_t count;
    bool goes_on;

    serving.fd = accept(serving.fake->listener, NULL, NULL);
    goes_on = serving.fd >= 0 && serving.input;
    while (goes_on && read_number(&serving, &count) && count > 0 && count <= WORDS_MAX) {
        for (size_t i = 0; i < count && goes_on; i++) {
            goes_on = read_word(&serving, &words[i]);
        }
        goes_on = goes_on && answer(&serving, words, count);
    }
    if (serving.fd >= 0) {
        (void)close(serving.fd);
    }
    free(serving.input);
    return NULL;
}

void fake_redis_start(struct fake_redis *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    (void)signal(SIGPIPE, SIG_IGN);
    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(fake->listener >= 0 && bind(fake->listener, (struct sockaddr *)&address, size) == 0
              && listen(fake->listener, 1) == 0
              && getsockname(fake->listener, (struct sockaddr *)&address, &size) == 0);
    fake->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&fake->thread, NULL, serve, fake), 0);
}

void fake_redis_finish(struct fake_redis *fake)
{
    (void)shutdown(fake->listener, SHUT_RDWR);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->listener);
}
