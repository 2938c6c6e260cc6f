/* member: members of a signed JSON body, one by one and without a fault when they are missing.
 * Why:    providers add members at any time, and a member of the wrong type must not keep the
 *         others from being read: codec/json reads whole objects strictly.
 * Never:  converts: "1" is not a number, null is not a text.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "codec/json.h"
#include "payments/provider.h"

typedef enum provider_result member_root_fn(const void *arg, struct json_in root,
                                            struct notice *notice);
/* Reads a body, or what was encrypted in one. BAD_BODY without a call of `read`: it is not a JSON
 * object within the limits. Else what `read` returns, which is called once, now; the document is
 * gone afterwards. */
enum provider_result member_read(const void *text, size_t size, member_root_fn *read,
                                 const void *arg, struct notice *notice);

/* false, and nothing is set: no such member, or of another type. A text of a document lives as long
 * as that does; at most `size_max` bytes, not empty. */
bool member_text(struct json_in object, const char *name, size_t size_max,
                 struct provider_text *ret_text);
/* 0 to INT64_MAX. */
bool member_amount(struct json_in object, const char *name, int64_t *ret_value);
bool member_object(struct json_in object, const char *name, struct json_in *ret_object);
bool member_is_there(struct json_in object, const char *name);
