/* An entry of a sale's outbox: what hiredis makes of the bytes, or (first byte 't') texts between
 * line feeds: the id, then fields and values. The room for its wins is exactly what was asked for;
 * each win that is told makes a record that keeps all bounds. */
#include <stddef.h>
#include <stdint.h>

#include "inventory/outbox_entry.h"
#include "support/resp_feed.h"

enum { RESP_SIZE_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_win(const struct outbox_listed_entry *entry, uint32_t place)
{
    static const struct order_terms terms = {1, 60000, "CNY"};
    const struct outbox_win *win = &entry->wins[place];
    struct order_record record;

    ASSERT(win->epoch == entry->epoch && win->seq == entry->first_seq + place);
    ASSERT(order_no_epoch(win->entry.order_no) == win->epoch);
    ASSERT(order_no_seq(win->entry.order_no) == win->seq);
    ASSERT(win->buyer.size > 0 && win->entry.has_slot);
    order_record_make(&win->entry, &win->buyer, &terms, &win->traceparent, &record);
    /* Of its times the entry alone knows nothing. */
    record.won_at_ms = 1700000000000;
    record.pay_by_ms = record.won_at_ms + terms.pay_window_ms;
    ASSERT(order_record_check(&record) == ERR_OK);
}

static void read_entry(const struct redis_reply *item)
{
    uint32_t room = outbox_entry_win_count(item);
    struct outbox_win *wins = calloc(room > 0 ? room : 1, sizeof *wins);
    struct outbox_listed_entry entry = {.win_count = UINT32_MAX};

    ASSERT(wins);
    if (outbox_entry_parse((struct sale_id){7}, item, wins, &entry) == ERR_OK) {
        ASSERT(entry.win_count == room && room <= OUTBOX_ENTRY_WINS_MAX && entry.wins == wins);
        for (uint32_t i = 0; i < entry.win_count; i++) {
            check_win(&entry, i);
        }
    } else {
        ASSERT(entry.win_count == UINT32_MAX);
    }
    free(wins);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_feed_text texts[RESP_FEED_TEXTS_MAX];
    struct redis_reply *reply;
    struct buf bytes;

    if (size < 1) {
        return 0;
    }
    buf_init(&bytes, RESP_SIZE_MAX);
    if (data[0] == 't') {
        uint32_t count = resp_feed_split((const char *)data + 1, size - 1, texts);

        buf_append_text(&bytes, "*2\r\n");
        resp_feed_head(&bytes, '$', texts[0].size);
        buf_append(&bytes, texts[0].text, texts[0].size);
        buf_append_text(&bytes, "\r\n");
        resp_feed_array(&bytes, texts + 1, count - 1);
    } else {
        buf_append(&bytes, data + 1, size - 1);
    }
    reply =
        bytes.size > 0 && !bytes.failed ? resp_feed_read(bytes.data, bytes.size, data[0]) : NULL;
    if (reply) {
        read_entry(reply);
    }
    redis_reply_free(reply);
    buf_finish(&bytes);
    return 0;
}
