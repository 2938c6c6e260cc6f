#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "inventory/script.h"

/* A link alone, on a server that the test set up. */
static void start_alone(struct fixture *fixture, const struct redis_link_options *options,
                        const char *extra)
{
    *fixture = (struct fixture){0};
    redis_server_start(&fixture->server, extra);
    fixture_start_link(fixture, options);
}

static void finish_alone(struct fixture *fixture)
{
    redis_link_destroy(fixture->link);
    loop_destroy(fixture->loop);
    metrics_destroy(fixture->metrics);
    redis_server_finish(&fixture->server);
}

struct trouble {
    struct fixture *fixture;
    const char *text;
};

static bool is_in_trouble(void *arg)
{
    struct trouble *trouble = arg;

    return strstr(redis_link_trouble(trouble->fixture->link), trouble->text) != NULL;
}

static void wait_trouble(struct fixture *fixture, const char *text)
{
    fixture_wait(fixture, is_in_trouble, &(struct trouble){fixture, text});
    cr_assert(!redis_link_is_up(fixture->link));
}

struct answer {
    bool is_there;
    enum err status;
    char text[64];
    int64_t at_us;
};

static void on_answer(void *arg, enum err status, const struct redis_reply *reply)
{
    struct answer *answer = arg;
    size_t size;
    const char *text = reply ? redis_reply_text(reply, &size) : NULL;

    cr_assert(!answer->is_there, "answered twice");
    answer->is_there = true;
    answer->status = status;
    answer->at_us = clock_mono_us();
    (void)snprintf(answer->text, sizeof answer->text, "%s", text ? text : "");
}

static bool is_answered(void *arg)
{
    return ((struct answer *)arg)->is_there;
}

static enum err ask(struct fixture *fixture, struct answer *answer, const char *word,
                    const char *other)
{
    const char *const argv[] = {word, other};
    const size_t sizes[] = {strlen(word), other ? strlen(other) : 0};

    *answer = (struct answer){0};
    return redis_link_command(fixture->link, other ? 2 : 1, argv, sizes, on_answer, answer);
}

Test(redis_link, nobody_listens)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answer;

    start_alone(&fixture, &options, NULL);
    redis_server_kill(&fixture.server);
    wait_trouble(&fixture, "refused");
    cr_assert_eq(ask(&fixture, &answer, "PING", NULL), ERR_UNAVAILABLE);
    cr_assert_eq(redis_link_generation(fixture.link), 0);
    redis_server_again(&fixture.server);
    fixture_wait_up(&fixture, 1);
    cr_assert_str_eq(redis_link_trouble(fixture.link), "");
    finish_alone(&fixture);
}

Test(redis_link, wrong_password_is_told_with_the_servers_text)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;

    options.password = "wrong";
    start_alone(&fixture, &options, NULL);
    wait_trouble(&fixture, "AUTH");
    cr_assert_eq(fixture.downs, 0, "it never was up");
    finish_alone(&fixture);
}

Test(redis_link, maxclients_is_told_with_the_servers_text)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    char answer[64];

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_ask(&fixture.server, "CONFIG SET maxclients 1", answer, sizeof answer);
    cr_assert_str_eq(answer, "OK");
    /* A second link is the second client. */
    {
        struct redis_link *first = fixture.link;
        struct fixture second = {.server = fixture.server};

        fixture_start_link(&second, &options);
        wait_trouble(&second, "max number of clients");
        redis_link_destroy(second.link);
        loop_destroy(second.loop);
        metrics_destroy(second.metrics);
        fixture.link = first;
    }
    finish_alone(&fixture);
}

Test(redis_link, evicting_policy_is_not_ready)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    char answer[64];

    start_alone(&fixture, &options, "maxmemory-policy allkeys-lru");
    wait_trouble(&fixture, "maxmemory-policy must be noeviction, is allkeys-lru");
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory-policy noeviction", answer,
                     sizeof answer);
    cr_assert_str_eq(answer, "OK");
    fixture_wait_up(&fixture, 1);
    finish_alone(&fixture);
}

Test(redis_link, replica_is_not_ready)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    char answer[64];

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_ask(&fixture.server, "REPLICAOF 127.0.0.1 1", answer, sizeof answer);
    redis_server_ask(&fixture.server, "CLIENT KILL TYPE normal SKIPME yes", answer, sizeof answer);
    wait_trouble(&fixture, "no primary but a slave");
    redis_server_ask(&fixture.server, "REPLICAOF NO ONE", answer, sizeof answer);
    fixture_wait_up(&fixture, 2);
    finish_alone(&fixture);
}

Test(redis_link, demoted_server_is_left_when_a_write_is_refused)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answer;
    char text[64];

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_ask(&fixture.server, "REPLICAOF 127.0.0.1 1", text, sizeof text);
    cr_assert_eq(ask(&fixture, &answer, "INCR", "x"), ERR_OK);
    fixture_wait(&fixture, is_answered, &answer);
    cr_assert_eq(answer.status, ERR_REFUSED);
    cr_assert(strncmp(answer.text, "READONLY", 8) == 0);
    fixture_wait_down(&fixture, 1);
    finish_alone(&fixture);
}

Test(redis_link, handshake_loads_all_scripts_and_learns_the_clock)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    char answer[16384];
    int64_t offset_us;

    options.client_name = "seckill-test";
    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_ask(&fixture.server, "INFO memory", answer, sizeof answer);
    cr_assert_not_null(strstr(answer, "number_of_cached_scripts:11"));
    redis_server_ask(&fixture.server, "CLIENT LIST", answer, sizeof answer);
    cr_assert_not_null(strstr(answer, "name=seckill-test"));
    /* Same machine: the lower bound is just below the true offset. */
    offset_us = clock_wall_ms() * 1000 - clock_mono_us();
    cr_assert(redis_link_clock_offset_us(fixture.link) <= offset_us + 1000);
    cr_assert(redis_link_clock_offset_us(fixture.link) > offset_us - 5000000);
    finish_alone(&fixture);
}

Test(redis_link, killed_server_loses_what_is_on_its_way_and_comes_back)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answers[3];

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_stop(&fixture.server);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ask(&fixture, &answers[i], "PING", NULL), ERR_OK);
    }
    fixture_turn(&fixture);
    redis_server_kill(&fixture.server);
    fixture_wait_down(&fixture, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert(answers[i].is_there && answers[i].status == ERR_LOST);
    }
    cr_assert(!redis_link_is_up(fixture.link));
    redis_server_again(&fixture.server);
    fixture_wait_up(&fixture, 2);
    cr_assert_eq(redis_link_generation(fixture.link), 2);
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_redis_lost_total, 0), 1);
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_redis_inflight, 0), 0);
    finish_alone(&fixture);
}

Test(redis_link, stalled_server_is_lost_at_the_deadline)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answer;
    int64_t begin_us;

    options.reply_timeout_ms = 300;
    options.connect_timeout_ms = 200;
    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_stop(&fixture.server);
    begin_us = clock_mono_us();
    cr_assert_eq(ask(&fixture, &answer, "PING", NULL), ERR_OK);
    fixture_wait(&fixture, is_answered, &answer);
    cr_assert_eq(answer.status, ERR_LOST);
    cr_assert(answer.at_us - begin_us >= 290000, "before its deadline");
    /* The kernel still accepts: the greeting runs into its own deadline. */
    wait_trouble(&fixture, "greeting in time");
    redis_server_continue(&fixture.server);
    fixture_wait_up(&fixture, 2);
    finish_alone(&fixture);
}

Test(redis_link, error_replies_are_told_apart)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answer;
    char text[64];

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    cr_assert_eq(ask(&fixture, &answer, "NOSUCHCOMMAND", NULL), ERR_OK);
    fixture_wait(&fixture, is_answered, &answer);
    cr_assert_eq(answer.status, ERR_IO);
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory 1", text, sizeof text);
    cr_assert_eq(ask(&fixture, &answer, "INCR", "x"), ERR_OK);
    fixture_wait(&fixture, is_answered, &answer);
    cr_assert_eq(answer.status, ERR_REFUSED);
    cr_assert(redis_link_is_up(fixture.link), "a full server is not a lost one");
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_redis_errors_total, LABEL_REDIS_OOM), 1);
    finish_alone(&fixture);
}

static enum err run_script(struct fixture *fixture, struct answer *answer)
{
    const char *const argv[] = {"seckill:catalogue", "1", "0"};
    const size_t sizes[] = {17, 1, 1};

    *answer = (struct answer){0};
    return redis_link_script(fixture->link, script_get(LUA_SCRIPT_CATALOGUE), 1, 3, argv, sizes,
                             on_answer, answer);
}

Test(redis_link, a_living_server_that_refuses_is_told_until_it_serves_again)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answer;
    char text[64];

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory 1", text, sizeof text);
    cr_assert_eq(run_script(&fixture, &answer), ERR_OK);
    fixture_wait(&fixture, is_answered, &answer);
    cr_assert_eq(answer.status, ERR_REFUSED);
    cr_assert_not_null(strstr(redis_link_trouble(fixture.link), "Redis: OOM command not allowed"));
    cr_assert_eq(redis_link_shed(fixture.link), LABEL_SHED_REDIS_OOM);
    cr_assert(redis_link_is_up(fixture.link));
    cr_assert_eq(ask(&fixture, &answer, "PING", NULL), ERR_OK);
    fixture_wait(&fixture, is_answered, &answer);
    cr_assert_eq(redis_link_shed(fixture.link), LABEL_SHED_REDIS_OOM, "reads prove nothing");
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory 0", text, sizeof text);
    cr_assert_eq(run_script(&fixture, &answer), ERR_OK);
    fixture_wait(&fixture, is_answered, &answer);
    cr_assert_eq(answer.status, ERR_OK);
    cr_assert_str_eq(redis_link_trouble(fixture.link), "");
    cr_assert_eq(redis_link_shed(fixture.link), LABEL_SHED_REDIS_DOWN);
    finish_alone(&fixture);
}

Test(redis_link, caps_answer_busy_and_nothing_is_sent)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answers[9], big;
    char *text = malloc(100000);

    options.inflight_max = 8;
    options.queued_bytes_max = 65536;
    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    memset(text, 'x', 99999);
    text[99999] = '\0';
    cr_assert_eq(ask(&fixture, &big, "ECHO", text), ERR_BUSY);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(ask(&fixture, &answers[i], "PING", NULL), ERR_OK);
    }
    cr_assert_eq(ask(&fixture, &answers[8], "PING", NULL), ERR_BUSY);
    fixture_wait(&fixture, is_answered, &answers[7]);
    cr_assert_eq(ask(&fixture, &answers[8], "PING", NULL), ERR_OK);
    fixture_wait(&fixture, is_answered, &answers[8]);
    cr_assert_eq(answers[8].status, ERR_OK);
    free(text);
    finish_alone(&fixture);
}

Test(redis_link, distrusted_reply_ends_the_link)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answer;

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    cr_assert_eq(ask(&fixture, &answer, "PING", NULL), ERR_OK);
    redis_link_distrust(fixture.link, "test");
    fixture_wait_down(&fixture, 1);
    cr_assert_eq(answer.status, ERR_LOST);
    fixture_wait_up(&fixture, 2);
    finish_alone(&fixture);
}

Test(redis_link, destroyed_with_commands_on_their_way)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture;
    struct answer answer;

    start_alone(&fixture, &options, NULL);
    fixture_wait_up(&fixture, 1);
    redis_server_stop(&fixture.server);
    cr_assert_eq(ask(&fixture, &answer, "PING", NULL), ERR_OK);
    redis_link_destroy(fixture.link);
    fixture.link = NULL;
    cr_assert(answer.is_there && answer.status == ERR_LOST);
    cr_assert_eq(fixture.downs, 1);
    finish_alone(&fixture);
}
