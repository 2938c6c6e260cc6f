#include "resp.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/outbox_entry.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
static const struct sale_id SALE = {7};

static enum err win_of(const char *field, const char *value, struct outbox_win *win)
{
    return outbox_win_parse(SALE, 3, field, strlen(field), value, strlen(value), win);
}

Test(outbox_entry, wins_that_are_not_of_the_form)
{
    static const char *const bad[] = {
        "",
        "2," KEY ",a,1,0,5,,buyer",
        "1," KEY ",a,1,0,5,,",
        "1," KEY ",a,1,0,5,buyer",
        "1," KEY ",a,1,0,5,trace,buyer",
        "1," KEY ",a,1,,5,,buyer",
        "1," KEY ",a,0,0,5,,buyer",
        "1," KEY ",a,1,0,x,,buyer",
        "1,xx,a,1,0,5,,buyer",
        "1," KEY ",a,1,0,5,,buy er",
        "1," KEY ",a,1,0,5,,bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    };
    struct outbox_win win;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(win_of("9", bad[i], &win), ERR_PARSE, "%s", bad[i]);
    }
    cr_assert_eq(win_of("0", "1,,a,1,0,5,,buyer", &win), ERR_PARSE);
    cr_assert_eq(win_of("09", "1,,a,1,0,5,,buyer", &win), ERR_PARSE);
    cr_assert_eq(win_of("67108864", "1,,a,1,0,5,,buyer", &win), ERR_PARSE);
}

Test(outbox_entry, buyer_is_the_rest_and_may_hold_commas)
{
    struct outbox_win win;

    cr_assert_eq(win_of("9", "1," KEY ",a,2,1,1700000000123," TRACE ",a,b;c,", &win), ERR_OK);
    cr_assert_str_eq(win.buyer.text, "a,b;c,");
    cr_assert_str_eq(win.traceparent.text, TRACE);
    cr_assert_str_eq(win.entry.key_hash.hex, KEY);
    cr_assert(win.seq == 9 && win.epoch == 3 && win.entry.quantity == 2);
    cr_assert(win.entry.has_slot && win.entry.slot == 1);
    cr_assert_eq(win.entry.won_at_ms, 1700000000123);
    cr_assert_eq(win.entry.state, ORDER_STATE_PENDING);
    cr_assert_eq(order_no_seq(win.entry.order_no), 9);
}

static enum err entry_of(const char *bytes, struct outbox_listed_entry *entry)
{
    static struct outbox_win wins[OUTBOX_ENTRY_WINS_MAX];
    struct redis_reply *reply = resp(bytes);
    enum err err = outbox_entry_parse(SALE, reply, wins, entry);

    redis_reply_free(reply);
    return err;
}

Test(outbox_entry, entries)
{
    struct outbox_listed_entry entry;

    cr_assert_eq(entry_of("*2\r\n$3\r\n3-9\r\n*4\r\n$1\r\n9\r\n$17\r\n1,,a,1,0,5,,buyer\r\n"
                          "$2\r\n10\r\n$17\r\n1,,a,1,0,5,,other\r\n",
                          &entry),
                 ERR_OK);
    cr_assert(entry.epoch == 3 && entry.first_seq == 9 && entry.win_count == 2);
    cr_assert_eq(entry.wins[1].seq, 10);
    cr_assert_str_eq(entry.wins[1].buyer.text, "other");
    /* Seqs that are not consecutive, or do not begin at the id. */
    cr_assert_eq(entry_of("*2\r\n$3\r\n3-9\r\n*4\r\n$1\r\n9\r\n$17\r\n1,,a,1,0,5,,buyer\r\n"
                          "$2\r\n11\r\n$17\r\n1,,a,1,0,5,,other\r\n",
                          &entry),
                 ERR_PARSE);
    cr_assert_eq(
        entry_of("*2\r\n$3\r\n3-8\r\n*2\r\n$1\r\n9\r\n$17\r\n1,,a,1,0,5,,buyer\r\n", &entry),
        ERR_PARSE);
    cr_assert_eq(entry_of("*2\r\n$3\r\n3-9\r\n*1\r\n$1\r\n9\r\n", &entry), ERR_PARSE);
    cr_assert_eq(entry_of("*2\r\n$3\r\n3-9\r\n*0\r\n", &entry), ERR_PARSE);
    cr_assert_eq(
        entry_of("*2\r\n$3\r\n0-9\r\n*2\r\n$1\r\n9\r\n$17\r\n1,,a,1,0,5,,buyer\r\n", &entry),
        ERR_PARSE);
    cr_assert_eq(entry_of("*2\r\n$1\r\n9\r\n*2\r\n$1\r\n9\r\n$17\r\n1,,a,1,0,5,,buyer\r\n", &entry),
                 ERR_PARSE);
    cr_assert_eq(entry_of("*1\r\n$3\r\n3-9\r\n", &entry), ERR_PARSE);
    cr_assert_eq(entry_of("$3\r\n3-9\r\n", &entry), ERR_PARSE);
    cr_assert_eq(entry_of("*2\r\n$3\r\n3-9\r\n$3\r\n3-9\r\n", &entry), ERR_PARSE);
}
