#include "support/redis_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool port_is_free(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool is_free;

    cr_assert(fd >= 0);
    is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return is_free;
}

/* Outside of the range that outgoing connections use: one of those may else take the port before
 * the server has it, or while it restarts. */
static uint16_t free_port(void)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    unsigned low = 0, high = 0, chance = 0, from, count;

    cr_assert(file && fscanf(file, "%u %u", &low, &high) == 2);
    (void)fclose(file);
    from = low >= 16000 ? low / 2 : high + 1;
    count = low >= 16000 ? low - from : 65536 - from;
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(getrandom(&chance, sizeof chance, 0), (ssize_t)sizeof chance);
        if (port_is_free((uint16_t)(from + chance % count))) {
            return (uint16_t)(from + chance % count);
        }
    }
    cr_assert_fail("no free port");
    return 0;
}

static redisContext *connect_to(const struct redis_server *server)
{
    return redisConnectWithTimeout("127.0.0.1", server->port, (struct timeval){.tv_sec = 10});
}

static bool answers(const struct redis_server *server)
{
    redisContext *context = connect_to(server);
    redisReply *reply = NULL;
    bool good = false;

    if (context && !context->err) {
        (void)redisSetTimeout(context, (struct timeval){.tv_sec = 1});
        reply = redisCommand(context, "PING");
        good = reply && reply->type == REDIS_REPLY_STATUS;
    }
    if (reply) {
        freeReplyObject(reply);
    }
    if (context) {
        redisFree(context);
    }
    return good;
}

static void run_server(const struct redis_server *server)
{
    char port[8], extra[128] = "";
    const char *argv[16] = {"redis-server", "--port",    port,           "--dir", server->directory,
                            "--save",       "",          "--appendonly", "yes",   "--bind",
                            "127.0.0.1",    "--logfile", "redis.log"};
    char *value;

    (void)snprintf(port, sizeof port, "%u", server->port);
    if (server->extra) {
        (void)snprintf(extra, sizeof extra, "--%s", server->extra);
        value = strchr(extra, ' ');
        *value = '\0';
        argv[13] = extra;
        argv[14] = value + 1;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execvp(argv[0], (char *const *)argv);
    _exit(127);
}

void redis_server_again(struct redis_server *server)
{
    int64_t deadline_ms = now_ms() + REDIS_SERVER_DEADLINE_MS;

    cr_assert_eq(server->pid, 0);
    server->pid = fork();
    cr_assert(server->pid >= 0);
    if (server->pid == 0) {
        run_server(server);
    }
    while (!answers(server)) {
        cr_assert(now_ms() < deadline_ms, "redis-server does not answer");
        cr_assert_eq(waitpid(server->pid, NULL, WNOHANG), 0, "redis-server ended");
        (void)poll(NULL, 0, 10);
    }
}

void redis_server_start(struct redis_server *server, const char *extra)
{
    const char *parent = getenv("TMPDIR");

    *server = (struct redis_server){.extra = extra};
    cr_assert(snprintf(server->directory, sizeof server->directory, "%s/seckill-redis-XXXXXX",
                       parent ? parent : "/tmp")
              < (int)sizeof server->directory);
    /* A broken connection is told by the write that fails. */
    (void)signal(SIGPIPE, SIG_IGN);
    cr_assert_not_null(mkdtemp(server->directory));
    server->port = free_port();
    redis_server_again(server);
}

void redis_server_kill(struct redis_server *server)
{
    cr_assert(server->pid > 0);
    (void)kill(server->pid, SIGKILL);
    cr_assert_eq(waitpid(server->pid, NULL, 0), server->pid);
    server->pid = 0;
}

void redis_server_finish(struct redis_server *server)
{
    char command[sizeof server->directory + 16];

    if (server->pid > 0) {
        redis_server_kill(server);
    }
    (void)snprintf(command, sizeof command, "rm -rf '%s'", server->directory);
    cr_assert_eq(system(command), 0);
}

void redis_server_stop(struct redis_server *server)
{
    int status;

    cr_assert_eq(kill(server->pid, SIGSTOP), 0);
    cr_assert(waitpid(server->pid, &status, WUNTRACED) == server->pid && WIFSTOPPED(status));
}

void redis_server_continue(struct redis_server *server)
{
    cr_assert_eq(kill(server->pid, SIGCONT), 0);
}

static int split(char *text, const char **argv, int max)
{
    int argc = 0;

    while (*text) {
        char stop = *text == '\'' ? '\'' : ' ';

        text += stop == '\'';
        cr_assert(argc < max);
        argv[argc++] = text;
        while (*text && *text != stop) {
            text++;
        }
        while (*text && (*text == ' ' || *text == stop)) {
            *text++ = '\0';
        }
    }
    return argc;
}

void redis_server_ask(const struct redis_server *server, const char *command, char *answer,
                      uint32_t size)
{
    redisContext *context = connect_to(server);
    char text[2048];
    const char *argv[64];
    redisReply *reply;
    int argc;

    (void)snprintf(text, sizeof text, "%s", command);
    argc = split(text, argv, 64);
    cr_assert(context && !context->err);
    reply = redisCommandArgv(context, argc, argv, NULL);
    cr_assert_not_null(reply);
    if (reply->type == REDIS_REPLY_INTEGER) {
        (void)snprintf(answer, size, "%lld", reply->integer);
    } else if (reply->type == REDIS_REPLY_ARRAY) {
        (void)snprintf(answer, size, "%zu items", reply->elements);
    } else {
        (void)snprintf(answer, size, "%s", reply->str ? reply->str : "(nil)");
    }
    freeReplyObject(reply);
    redisFree(context);
}
