/* admin_body: the JSON body of an admin request.
 * Why:    limits, and the answers to a body that cannot be read, are the same for every verb.
 * Never:  knows a member.
 * Thread: the pool's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "codec/json.h"

struct admin_job;

/* Takes the members; what is wrong in them is a fault of the object (json_take_fault()). Texts are
 * borrowed for the call. */
typedef void admin_body_fn(struct json_take *object, void *arg);
/* `depth_max` as in json_limits. False: answered. */
bool admin_body_read(struct admin_job *job, uint32_t depth_max, admin_body_fn *take, void *arg);
/* A text of at most `size` - 1 bytes into `ret_text`; absent: it is left as it is. */
void admin_body_text(struct json_take *object, const char *name, enum json_need need,
                     char *ret_text, size_t size);
