/* notice_event: a notice as the bytes of a record of seckill.notices (schemas/notice_event.md).
 * Why:    what an order becomes rests on these bytes; writer and reader are checked against one
 *         another and against the schema's example.
 * Never:  allocates; tells a version that it does not know for one that it does.
 * Thread: any. */
#pragma once

#include <stddef.h>

#include "codec/record_in.h"
#include "common/err.h"
#include "domain/notice.h"

enum {
    NOTICE_EVENT_VERSION = 1,
    NOTICE_EVENT_ELEMENTS = 12,
    NOTICE_EVENT_SIZE_MAX = 512, /* of version 1 */
};

struct notice_event {
    size_t size;
    unsigned char bytes[NOTICE_EVENT_SIZE_MAX];
};

/* ERR_RANGE: the notice breaks notice_check(), or its version is not ours. */
MUST_CHECK enum err notice_event_pack(const struct notice *notice, struct notice_event *ret_event);
/* NONE: `*ret_notice` is set and passes notice_check(); its `version` is that of the bytes. Above
 * NOTICE_EVENT_VERSION its known fields are read, a kind that we do not know is OTHER with
 * `is_kind_unknown`, and the rest is skipped: who applies notices must look at the version first.
 * Else `*ret_notice` is untouched and `*ret_hint` (may be NULL) is the order_no when that much
 * could be read, 0 otherwise. */
enum record_fault notice_event_read(const void *bytes, size_t size, struct notice *ret_notice,
                                    struct order_no *ret_hint);
