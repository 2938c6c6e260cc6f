#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

struct wanted {
    struct fixture *fixture;
    const char *text;
    enum label_SHED shed;
};

static bool is_told(void *arg)
{
    struct wanted *wanted = arg;

    return strstr(redis_link_trouble(wanted->fixture->link), wanted->text) != NULL
           && redis_link_shed(wanted->fixture->link) == wanted->shed;
}

/* What a server refuses with before it is asked for anything is told apart from none being there.
 */
static void expect_refusal(const char *setting, const char *text, enum label_SHED shed,
                           const char *mend)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture fixture = {0};
    char answer[64];

    redis_server_start(&fixture.server, setting);
    fixture_start_link(&fixture, &options);
    fixture_wait(&fixture, is_told, &(struct wanted){&fixture, text, shed});
    redis_server_ask(&fixture.server, mend, answer, sizeof answer);
    fixture_wait_up(&fixture, 1);
    cr_assert_str_eq(redis_link_trouble(fixture.link), "");
    redis_server_kill(&fixture.server);
    fixture_wait(&fixture, is_told, &(struct wanted){&fixture, "refused", LABEL_SHED_REDIS_DOWN});
    redis_link_destroy(fixture.link);
    loop_destroy(fixture.loop);
    metrics_destroy(fixture.metrics);
    redis_server_finish(&fixture.server);
}

Test(redis_link_greet, a_replica_takes_no_purchase)
{
    expect_refusal("replicaof 127.0.0.1 1", "Redis is no primary but a slave",
                   LABEL_SHED_REDIS_READONLY, "REPLICAOF NO ONE");
}

Test(redis_link_greet, a_server_that_may_evict)
{
    expect_refusal("maxmemory-policy allkeys-lru", "must be noeviction", LABEL_SHED_REDIS_REFUSED,
                   "CONFIG SET maxmemory-policy noeviction");
}
