/* The order event reader: what it takes can be packed again into the same record, and what it
 * refuses leaves the record alone. A hint is always a good order_no. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/order_event.h"
#include "common/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct order_record *record)
{
    struct order_record newest = *record, again;
    struct order_event event;

    newest.version = ORDER_EVENT_VERSION;
    ASSERT(order_event_pack(&newest, &event) == ERR_OK);
    ASSERT(order_event_read(event.bytes, event.size, &again, NULL) == RECORD_FAULT_NONE);
    ASSERT(again.order_no.value == record->order_no.value && again.quantity == record->quantity);
    ASSERT(again.unit_price == record->unit_price && again.slot == record->slot);
    ASSERT(again.won_at_ms == record->won_at_ms && again.pay_by_ms == record->pay_by_ms);
    ASSERT(buyer_equal(&again.buyer, &record->buyer) && sku_equal(&again.sku, &record->sku));
    ASSERT(strcmp(again.currency, record->currency) == 0);
    ASSERT(strcmp(again.key_hash.hex, record->key_hash.hex) == 0);
    ASSERT(strcmp(again.traceparent.text, record->traceparent.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct order_record record = {.quantity = UINT32_MAX};
    struct order_no hint = {1};
    enum record_fault fault = order_event_read(data, size, &record, &hint);

    ASSERT(hint.value == 0 || order_no_is_whole(hint));
    ASSERT(record_fault_name(fault)[0] != '\0');
    if (fault == RECORD_FAULT_NONE) {
        ASSERT(hint.value == record.order_no.value);
        check_round_trip(&record);
    } else {
        ASSERT(record.quantity == UINT32_MAX);
    }
    return 0;
}
