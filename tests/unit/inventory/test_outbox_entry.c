#include "resp.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "inventory/outbox_entry.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define ZEROS "00000000000000000000000000000000"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
static const struct sale_id SALE = {7};
static struct outbox_win wins[OUTBOX_ENTRY_WINS_MAX];

/* An entry as texts: its id, then fields and values. */
struct texts {
    const char *id;
    const char *fields[16];
    int count;
};

/* Three purchases; the first and the last won. */
static struct texts good_texts(void)
{
    return (struct texts){.id = "3-9",
                          .fields = {"2", "1700000000123", "results", "W0 S W1", "buyers",
                                     "\x93\xa3"
                                     "ann\xa3"
                                     "bob\xa6"
                                     "a,b;c,",
                                     "items",
                                     "\x92\xa3"
                                     "a,1\xa3"
                                     "b,2",
                                     "choices", "!!\"", "keys", ZEROS ZEROS KEY, "traces", ""},
                          .count = 14};
}

static enum err entry_of(const struct texts *texts, struct outbox_listed_entry *entry)
{
    char bytes[2048];
    struct redis_reply *reply;
    enum err err;
    int at = snprintf(bytes, sizeof bytes, "*2\r\n$%zu\r\n%s\r\n*%d\r\n", strlen(texts->id),
                      texts->id, texts->count);

    for (int i = 0; i < texts->count; i++) {
        at += snprintf(bytes + at, sizeof bytes - (size_t)at, "$%zu\r\n%s\r\n",
                       strlen(texts->fields[i]), texts->fields[i]);
    }
    reply = resp(bytes);
    err = outbox_entry_parse(SALE, reply, wins, entry);
    cr_assert(err != ERR_OK || entry->win_count == outbox_entry_win_count(reply));
    redis_reply_free(reply);
    return err;
}

Test(outbox_entry, tells_the_wins_of_a_call)
{
    struct texts texts = good_texts();
    struct outbox_listed_entry entry;

    cr_assert_eq(entry_of(&texts, &entry), ERR_OK);
    cr_assert(entry.epoch == 3 && entry.first_seq == 9 && entry.win_count == 2);
    cr_assert_eq(entry.wins, wins);
    cr_assert_str_eq(wins[0].buyer.text, "ann");
    cr_assert_str_eq(wins[0].entry.key_hash.hex, "");
    cr_assert(wins[0].seq == 9 && wins[0].epoch == 3 && wins[0].entry.quantity == 1);
    cr_assert_str_eq(wins[1].buyer.text, "a,b;c,");
    cr_assert_str_eq(wins[1].entry.key_hash.hex, KEY);
    cr_assert_str_eq(wins[1].entry.sku.text, "b");
    cr_assert_str_eq(wins[1].traceparent.text, "");
    cr_assert(wins[1].seq == 10 && wins[1].entry.quantity == 2 && wins[1].entry.has_slot);
    cr_assert(wins[1].entry.slot == 1 && wins[1].entry.state == ORDER_STATE_PENDING);
    cr_assert_eq(wins[1].entry.won_at_ms, 1700000000123);
    cr_assert_eq(order_no_seq(wins[1].entry.order_no), 10);
    cr_assert_eq(order_no_epoch(wins[1].entry.order_no), 3);
    texts.fields[13] = TRACE TRACE TRACE;
    cr_assert_eq(entry_of(&texts, &entry), ERR_OK);
    cr_assert_str_eq(wins[1].traceparent.text, TRACE);
}

Test(outbox_entry, that_is_not_of_the_form)
{
    static const struct {
        int field;
        const char *text;
    } bad[] = {
        {0, "1"},
        {0, "3"},
        {1, ""},
        {1, "x"},
        {1, "05"},
        {1, "5 "},
        {2, "result"},
        {3, ""},
        {3, "S S S"},
        {3, "W0 S"},
        {3, "W0 S W1 S"},
        {3, "W0  W1"},
        {3, "W S S"},
        {3, "W1000 S S"},
        {3, "W0, S S"},
        {3, "W0 S W1 "},
        {3, " W0 S"},
        {4, "buyer"},
        {5, ""},
        {5, "\x92\xa3"
            "ann\xa3"
            "bob"},
        {7, "\x91\xa3"
            "a,1"},
        {9, "!!"},
        {9, "!!#"},
        {11, KEY},
        {13, TRACE},
        {12, "trace"},
    };
    static const char *const ids[] = {"9",     "0-9",  "3-0",     "3-",
                                      "3-9-1", "03-9", "16384-1", "3-67108864"};
    struct outbox_listed_entry entry;
    struct texts texts;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        texts = good_texts();
        texts.fields[bad[i].field] = bad[i].text;
        cr_assert_eq(entry_of(&texts, &entry), ERR_PARSE, "number %zu", i);
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        texts = good_texts();
        texts.id = ids[i];
        cr_assert_eq(entry_of(&texts, &entry), ERR_PARSE, "%s", ids[i]);
    }
    texts = good_texts();
    texts.count = 12;
    cr_assert_eq(entry_of(&texts, &entry), ERR_PARSE);
    texts.count = 16;
    texts.fields[14] = texts.fields[15] = "more";
    cr_assert_eq(entry_of(&texts, &entry), ERR_PARSE);
    texts = good_texts();
    texts.id = "3-67108863"; /* its second win has no seq */
    cr_assert_eq(entry_of(&texts, &entry), ERR_PARSE);
}

Test(outbox_entry, replies_that_are_no_entries)
{
    static const char *const bad[] = {"*1\r\n$3\r\n3-9\r\n", "$3\r\n3-9\r\n",
                                      "*2\r\n$3\r\n3-9\r\n$3\r\n3-9\r\n",
                                      "*2\r\n$3\r\n3-9\r\n*0\r\n", "*2\r\n:3\r\n*0\r\n"};
    struct outbox_listed_entry entry;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct redis_reply *reply = resp(bad[i]);

        cr_assert_eq(outbox_entry_parse(SALE, reply, wins, &entry), ERR_PARSE);
        cr_assert_eq(outbox_entry_win_count(reply), 0);
        redis_reply_free(reply);
    }
}
