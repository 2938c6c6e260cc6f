/* record: what does a record of the order log cost to write and to read? Prints nanoseconds each.
 * Why:    both are paid for each order, in the engine and in the worker.
 * Never:  part of the engine.
 * Thread: main. */
#include <stdio.h>
#include <string.h>

#include "codec/order_event.h"
#include "common/assert.h"
#include "common/clock.h"

enum { ROUNDS = 1000000 };

static struct order_record record_of(void)
{
    struct order_record record = {.version = 1, .quantity = 1, .unit_price = 199900};

    ASSERT(order_no_make((struct sale_id){7}, 3, 42, &record.order_no) == ERR_OK);
    ASSERT(buyer_parse("buyer-00000001", 14, &record.buyer) == ERR_OK);
    ASSERT(sku_parse("phone-black", 11, &record.sku) == ERR_OK);
    memcpy(record.currency, "CNY", 4);
    memcpy(record.key_hash.hex, "0123456789abcdef0123456789abcdef", 33);
    record.won_at_ms = 1767225600123;
    record.pay_by_ms = 1767226500123;
    memcpy(record.traceparent.text, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 56);
    return record;
}

int main(void)
{
    struct order_record record = record_of(), read;
    struct order_event event;
    int64_t begin_us = clock_process_cpu_us();

    for (int i = 0; i < ROUNDS; i++) {
        record.slot = (uint32_t)i % 1000;
        ASSERT(order_event_pack(&record, &event) == ERR_OK);
    }
    printf("pack %.0f ns, %zu bytes\n", (double)(clock_process_cpu_us() - begin_us) * 1e3 / ROUNDS,
           event.size);
    begin_us = clock_process_cpu_us();
    for (int i = 0; i < ROUNDS; i++) {
        ASSERT(order_event_read(event.bytes, event.size, &read, NULL) == RECORD_FAULT_NONE);
    }
    printf("read %.0f ns\n", (double)(clock_process_cpu_us() - begin_us) * 1e3 / ROUNDS);
    return 0;
}
