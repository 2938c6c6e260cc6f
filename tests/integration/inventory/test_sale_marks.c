#include "inventory/sale_marks.h"

#include <criterion/criterion.h>

#include "fixture.h"

enum { LOADED, GONE, STRING, NO_EPOCH, COUNT };
static const struct sale_id SALES[COUNT] = {{FIXTURE_SALE}, {8}, {9}, {10}};

static struct sale_mark marks[COUNT];
static struct sale_marks_server server;

static enum err read_marks(struct fixture *fixture)
{
    return sale_marks_read(fixture->blocking, SALES, COUNT, &server, marks);
}

static void say(struct fixture *fixture, const char *command)
{
    char answer[64];

    redis_server_ask(&fixture->server, command, answer, sizeof answer);
}

Test(sale_marks, a_server_that_is_away_is_told)
{
    struct fixture fixture;

    fixture_start(&fixture);
    redis_server_kill(&fixture.server);
    cr_assert_neq(read_marks(&fixture), ERR_OK);
    redis_server_again(&fixture.server);
    cr_assert_eq(read_marks(&fixture), ERR_OK);
    fixture_finish(&fixture);
}

Test(sale_marks, a_refusal_is_no_mark)
{
    struct fixture fixture;

    fixture_start(&fixture);
    say(&fixture, "ACL SETUSER default -hmget");
    cr_assert_eq(read_marks(&fixture), ERR_REFUSED);
    say(&fixture, "ACL SETUSER default +hmget");
    cr_assert_eq(read_marks(&fixture), ERR_OK);
    fixture_finish(&fixture);
}

Test(sale_marks, garbage_and_what_is_gone_are_told_apart)
{
    struct fixture fixture;

    fixture_start(&fixture);
    fixture_load(&fixture, 5, 1);
    say(&fixture, "SET {s:9}:meta x");
    say(&fixture, "HSET {s:10}:meta epoch x replid y state open");
    say(&fixture, "HSET seckill:catalogue 7 x");
    cr_assert_eq(read_marks(&fixture), ERR_OK);
    cr_assert_eq(marks[LOADED].kind, SALE_MARK_FITS);
    cr_assert(marks[LOADED].epoch == 5 && marks[LOADED].state == SALE_STATE_OPEN);
    cr_assert(marks[LOADED].is_listed && !marks[GONE].is_listed);
    cr_assert_eq(marks[GONE].kind, SALE_MARK_GONE);
    cr_assert_eq(marks[STRING].kind, SALE_MARK_GARBAGE);
    cr_assert_eq(marks[NO_EPOCH].kind, SALE_MARK_GARBAGE);
    cr_assert(server.is_primary && !server.has_catalogue);
    fixture_finish(&fixture);
}

Test(sale_marks, another_history_is_seen)
{
    struct fixture fixture;

    fixture_start(&fixture);
    fixture_load(&fixture, 5, 1);
    say(&fixture, "CONFIG SET appendonly yes");
    redis_server_kill(&fixture.server);
    redis_server_again(&fixture.server);
    say(&fixture, "HSET {s:7}:meta epoch 5 replid 0123456789012345678901234567890123456789 "
                  "state open");
    cr_assert_eq(read_marks(&fixture), ERR_OK);
    cr_assert_eq(marks[LOADED].kind, SALE_MARK_OTHER);
    cr_assert_eq(marks[LOADED].epoch, 5);
    say(&fixture, "REPLICAOF 127.0.0.1 1");
    cr_assert_eq(read_marks(&fixture), ERR_OK);
    cr_assert_not(server.is_primary);
    fixture_finish(&fixture);
}

Test(sale_marks, no_sale_is_fine)
{
    struct fixture fixture;

    fixture_start(&fixture);
    cr_assert_eq(sale_marks_read(fixture.blocking, NULL, 0, &server, NULL), ERR_OK);
    cr_assert(server.is_primary);
    fixture_finish(&fixture);
}
