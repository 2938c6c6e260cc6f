#include "http/http_listener.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/timer.h"
#include "support/edge.h"

enum { FDS_MAX = 512 };

struct accepted {
    struct loop *loop;
    int fds[FDS_MAX];
    uint32_t count, wanted;
};

static void on_accepted(void *arg, int fd)
{
    struct accepted *accepted = arg;

    cr_assert(accepted->count < FDS_MAX);
    accepted->fds[accepted->count++] = fd;
    if (accepted->count == accepted->wanted) {
        loop_stop(accepted->loop);
    }
}

static void on_deadline(void *arg)
{
    (void)arg;
    cr_assert_fail("deadline");
}

/* Runs the loop until so many were accepted. */
static void run_until(struct accepted *accepted, uint32_t wanted)
{
    struct timer deadline;

    timer_init(&deadline, accepted->loop, on_deadline, NULL);
    timer_start_ms(&deadline, EDGE_DEADLINE_MS);
    accepted->wanted = wanted;
    if (accepted->count < wanted) {
        loop_run(accepted->loop);
    }
    timer_stop(&deadline);
}

static struct http_listener *listen_on(struct accepted *accepted, struct metrics_shard *shard)
{
    const struct http_listener_options options = {
        .loop = accepted->loop,
        .address = "127.0.0.1",
        .shard = shard,
        .accepted = on_accepted,
        .arg = accepted,
    };
    struct http_listener *listener;
    char error[HTTP_ERROR_SIZE];

    cr_assert(http_listener_create(&options, &listener, error) == ERR_OK, "%s", error);
    return listener;
}

static int connect_to(uint16_t port)
{
    const struct edge edge = {.port = port};

    return edge_connect(&edge);
}

static void close_all(const int *fds, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        close(fds[i]);
    }
}

Test(http_listener, a_bad_address_is_named)
{
    struct loop *loop = loop_create(&(struct loop_options){.name = "test"});
    struct http_listener_options options = {.loop = loop, .address = "localhost"};
    struct http_listener *listener = NULL;
    char error[HTTP_ERROR_SIZE] = "";

    cr_assert(http_listener_create(&options, &listener, error) == ERR_CONFIG);
    cr_assert(strstr(error, "localhost") && !listener, "%s", error);
    loop_destroy(loop);
}

Test(http_listener, a_taken_port_is_told_with_its_cause)
{
    struct accepted accepted = {.loop = loop_create(&(struct loop_options){.name = "test"})};
    struct http_listener *first = listen_on(&accepted, NULL);
    struct http_listener_options options = {
        .loop = accepted.loop, .address = "127.0.0.1", .port = http_listener_port(first)};
    struct http_listener *second = NULL;
    char error[HTTP_ERROR_SIZE] = "";

    cr_assert(http_listener_create(&options, &second, error) == ERR_IO && !second);
    cr_assert(strstr(error, "bind") && strstr(error, "in use"), "%s", error);
    http_listener_destroy(first);
    loop_destroy(accepted.loop);
}

Test(http_listener, two_share_a_port_when_both_ask_for_it)
{
    struct accepted accepted = {.loop = loop_create(&(struct loop_options){.name = "test"})};
    struct http_listener_options options = {.loop = accepted.loop,
                                            .address = "::1",
                                            .reuse_port = true,
                                            .accepted = on_accepted,
                                            .arg = &accepted};
    struct http_listener *first;
    struct http_listener *second;
    char error[HTTP_ERROR_SIZE];

    cr_assert(http_listener_create(&options, &first, error) == ERR_OK, "%s", error);
    options.port = http_listener_port(first);
    cr_assert(http_listener_create(&options, &second, error) == ERR_OK, "%s", error);
    cr_assert(http_listener_port(second) == options.port && options.port != 0);
    http_listener_destroy(first);
    http_listener_destroy(second);
    loop_destroy(accepted.loop);
}

Test(http_listener, accepted_sockets_do_not_delay_small_answers)
{
    struct accepted accepted = {.loop = loop_create(&(struct loop_options){.name = "test"})};
    struct http_listener *listener = listen_on(&accepted, NULL);
    int fd = connect_to(http_listener_port(listener));
    int value = 0;
    socklen_t size = sizeof value;

    run_until(&accepted, 1);
    cr_assert(getsockopt(accepted.fds[0], IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0);
    cr_assert(value != 0);
    close(fd);
    close_all(accepted.fds, accepted.count);
    http_listener_destroy(listener);
    loop_destroy(accepted.loop);
}

struct turns {
    struct accepted *accepted;
    uint32_t most; /* accepted between two deferred calls */
    uint32_t last;
};

static void on_turn(void *arg)
{
    struct turns *turns = arg;
    uint32_t now = turns->accepted->count - turns->last;

    turns->most = now > turns->most ? now : turns->most;
    turns->last = turns->accepted->count;
    if (turns->last < turns->accepted->wanted) {
        loop_defer(turns->accepted->loop, on_turn, turns);
    }
}

Test(http_listener, a_flood_is_accepted_in_portions)
{
    struct accepted accepted = {.loop = loop_create(&(struct loop_options){.name = "test"})};
    struct http_listener *listener = listen_on(&accepted, NULL);
    struct turns turns = {.accepted = &accepted};
    int fds[200];

    for (int i = 0; i < 200; i++) {
        fds[i] = connect_to(http_listener_port(listener));
    }
    accepted.wanted = 200;
    loop_defer(accepted.loop, on_turn, &turns);
    run_until(&accepted, 200);
    cr_assert(turns.most > 0 && turns.most <= HTTP_LISTENER_ACCEPTS_PER_TURN_MAX, "%u", turns.most);
    close_all(fds, 200);
    close_all(accepted.fds, accepted.count);
    http_listener_destroy(listener);
    loop_destroy(accepted.loop);
}

struct errors {
    struct accepted *accepted;
    const struct metrics *metrics;
    struct timer again;
    int64_t wanted;
};

static void on_look(void *arg)
{
    struct errors *errors = arg;

    if (metrics_value(errors->metrics, METRIC_accept_errors_total, 0) >= errors->wanted) {
        loop_stop(errors->accepted->loop);
        return;
    }
    timer_start_ms(&errors->again, 1);
}

/* The next descriptor that is opened would be one too many. */
static void leave_no_descriptor(void)
{
    int lowest = dup(STDERR_FILENO);
    struct rlimit limit;

    cr_assert(lowest >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
    close(lowest);
    limit.rlim_cur = (rlim_t)lowest;
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

Test(http_listener, without_descriptors_clients_are_refused_and_the_loop_rests)
{
    struct accepted accepted = {.loop = loop_create(&(struct loop_options){.name = "test"})};
    struct metrics *metrics = metrics_create();
    struct http_listener *listener = listen_on(&accepted, metrics_shard(metrics));
    struct errors errors = {.accepted = &accepted, .metrics = metrics, .wanted = 3};
    struct rlimit limit;
    int64_t start_us;
    int fds[4];

    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int i = 0; i < 3; i++) {
        fds[i] = connect_to(http_listener_port(listener));
    }
    fds[3] = socket(AF_INET, SOCK_STREAM, 0);
    leave_no_descriptor();
    timer_init(&errors.again, accepted.loop, on_look, &errors);
    timer_start_ms(&errors.again, 0);
    start_us = loop_clock_us(accepted.loop);
    run_until(&accepted, 1); /* stopped by on_look */
    cr_assert(accepted.count == 0);
    cr_assert(metrics_value(metrics, METRIC_accept_errors_total, 0) == 3);
    /* One at once, one after each rest. */
    cr_assert(loop_clock_us(accepted.loop) - start_us >= 2 * HTTP_LISTENER_RETRY_MS * 1000);
    for (int i = 0; i < 3; i++) {
        edge_expect_end(fds[i]);
    }
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    close(fds[3]);
    fds[3] = connect_to(http_listener_port(listener));
    run_until(&accepted, 1);
    close_all(fds, 4);
    close_all(accepted.fds, accepted.count);
    http_listener_destroy(listener);
    loop_destroy(accepted.loop);
    metrics_destroy(metrics);
}

Test(http_listener, draining_accepts_what_is_queued_and_nothing_later)
{
    struct accepted accepted = {.loop = loop_create(&(struct loop_options){.name = "test"})};
    struct http_listener *listener = listen_on(&accepted, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_listener_port(listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fds[100];
    int late = socket(AF_INET, SOCK_STREAM, 0);

    for (int i = 0; i < 100; i++) {
        fds[i] = connect_to(http_listener_port(listener));
    }
    http_listener_drain(listener);
    cr_assert(accepted.count == 100, "%u", accepted.count);
    cr_assert(connect(late, (struct sockaddr *)&address, sizeof address) != 0);
    close(late);
    close_all(fds, 100);
    close_all(accepted.fds, accepted.count);
    http_listener_destroy(listener);
    loop_destroy(accepted.loop);
}
