/* resp: a reply of Redis made from its bytes.
 * Why:    pure readers are tested without a server.
 * Never:  takes bytes that are not one whole reply: the test fails.
 * Thread: the test's. */
#pragma once

#include "inventory/redis_reply.h"

/* redis_reply_free() it. */
struct redis_reply *resp(const char *bytes);
