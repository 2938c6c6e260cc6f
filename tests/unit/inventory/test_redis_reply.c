#include "resp.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <signal.h>
#include <string.h>

static enum redis_cause cause(const char *text)
{
    return redis_cause_of(text, strlen(text));
}

Test(redis_reply, error_of_a_script_in_the_middle_proves_nothing)
{
    /* As Redis 7.0.15 says them. */
    cr_assert_eq(cause("WRONGTYPE Operation against a key holding the wrong kind of value script: "
                       "de09db02403b0f30814c5df32a4cd80a9a7c52c8, on @user_script:2."),
                 REDIS_CAUSE_SCRIPT);
    cr_assert_eq(cause("OOM command not allowed when used memory > 'maxmemory'. script: "
                       "400a2ac8ce17dc8a9b52413ae340c27fd3893fab, on @user_script:2."),
                 REDIS_CAUSE_SCRIPT);
    cr_assert(!redis_cause_proves_not_done(REDIS_CAUSE_SCRIPT));
    cr_assert(!redis_cause_proves_not_done(REDIS_CAUSE_OTHER));
}

Test(redis_reply, refusals_before_the_start_prove_that_nothing_happened)
{
    cr_assert_eq(cause("OOM command not allowed when used memory > 'maxmemory'."), REDIS_CAUSE_OOM);
    cr_assert_eq(cause("NOREPLICAS Not enough good replicas to write."), REDIS_CAUSE_NOREPLICAS);
    cr_assert_eq(cause("NOSCRIPT No matching script."), REDIS_CAUSE_NOSCRIPT);
    cr_assert_eq(cause("READONLY You can't write against a read only replica."),
                 REDIS_CAUSE_READONLY);
    cr_assert_eq(cause("MOVED 3999 127.0.0.1:6381"), REDIS_CAUSE_MOVED);
    cr_assert_eq(cause("BUSY"), REDIS_CAUSE_BUSY);
    cr_assert_eq(cause("BUSYGROUP Consumer Group name already exists"), REDIS_CAUSE_OTHER);
    cr_assert_eq(cause("ERR OOM"), REDIS_CAUSE_OTHER);
    cr_assert_eq(cause(""), REDIS_CAUSE_OTHER);
    for (enum redis_cause c = 0; c < REDIS_CAUSE_SCRIPT; c++) {
        cr_assert(redis_cause_proves_not_done(c));
    }
    cr_assert(redis_cause_ends_link(REDIS_CAUSE_READONLY));
    cr_assert(!redis_cause_ends_link(REDIS_CAUSE_OOM));
}

Test(redis_reply, item_out_of_range, .signal = SIGABRT)
{
    struct redis_reply *reply = resp("*1\r\n:1\r\n");

    (void)redis_reply_item(reply, 1);
}

Test(redis_reply, kinds_are_not_mixed_up)
{
    struct redis_reply *reply = resp("*5\r\n$2\r\nab\r\n:12\r\n+OK\r\n-ERR no\r\n$-1\r\n");
    const struct redis_reply *item;
    int64_t value;
    size_t size;

    cr_assert_eq(redis_reply_count(reply), 5);
    cr_assert(redis_reply_is_array(reply));
    cr_assert_null(redis_reply_text(reply, &size));
    item = redis_reply_item(reply, 0);
    cr_assert_str_eq(redis_reply_string(item, &size), "ab");
    cr_assert_eq(size, 2);
    cr_assert(!redis_reply_integer(item, &value));
    cr_assert_eq(redis_reply_count(item), 0);
    cr_assert(redis_reply_integer(redis_reply_item(reply, 1), &value));
    cr_assert_eq(value, 12);
    cr_assert_null(redis_reply_text(redis_reply_item(reply, 1), &size));
    cr_assert_str_eq(redis_reply_text(redis_reply_item(reply, 2), &size), "OK");
    cr_assert_null(redis_reply_string(redis_reply_item(reply, 2), &size));
    cr_assert(redis_reply_is_error(redis_reply_item(reply, 3)));
    cr_assert_null(redis_reply_string(redis_reply_item(reply, 3), &size));
    cr_assert(redis_reply_is_nil(redis_reply_item(reply, 4)));
    redis_reply_free(reply);
    redis_reply_free(NULL);
}
