#include "settlement/settle_dead.h"

#include "ledger/offset_store.h"

enum err settle_dead_put_in(struct mysql_link *link, const struct offset_claim *claim,
                            const struct settle_item *item, struct order_no order_no,
                            enum dead_reason reason, struct settle_stats *stats)
{
    const struct dead_letter letter = {
        .topic = claim->topic,
        .part = claim->part,
        .offset = item->offset,
        .sale = order_no_sale(order_no),
        .order_no = order_no,
        .reason = reason,
        .payload = item->payload,
        .payload_size = item->payload_size,
    };

    stats->dead[reason]++;
    return dead_store_put_in(link, &letter);
}
