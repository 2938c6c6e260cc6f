/* member: members of a signed JSON body, one by one and without a fault when they are missing.
 * Why:    providers add members at any time, and a member of the wrong type must not keep the
 *         others from being read: codec/json reads whole objects strictly.
 * Never:  converts: "1" is not a number, null is not a text.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "codec/json.h"
#include "payments/provider.h"

/* Of a body, and of what was encrypted in one. */
extern const struct json_limits member_limits;

/* false, and nothing is set: no such member, or of another type. A text of a document lives as long
 * as that does; at most `size_max` bytes, not empty. */
bool member_text(struct json_in object, const char *name, size_t size_max,
                 struct provider_text *ret_text);
/* 0 to INT64_MAX. */
bool member_amount(struct json_in object, const char *name, int64_t *ret_value);
bool member_object(struct json_in object, const char *name, struct json_in *ret_object);
bool member_is_there(struct json_in object, const char *name);
