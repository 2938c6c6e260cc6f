#include "resp.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <hiredis/hiredis.h>
#include <string.h>

struct redis_reply *resp(const char *bytes)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    cr_assert_eq(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    cr_assert_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
    cr_assert_not_null(reply);
    redisReaderFree(reader);
    return reply;
}
