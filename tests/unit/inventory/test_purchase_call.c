#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "inventory/purchase_call.h"
#include "inventory/script.h"

#define ZEROS "00000000000000000000000000000000"
#define ZEROS_23 "00000000000000000000000"
#define KEY "0123456789abcdef0123456789abcdef"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct attempt attempts[3];
static const struct attempt *pointers[3] = {&attempts[0], &attempts[1], &attempts[2]};
static struct purchase_reply reply;

/* Three purchases: with a key, without one, with a key of another sku. */
static struct purchase_call call_of(uint32_t count)
{
    static const char *const buyers[] = {"ann", "bob", "cy,l"};
    static const char *const skus[] = {"a", "a", "b"};

    for (int i = 0; i < 3; i++) {
        attempts[i] = (struct attempt){.sale = {7}, .epoch = 3, .quantity = 1};
        cr_assert_eq(buyer_parse(buyers[i], strlen(buyers[i]), &attempts[i].buyer), ERR_OK);
        cr_assert_eq(sku_parse(skus[i], 1, &attempts[i].sku), ERR_OK);
    }
    attempts[2].quantity = 2;
    cr_assert_eq(key_hash_parse(KEY, 32, &attempts[0].key_hash), ERR_OK);
    cr_assert_eq(key_hash_parse(KEY, 32, &attempts[2].key_hash), ERR_OK);
    cr_assert_eq(traceparent_parse(TRACE, TRACEPARENT_SIZE, &attempts[1].traceparent), ERR_OK);
    return (struct purchase_call){.request_id = 42,
                                  .sale = {7},
                                  .epoch = 3,
                                  .sent_ms = 5000,
                                  .deadline_ms = 6000,
                                  .attempt_count = count,
                                  .attempts = pointers};
}

static enum err decode(const struct purchase_call *call, const char *const *texts, size_t count)
{
    struct purchase_text items[PURCHASE_REPLY_ITEMS + 1];

    for (size_t i = 0; i < count; i++) {
        items[i] = (struct purchase_text){texts[i], texts[i] ? strlen(texts[i]) : 0};
    }
    memset(&reply, 0xee, sizeof reply);
    return purchase_call_decode(call, items, count, &reply);
}

/* Three purchases, a good frame, these results. */
static enum err decode_results(const char *results)
{
    struct purchase_call call = call_of(3);

    return decode(&call,
                  (const char *const[]){"42", "ok", "5001 3 4 open 12 9", "a=5 b=0", results}, 5);
}

Test(purchase_call, of_two_sales, .signal = SIGABRT)
{
    struct purchase_call call = call_of(2);
    uint32_t bulks;
    struct buf out;

    attempts[1].sale.value = 8;
    buf_init(&out, 100000);
    (void)purchase_call_encode(&call, &out, &bulks);
}

Test(purchase_call, that_does_not_fit_fails)
{
    struct purchase_call call = call_of(3);
    uint32_t bulks;
    struct buf out;

    buf_init(&out, 500);
    (void)purchase_call_encode(&call, &out, &bulks);
    cr_assert(out.failed);
    buf_finish(&out);
}

Test(purchase_call, bytes)
{
    static const uint32_t acks[] = {1, 900};
    struct purchase_call call = call_of(2);
    char expected[2048];
    struct buf out;
    uint32_t bulks;
    size_t tail;

    call.acks = acks;
    call.ack_count = 2;
    buf_init(&out, 100000);
    tail = purchase_call_encode(&call, &out, &bulks);
    (void)snprintf(expected, sizeof expected,
                   "*20\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n"
                   "$1\r\n5\r\n$10\r\n{s:7}:meta\r\n$11\r\n{s:7}:stock\r\n$12\r\n{s:7}:buyers\r\n"
                   "$12\r\n{s:7}:outbox\r\n$12\r\n{s:7}:listed\r\n"
                   "$2\r\n42\r\n$1\r\n3\r\n$4\r\n5000\r\n$4\r\n6000\r\n"
                   "$1\r\n2\r\n$3\r\n3-1\r\n$5\r\n3-900\r\n"
                   "$9\r\n\x92\xa3"
                   "ann\xa3"
                   "bob\r\n$5\r\n\x91\xa3"
                   "a,1\r\n$2\r\n!!\r\n"
                   "$64\r\n" KEY ZEROS "\r\n$110\r\n" ZEROS ZEROS_23 TRACE "\r\n",
                   script_get(LUA_SCRIPT_PURCHASE)->sha1);
    cr_assert_str_eq(buf_text(&out), expected);
    cr_assert_eq(bulks, 18);
    cr_assert_eq(strncmp(out.data + tail, "$1\r\n5\r\n", 7), 0);
    buf_finish(&out);
}

Test(purchase_call, poll_has_no_columns)
{
    struct purchase_call call = call_of(0);
    struct buf out;
    uint32_t bulks;

    buf_init(&out, 100000);
    (void)purchase_call_encode(&call, &out, &bulks);
    cr_assert_eq(bulks, 1 + 5 + 5);
    cr_assert_eq(strncmp(buf_text(&out), "*13\r\n", 5), 0);
    cr_assert_str_eq(buf_text(&out) + out.size - 7, "$1\r\n0\r\n");
    buf_finish(&out);
}

Test(purchase_call, longest_of_all_fits_its_room)
{
    static struct attempt different[PURCHASE_CALL_MAX];
    static const struct attempt *many[PURCHASE_CALL_MAX];
    static uint32_t acks[PURCHASE_ACKS_MAX];
    struct purchase_call call = call_of(1);
    struct buf out;
    uint32_t bulks;

    attempts[0].sale.value = call.sale.value = SALE_ID_MAX;
    attempts[0].epoch = call.epoch = EPOCH_MAX;
    memset(attempts[0].buyer.text, 'b', BUYER_SIZE_MAX);
    attempts[0].buyer.size = BUYER_SIZE_MAX;
    memset(attempts[0].sku.text, 's', SKU_SIZE_MAX);
    attempts[0].sku.size = SKU_SIZE_MAX;
    attempts[0].quantity = QUANTITY_MAX;
    attempts[0].traceparent = (struct traceparent){TRACE};
    for (int i = 0; i < PURCHASE_CALL_MAX; i++) {
        different[i] = attempts[0];
        different[i].quantity = (uint32_t)(QUANTITY_MAX - i); /* so many items */
        many[i] = &different[i];
    }
    for (int i = 0; i < PURCHASE_ACKS_MAX; i++) {
        acks[i] = SEQ_MAX;
    }
    call.attempts = many;
    call.attempt_count = PURCHASE_CALL_MAX;
    call.acks = acks;
    call.ack_count = PURCHASE_ACKS_MAX;
    call.request_id = UINT64_MAX;
    call.sent_ms = call.deadline_ms = INT64_MAX;
    buf_init(&out, 65536);
    (void)purchase_call_encode(&call, &out, &bulks);
    cr_assert(!out.failed);
    cr_assert_eq(bulks, 1 + 5 + 5 + 256 + 5);
    buf_finish(&out);
}

Test(purchase_call, reply_of_another_request_is_fenced)
{
    struct purchase_call call = call_of(1);

    cr_assert_eq(decode(&call, (const char *const[]){"41", "gone"}, 2), ERR_FENCED);
    cr_assert_eq(decode(&call, (const char *const[]){"042", "gone"}, 2), ERR_FENCED);
    cr_assert_eq(decode(&call, (const char *const[]){"", "gone"}, 2), ERR_FENCED);
    cr_assert_eq(decode(&call, (const char *const[]){"42", "gone"}, 2), ERR_OK);
    cr_assert_eq(reply.answer, SALE_ANSWER_GONE);
}

Test(purchase_call, frames_that_are_not_of_the_form)
{
    struct purchase_call call = call_of(1);
    static const char *const good[] = {"42", "ok", "5001 3 4 open 12 9", "a=5 b=0", "S", "x"};
    const char *bad[6];

    cr_assert_eq(decode(&call, good, 5), ERR_OK);
    cr_assert_eq(decode(&call, good, 0), ERR_PARSE);
    cr_assert_eq(decode(&call, good, 1), ERR_PARSE);
    cr_assert_eq(decode(&call, good, 2), ERR_PARSE);
    cr_assert_eq(decode(&call, good, 4), ERR_PARSE);
    cr_assert_eq(decode(&call, good, 6), ERR_PARSE);
    for (size_t i = 0; i < 5; i++) {
        memcpy(bad, good, sizeof bad);
        bad[i] = NULL;
        cr_assert_eq(decode(&call, bad, 5), ERR_PARSE, "item %zu is no text", i);
    }
    memcpy(bad, good, sizeof bad);
    bad[1] = "frozen"; /* a status, but not of this script */
    cr_assert_eq(decode(&call, bad, 2), ERR_PARSE);
    bad[1] = "Ok";
    cr_assert_eq(decode(&call, bad, 5), ERR_PARSE);
    bad[1] = "gone";
    cr_assert_eq(decode(&call, bad, 5), ERR_PARSE);
    bad[1] = "ok";
    bad[2] = "5001 4 4 open 12 9"; /* another epoch than the call's */
    cr_assert_eq(decode(&call, bad, 5), ERR_PARSE);
    bad[2] = good[2];
    bad[3] = "a=5 b";
    cr_assert_eq(decode(&call, bad, 5), ERR_PARSE);
}

Test(purchase_call, other_epochs)
{
    struct purchase_call call = call_of(1);

    cr_assert_eq(decode(&call, (const char *const[]){"42", "epoch", "9"}, 3), ERR_OK);
    cr_assert(reply.answer == SALE_ANSWER_EPOCH && reply.meta_epoch == 9);
    cr_assert_eq(decode(&call, (const char *const[]){"42", "epoch", "3"}, 3), ERR_PARSE);
    cr_assert_eq(decode(&call, (const char *const[]){"42", "epoch", "x"}, 3), ERR_PARSE);
    cr_assert_eq(decode(&call, (const char *const[]){"42", "epoch"}, 2), ERR_PARSE);
    cr_assert_eq(decode(&call, (const char *const[]){"42", "epoch", "99999"}, 3), ERR_OK);
    cr_assert_eq(reply.answer, SALE_ANSWER_TYPE, "meta holds garbage");
}

Test(purchase_call, late_decides_nothing)
{
    struct purchase_call call = call_of(1);
    const char *texts[] = {"42", "late", "5001 3 4 open 12 9", "a=5", ""};

    cr_assert_eq(decode(&call, texts, 5), ERR_OK);
    cr_assert(reply.answer == SALE_ANSWER_LATE && reply.result_count == 0);
    cr_assert(reply.head.redis_time_ms == 5001 && reply.sku_count == 1);
    texts[4] = "S";
    cr_assert_eq(decode(&call, texts, 5), ERR_PARSE);
    texts[4] = "";
    call.attempt_count = 0;
    cr_assert_eq(decode(&call, texts, 5), ERR_PARSE, "a poll is never late");
    texts[1] = "ok";
    cr_assert_eq(decode(&call, texts, 5), ERR_OK);
}

Test(purchase_call, results_that_are_not_of_the_form)
{
    static const char *const bad[] = {
        "",
        "S S",
        "S S S S",
        "S  S S",
        " S S S",
        "S S S ",
        "S S Y",
        "S S s",
        "S S SS",
        "S S",
        /* Wins: slots. */
        "W S S",
        "W, S S",
        "Wx S S",
        "W1000 S S",
        "W00 S S",
        "W0,0 S S",
        "W-1 S S",
        "W18446744073709551616 S S",
        /* Limits. */
        "L3 S S",
        "L3-0 S S",
        "L16384-1 S S",
        "L3-1, S S",
        /* Replays: of this key, sku, quantity and epoch only. */
        "R S S",
        "R" KEY ",3-9,a,1,0,N S S",
        "R" KEY ",3-9,b,1,0,N,5 S S",
        "R" KEY ",3-9,a,2,0,N,5 S S",
        "R" KEY ",3-13,a,1,0,N,5 S S",
        "R" KEY ",4-1,a,1,0,N,5 S S",
        "R1123456789abcdef0123456789abcdef,3-9,a,1,0,N,5 S S",
        "R,3-9,a,1,0,N,5 S S",
        "S R" KEY ",3-9,a,1,0,N,5 S",
        "S R,3-9,a,1,0,N,5 S",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(decode_results(bad[i]), ERR_PARSE, "%s", bad[i]);
    }
}

Test(purchase_call, every_letter)
{
    static const struct {
        const char *results;
        enum decision decisions[3];
    } rows[] = {
        {"S N U", {DECISION_SOLD_OUT, DECISION_NOT_OPEN, DECISION_PAUSED}},
        {"E X Z", {DECISION_ENDED, DECISION_NOT_ELIGIBLE, DECISION_UNKNOWN_SKU}},
        {"B F K", {DECISION_REBUILDING, DECISION_BROKEN, DECISION_KEY_REUSED}},
    };

    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(decode_results(rows[i].results), ERR_OK);
        for (size_t j = 0; j < 3; j++) {
            cr_assert_eq(reply.results[j].decision, rows[i].decisions[j]);
            cr_assert(!reply.results[j].has_win);
        }
    }
}

Test(purchase_call, wins)
{
    const struct order_entry *entry;

    cr_assert_eq(decode_results("W0 S W999"), ERR_OK);
    cr_assert(reply.win_count == 2 && reply.first_win == 11 && reply.result_count == 3);
    cr_assert(reply.results[0].decision == DECISION_WON && reply.results[0].has_win);
    entry = &reply.results[2].win.entry;
    cr_assert_eq(order_no_seq(entry->order_no), 12);
    cr_assert_eq(order_no_epoch(entry->order_no), 3);
    cr_assert_eq(order_no_sale(entry->order_no).value, 7);
    cr_assert(entry->slot == 999 && entry->has_slot && entry->quantity == 2);
    cr_assert_eq(entry->won_at_ms, 5001);
    cr_assert_eq(entry->state, ORDER_STATE_PENDING);
    cr_assert_str_eq(entry->key_hash.hex, KEY);
    cr_assert_str_eq(entry->sku.text, "b");
    cr_assert_eq(reply.results[2].win.outbox_handle, 0);
    cr_assert(!reply.results[2].win.may_be_unlogged);
}

Test(purchase_call, more_wins_than_seqs)
{
    struct purchase_call call = call_of(3);
    const char *texts[] = {"42", "ok", "5001 3 4 open 2 1", "a=5", "W0 W0 W0"};

    cr_assert_eq(decode(&call, texts, 5), ERR_PARSE);
    texts[4] = "W0 W0 S";
    cr_assert_eq(decode(&call, texts, 5), ERR_OK);
    cr_assert(reply.first_win == 1 && reply.win_count == 2);
    texts[4] = "S S S";
    cr_assert_eq(decode(&call, texts, 5), ERR_OK);
    cr_assert(reply.first_win == 0 && reply.win_count == 0);
}

Test(purchase_call, replays_at_or_after_the_first_outbox_entry_may_not_be_logged)
{
    cr_assert_eq(decode_results("R" KEY ",3-8,a,1,0,P,5 S R" KEY ",3-9,b,2,,C,6"), ERR_OK);
    cr_assert_eq(reply.results[0].decision, DECISION_REPLAYED);
    cr_assert(!reply.results[0].win.may_be_unlogged);
    cr_assert_eq(reply.results[0].win.entry.state, ORDER_STATE_PAID);
    cr_assert(reply.results[2].win.may_be_unlogged);
    cr_assert(!reply.results[2].win.entry.has_slot);
    /* Of an older epoch: it was cut from a log that held it. */
    cr_assert_eq(decode_results("R" KEY ",2-50,a,1,0,N,5 S S"), ERR_OK);
    cr_assert(!reply.results[0].win.may_be_unlogged);
}

Test(purchase_call, limits)
{
    cr_assert_eq(decode_results("L L3-4 L2-9"), ERR_OK);
    cr_assert(reply.results[0].decision == DECISION_LIMIT && reply.results[0].has_win);
    cr_assert_eq(reply.results[0].win.entry.order_no.value, 0);
    cr_assert_eq(order_no_seq(reply.results[1].win.entry.order_no), 4);
    cr_assert_eq(order_no_epoch(reply.results[2].win.entry.order_no), 2);
}

Test(purchase_call, views)
{
    struct purchase_call call = call_of(3);
    struct sale_view view = {.sent_us = 77};

    cr_assert_eq(decode_results("S S S"), ERR_OK);
    purchase_call_view(&call, &reply, &view);
    cr_assert(view.status == SALE_VIEW_OK && view.epoch == 3 && view.version == 4);
    cr_assert(view.sku_count == 2 && view.skus[0].left == 5 && view.skus[1].left == 0);
    cr_assert(view.seq == 12 && view.outbox_first == 9 && view.sent_us == 77);
    cr_assert_eq(decode(&call, (const char *const[]){"42", "epoch", "9"}, 3), ERR_OK);
    purchase_call_view(&call, &reply, &view);
    cr_assert(view.status == SALE_VIEW_EPOCH && view.epoch == 9 && view.sku_count == 0);
    cr_assert_eq(decode(&call, (const char *const[]){"42", "replid"}, 2), ERR_OK);
    purchase_call_view(&call, &reply, &view);
    cr_assert(view.status == SALE_VIEW_REBUILDING && view.epoch == 3);
}
