#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/outbox_reader.h"

static const struct sale_id SALE = {FIXTURE_SALE};

struct listed {
    bool is_there;
    enum err status;
    uint32_t entries, wins, unreadable;
    char unreadable_id[OUTBOX_ID_SIZE];
    struct outbox_win last;
};

static void on_listed(void *arg, enum err status, const struct outbox_listing *listing)
{
    const struct outbox_listed_entry *entries = listing->entries;
    struct listed *listed = arg;

    listed->is_there = true;
    listed->status = status;
    listed->entries = listing->count;
    listed->unreadable = listing->unreadable_count;
    memcpy(listed->unreadable_id, listing->unreadable_id, sizeof listed->unreadable_id);
    for (uint32_t i = 0; i < listing->count; i++) {
        listed->wins += entries[i].win_count;
        listed->last = entries[i].wins[entries[i].win_count - 1];
        cr_assert_eq(entries[i].wins[0].seq, entries[i].first_seq);
    }
}

static bool is_listed(void *arg)
{
    return ((struct listed *)arg)->is_there;
}

static struct listed list(struct fixture *fixture, uint32_t max)
{
    struct listed listed = {0};

    cr_assert_eq(outbox_list(fixture->link, SALE, max, on_listed, &listed), ERR_OK);
    fixture_wait(fixture, is_listed, &listed);
    return listed;
}

struct leased {
    bool is_there, held;
    enum err status;
};

static void on_leased(void *arg, enum err status, bool held)
{
    *(struct leased *)arg = (struct leased){true, held, status};
}

static bool is_leased(void *arg)
{
    return ((struct leased *)arg)->is_there;
}

static struct leased lease(struct fixture *fixture, uint64_t token, uint32_t lease_ms)
{
    struct leased leased = {0};

    cr_assert_eq(outbox_take_lease(fixture->link, SALE, token, lease_ms, on_leased, &leased),
                 ERR_OK);
    fixture_wait(fixture, is_leased, &leased);
    return leased;
}

#define ENTRY(id, format)                                                                          \
    "XADD {s:7}:outbox " id " " format " 5 results W0 buyers \x91\xa5"                             \
    "buyer items \x91\xa3"                                                                         \
    "a,1 "                                                                                         \
    "choices ! keys 00000000000000000000000000000000 traces "                                      \
    "0000000000000000000000000000000000000000000000000000000"

Test(outbox_reader, entry_that_cannot_be_read_is_passed_over_and_told)
{
    struct fixture fixture;
    struct listed listed;
    char answer[64];

    fixture_start(&fixture);
    redis_server_ask(&fixture.server, "XADD {s:7}:outbox 0-1 some thing", answer, sizeof answer);
    redis_server_ask(&fixture.server, ENTRY("1-1", "2"), answer, sizeof answer);
    redis_server_ask(&fixture.server, ENTRY("1-2", "1"), answer, sizeof answer);
    redis_server_ask(&fixture.server, ENTRY("1-3", "2"), answer, sizeof answer);
    listed = list(&fixture, 10);
    cr_assert_eq(listed.status, ERR_OK);
    cr_assert(listed.entries == 2 && listed.wins == 2 && listed.unreadable == 2);
    cr_assert_eq(listed.last.seq, 3);
    cr_assert_str_eq(listed.unreadable_id, "0-1");
    listed = list(&fixture, 1);
    cr_assert(listed.entries == 0 && listed.unreadable == 1);
    fixture_finish(&fixture);
}

Test(outbox_reader, what_is_no_stream_at_all_is_an_error)
{
    struct fixture fixture;
    char answer[64];

    fixture_start(&fixture);
    redis_server_ask(&fixture.server, "SET {s:7}:outbox x", answer, sizeof answer);
    cr_assert_neq(list(&fixture, 10).status, ERR_OK);
    fixture_finish(&fixture);
}

Test(outbox_reader, lists_what_was_won_oldest_first)
{
    enum { COUNT = 200 };
    static struct fixture_attempt attempts[COUNT];
    struct fixture fixture;
    struct listed listed;

    fixture_start(&fixture);
    cr_assert_eq(list(&fixture, 10).entries, 0);
    fixture_load(&fixture, 1, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture_attempt(&fixture, &attempts[i], i);
        cr_assert_eq(traceparent_parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                       TRACEPARENT_SIZE, &attempts[i].attempt.traceparent),
                     ERR_OK);
        fixture_decide(&fixture, &attempts[i]);
    }
    fixture_wait_decided(&fixture, attempts, COUNT);
    listed = list(&fixture, 10);
    cr_assert(listed.status == ERR_OK && listed.entries == 2 && listed.wins == COUNT);
    cr_assert_eq(listed.last.seq, COUNT);
    cr_assert(buyer_equal(&listed.last.buyer, &attempts[COUNT - 1].attempt.buyer));
    cr_assert_str_eq(listed.last.traceparent.text, attempts[0].attempt.traceparent.text);
    cr_assert_eq(listed.last.entry.order_no.value, attempts[COUNT - 1].win.entry.order_no.value);
    cr_assert_eq(list(&fixture, 1).wins, 128);
    fixture_finish(&fixture);
}

Test(outbox_reader, lease_is_held_by_one)
{
    struct fixture fixture;
    char answer[64];

    fixture_start(&fixture);
    cr_assert(lease(&fixture, 111, 60000).held);
    cr_assert(!lease(&fixture, 222, 60000).held);
    cr_assert(lease(&fixture, 111, 60000).held);
    redis_server_ask(&fixture.server, "DEL {s:7}:relay", answer, sizeof answer);
    cr_assert(lease(&fixture, 222, 1).held);
    while (!lease(&fixture, 111, 60000).held) {
        /* until that millisecond is over */
    }
    cr_assert(fixture_ask(&fixture, "PTTL {s:7}:relay") > 50000);
    redis_server_ask(&fixture.server, "DEL {s:7}:relay", answer, sizeof answer);
    redis_server_ask(&fixture.server, "LPUSH {s:7}:relay x", answer, sizeof answer);
    cr_assert_eq(lease(&fixture, 111, 60000).status, ERR_PARSE);
    redis_server_stop(&fixture.server);
    {
        struct leased leased = {0};

        cr_assert_eq(outbox_take_lease(fixture.link, SALE, 1, 1000, on_leased, &leased), ERR_OK);
        redis_server_kill(&fixture.server);
        fixture_wait(&fixture, is_leased, &leased);
        cr_assert(leased.status == ERR_LOST && !leased.held);
    }
    fixture_finish(&fixture);
}

/* docs/RUNBOOK.md gives this line: commands that a script calls are checked, too. */
#define ENGINE_USER                                                                                \
    "ACL SETUSER engine on >secret resetchannels ~{s:* ~seckill:* +evalsha +eval +script|load "    \
    "+client|setname +info +role +time +ping +hscan +hlen +xrange +exists +hget +hmget +hgetall "  \
    "+hset +hincrby +smismember +xadd +xdel +get +set"

Test(outbox_reader, everything_of_the_engine_works_as_a_user_of_few_rights)
{
    struct redis_link_options options = fixture_link_options();
    struct fixture_attempt attempt;
    struct fixture fixture;

    options.user = "engine";
    options.password = "secret";
    options.client_name = "engine-1";
    fixture_start_with(&fixture, &options, ENGINE_USER);
    fixture_load(&fixture, 1, 5);
    fixture_attempt(&fixture, &attempt, 1);
    fixture_decide(&fixture, &attempt);
    fixture_wait_decided(&fixture, &attempt, 1);
    cr_assert_eq(attempt.decision, DECISION_WON);
    cr_assert_eq(list(&fixture, 10).entries, 1);
    cr_assert(lease(&fixture, 1, 1000).held);
    outbox_reported(fixture.outbox, attempt.win.outbox_handle);
    fixture_attempt(&fixture, &attempt, 2);
    fixture_decide(&fixture, &attempt);
    fixture_wait_decided(&fixture, &attempt, 1);
    cr_assert_eq(attempt.decision, DECISION_WON);
    fixture_attempt(&fixture, &attempt, 1);
    fixture_decide(&fixture, &attempt);
    fixture_wait_decided(&fixture, &attempt, 1);
    cr_assert_eq(attempt.decision, DECISION_REPLAYED);
    cr_assert_eq(fixture.view.outbox_first, 2);
    fixture_finish(&fixture);
}
