#include "resp.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "inventory/redis_handshake.h"
#include "inventory/script.h"

static char trouble[REDIS_TROUBLE_SIZE];

static bool judge(enum redis_greeting step, const char *bytes)
{
    struct redis_reply *reply = resp(bytes);
    bool good = redis_handshake_judge(step, reply, trouble);

    redis_reply_free(reply);
    return good;
}

static bool judge_info(const char *text)
{
    char bytes[512];

    (void)snprintf(bytes, sizeof bytes, "$%zu\r\n%s\r\n", strlen(text), text);
    return judge(REDIS_GREETING_INFO, bytes);
}

Test(redis_handshake, errors_are_told_in_one_line)
{
    cr_assert(!judge(REDIS_GREETING_AUTH, "-WRONGPASS invalid username-password pair\r\n"));
    cr_assert_str_eq(trouble, "Redis: WRONGPASS invalid username-password pair");
    cr_assert(!judge(REDIS_GREETING_ROLE, "-LOADING Redis is loading the dataset in memory\r\n"));
    cr_assert(!judge(REDIS_GREETING_INFO, "+OK\r\n"));
    cr_assert(!judge(REDIS_GREETING_TIME, "*2\r\n$1\r\n1\r\n$7\r\n1000000\r\n"));
    cr_assert(!judge(REDIS_GREETING_TIME, "*2\r\n$2\r\n-1\r\n$1\r\n0\r\n"));
    cr_assert(!judge(REDIS_GREETING_TIME, "*1\r\n$1\r\n1\r\n"));
}

Test(redis_handshake, only_a_primary_is_sold_on)
{
    cr_assert(!judge(REDIS_GREETING_ROLE, "*1\r\n$5\r\nslave\r\n"));
    cr_assert_str_eq(trouble, "Redis is no primary but a slave");
    cr_assert(!judge(REDIS_GREETING_ROLE, "*0\r\n"));
    cr_assert(judge(REDIS_GREETING_ROLE, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"));
}

Test(redis_handshake, a_server_that_may_evict_is_not_sold_on)
{
    cr_assert(!judge_info("loading:0\r\nmaxmemory:100\r\nmaxmemory_policy:volatile-lru\r\n"));
    cr_assert_not_null(strstr(trouble, "is volatile-lru"));
    cr_assert(!judge_info("loading:0\r\nmaxmemory:100\r\n"));
    cr_assert(judge_info("loading:0\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\n"));
    cr_assert(!judge_info("loading:0\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n"));
    cr_assert(!judge_info("loading:1\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n"));
    cr_assert_str_eq(trouble, "Redis is loading its data");
}

Test(redis_handshake, a_user_that_may_not_name_itself_is_fine)
{
    cr_assert(judge(REDIS_GREETING_NAME, "-NOPERM this user has no permissions\r\n"));
    cr_assert(!judge(REDIS_GREETING_NAME, "-ERR Client names cannot contain spaces\r\n"));
}

Test(redis_handshake, script_with_another_digest)
{
    const struct lua_script *script = script_get(LUA_SCRIPT_PURCHASE);
    char bytes[64];
    struct redis_reply *reply;

    reply = resp("$40\r\n0000000000000000000000000000000000000000\r\n");
    cr_assert(!redis_handshake_judge_script(script, reply, trouble));
    redis_reply_free(reply);
    reply = resp("-NOPERM no\r\n");
    cr_assert(!redis_handshake_judge_script(script, reply, trouble));
    redis_reply_free(reply);
    (void)snprintf(bytes, sizeof bytes, "$40\r\n%s\r\n", script->sha1);
    reply = resp(bytes);
    cr_assert(redis_handshake_judge_script(script, reply, trouble));
    redis_reply_free(reply);
}

Test(redis_handshake, commands_by_login)
{
    struct redis_login login = {0};
    struct buf out;

    buf_init(&out, 1000);
    cr_assert(!redis_handshake_command(REDIS_GREETING_AUTH, &login, &out));
    cr_assert(!redis_handshake_command(REDIS_GREETING_NAME, &login, &out));
    cr_assert_eq(out.size, 0);
    login = (struct redis_login){"", "secret", "me"};
    cr_assert(redis_handshake_command(REDIS_GREETING_AUTH, &login, &out));
    cr_assert_str_eq(buf_text(&out), "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
    login.user = "bob";
    buf_clear(&out);
    cr_assert(redis_handshake_command(REDIS_GREETING_AUTH, &login, &out));
    cr_assert_str_eq(buf_text(&out), "*3\r\n$4\r\nAUTH\r\n$3\r\nbob\r\n$6\r\nsecret\r\n");
    buf_clear(&out);
    cr_assert(redis_handshake_command(REDIS_GREETING_NAME, &login, &out));
    cr_assert_str_eq(buf_text(&out), "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n");
    buf_finish(&out);
}

Test(redis_handshake, info_fields_are_found_by_their_whole_name)
{
    static const char info[] = "# Server\r\nrole_x:no\r\nrole:master\r\nlast:1";
    size_t size;
    const char *value = redis_info_field(info, sizeof info - 1, "role", &size);

    cr_assert(value && size == 6 && memcmp(value, "master", 6) == 0);
    value = redis_info_field(info, sizeof info - 1, "last", &size);
    cr_assert(value && size == 1 && *value == '1');
    cr_assert_null(redis_info_field(info, sizeof info - 1, "ole", &size));
    cr_assert_null(redis_info_field(info, sizeof info - 1, "Server", &size));
}
