#include "footprint.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_S = 5, HOST_SIZE = 64, PORT_MAX = 65535 };

bool footprint_parse(const char *info, uint64_t *ret_bytes)
{
    static const char name[] = "\nused_memory_dataset:";
    const char *at = strstr(info, name);
    char *end = NULL;

    if (!at) {
        return false;
    }
    at += sizeof name - 1;
    const unsigned long long bytes = strtoull(at, &end, 10);
    if (end == at || *at < '0' || *at > '9') {
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

static bool complain(const char *where, const char *what)
{
    fprintf(stderr, "seckill-bench: --redis %s: %s\n", where, what);
    return false;
}

/* NULL: told on stderr. */
static redisContext *connect_to(const char *where)
{
    const struct timeval timeout = {TIMEOUT_S, 0};
    const char *colon = strrchr(where, ':');
    const size_t size = colon ? (size_t)(colon - where) : 0;
    char host[HOST_SIZE], *end = NULL;

    const long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (size == 0 || size >= sizeof host || port < 1 || port > PORT_MAX || *end) {
        complain(where, "it is ADDRESS:PORT");
        return NULL;
    }
    memcpy(host, where, size);
    host[size] = '\0';
    redisContext *redis = redisConnectWithTimeout(host, (int)port, timeout);
    if (!redis || redis->err) {
        complain(where, redis ? redis->errstr : "no memory");
        redisFree(redis);
        return NULL;
    }
    redisSetTimeout(redis, timeout);
    return redis;
}

bool footprint_read(const char *where, uint64_t *ret_bytes)
{
    redisContext *redis = connect_to(where);
    bool good = false;

    if (!redis) {
        return false;
    }
    redisReply *reply = redisCommand(redis, "INFO memory");
    if (!reply) {
        complain(where, redis->errstr);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        complain(where, reply->str);
    } else {
        good = (reply->type == REDIS_REPLY_STRING && footprint_parse(reply->str, ret_bytes))
               || complain(where, "it tells no used_memory_dataset");
    }
    freeReplyObject(reply);
    redisFree(redis);
    return good;
}
