#include "fake_redis.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/redis_blocking.h"
#include "inventory/sale_call.h"

static const struct sale_id SALE = {7};

static enum err run(const char *reply, struct sale_reply *ret_reply)
{
    static const enum key keys[] = {KEY_META};
    struct fake_redis fake = {.replies = {reply}};
    struct redis_blocking *redis;
    struct sale_call call;
    enum err err;

    fake_redis_start(&fake);
    redis = redis_blocking_create(&(struct redis_blocking_options){.address = "127.0.0.1",
                                                                   .port = fake.port,
                                                                   .connect_timeout_ms = 5000,
                                                                   .reply_timeout_ms = 5000});
    sale_call_init(&call, redis, LUA_SCRIPT_SET_STATE, SALE, keys, 1);
    sale_call_add_number(&call, 3);
    sale_call_add_text(&call, "pause");
    err = sale_call_run(&call, ret_reply, NULL);
    cr_assert(err == ERR_OK || redis_blocking_trouble(redis)[0] != '\0', "it says why");
    sale_call_finish(&call);
    redis_blocking_destroy(redis);
    fake_redis_finish(&fake);
    return err;
}

Test(sale_call, reply_of_another_request_is_a_lost_one)
{
    cr_assert_eq(run("*2\r\n$1\r\n2\r\n$2\r\nok\r\n", NULL), ERR_LOST);
    cr_assert_eq(run("*2\r\n:1\r\n$2\r\nok\r\n", NULL), ERR_LOST);
}

Test(sale_call, malformed_reply_is_a_lost_one)
{
    cr_assert_eq(run("*2\r\n$1\r\n1\r\n$7\r\nperhaps\r\n", NULL), ERR_LOST);
    cr_assert_eq(run("*1\r\n$1\r\n1\r\n", NULL), ERR_LOST);
    cr_assert_eq(run("$2\r\nok\r\n", NULL), ERR_LOST);
    cr_assert_eq(run("*2\r\n$1\r\n1\r\n$5\r\nepoch\r\n", NULL), ERR_LOST);
    cr_assert_eq(run("*3\r\n$1\r\n1\r\n$5\r\nepoch\r\n$1\r\nx\r\n", NULL), ERR_LOST);
    cr_assert_eq(run("%1\r\n", NULL), ERR_LOST, "RESP3");
    cr_assert_eq(run(NULL, NULL), ERR_LOST, "closed");
}

Test(sale_call, error_replies_are_told_apart)
{
    cr_assert_eq(run("-OOM command not allowed\r\n", NULL), ERR_REFUSED);
    cr_assert_eq(run("-ERR something script: x, on @user_script:5.\r\n", NULL), ERR_IO);
}

Test(sale_call, status_is_told_as_an_error_and_as_it_is)
{
    struct sale_reply reply;

    cr_assert_eq(run("*3\r\n$1\r\n1\r\n$5\r\nepoch\r\n$1\r\n9\r\n", &reply), ERR_FENCED);
    cr_assert(reply.answer == SALE_ANSWER_EPOCH && reply.head.epoch == 9);
    cr_assert_eq(run("*2\r\n$1\r\n1\r\n$4\r\ngone\r\n", &reply), ERR_NOT_FOUND);
    cr_assert_eq(reply.answer, SALE_ANSWER_GONE);
    cr_assert_eq(run("*3\r\n$1\r\n1\r\n$2\r\nok\r\n$18\r\n1000 3 4 paused 9 0\r\n", &reply),
                 ERR_LOST, "a length that lies breaks the protocol");
    cr_assert_eq(run("*3\r\n$1\r\n1\r\n$2\r\nok\r\n$19\r\n1000 3 4 paused 9 0\r\n", &reply),
                 ERR_OK);
    cr_assert(reply.head.version == 4 && reply.head.state == SALE_STATE_PAUSED);
    cr_assert(reply.head.seq == 9 && reply.head.epoch == 3);
}
