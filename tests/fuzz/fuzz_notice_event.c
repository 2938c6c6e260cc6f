/* The notice reader: what it takes can be packed again into the same notice, and what it refuses
 * leaves the notice alone. A hint is always a good order_no. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/notice_event.h"
#include "common/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct notice *notice)
{
    struct notice newest = *notice, again;
    struct notice_event event;

    newest.version = NOTICE_EVENT_VERSION;
    newest.is_kind_unknown = false;
    ASSERT(notice_event_pack(&newest, &event) == ERR_OK);
    ASSERT(notice_event_read(event.bytes, event.size, &again, NULL) == RECORD_FAULT_NONE);
    ASSERT(again.order_no.value == notice->order_no.value && again.kind == notice->kind);
    ASSERT(again.has_amount == notice->has_amount && again.amount == notice->amount);
    ASSERT(again.occurred_ms == notice->occurred_ms && again.received_ms == notice->received_ms);
    ASSERT(buyer_equal(&again.buyer, &notice->buyer));
    ASSERT(strcmp(again.provider, notice->provider) == 0);
    ASSERT(strcmp(again.event_id, notice->event_id) == 0);
    ASSERT(strcmp(again.transaction_id, notice->transaction_id) == 0);
    ASSERT(strcmp(again.currency, notice->currency) == 0);
    ASSERT(strcmp(again.traceparent.text, notice->traceparent.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct notice notice = {.amount = UINT64_MAX};
    struct order_no hint = {1};
    enum record_fault fault = notice_event_read(data, size, &notice, &hint);

    ASSERT(hint.value == 0 || order_no_is_whole(hint));
    ASSERT(record_fault_name(fault)[0] != '\0');
    if (fault == RECORD_FAULT_NONE) {
        ASSERT(hint.value == notice.order_no.value);
        check_round_trip(&notice);
    } else {
        ASSERT(notice.amount == UINT64_MAX);
    }
    return 0;
}
