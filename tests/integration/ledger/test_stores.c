#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/guard_store.h"
#include "ledger/offset_store.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_store.h"

static void begin(struct mysql_link *link)
{
    cr_assert(mysql_link_ensure(link) == ERR_OK && mysql_link_begin(link) == ERR_OK);
}

/* --- offsets --- */

Test(offset_store, a_former_owner_writes_nothing)
{
    struct mysql_link *one = fixture_link();
    struct mysql_link *two = fixture_link();
    struct offset_claim first, second;

    cr_assert(offset_store_claim(one, fixture_topic(), 3, "one", &first) == ERR_OK);
    cr_assert(offset_store_claim(two, fixture_topic(), 3, "two", &second) == ERR_OK);
    cr_assert(first.next == 0 && second.next == 0);
    cr_assert(second.owner_epoch == first.owner_epoch + 1);
    begin(one);
    cr_assert(offset_store_advance_in(one, &first, 0, 5) == ERR_FENCED);
    mysql_link_rollback(one);
    begin(two);
    cr_assert(offset_store_advance_in(two, &second, 0, 7) == ERR_OK);
    cr_assert(mysql_link_commit(two) == ERR_OK);
    mysql_link_destroy(one);
    mysql_link_destroy(two);
}

Test(offset_store, a_step_from_another_place_is_refused)
{
    struct mysql_link *link = fixture_link();
    struct offset_claim claim;
    struct offset_row row;

    cr_assert(offset_store_read(link, fixture_topic(), 0, &row) == ERR_NOT_FOUND);
    cr_assert(offset_store_claim(link, fixture_topic(), 0, "one", &claim) == ERR_OK);
    begin(link);
    cr_assert(offset_store_advance_in(link, &claim, 1, 2) == ERR_FENCED);
    cr_assert(offset_store_advance_in(link, &claim, 0, 9) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(offset_store_read(link, fixture_topic(), 0, &row) == ERR_OK);
    cr_assert(row.next == 9 && row.owner_epoch == claim.owner_epoch && row.changed_ms > 0);
    mysql_link_destroy(link);
}

static enum err sum_next(void *arg, const struct offset_row *row)
{
    uint64_t *sum = arg;

    *sum = *sum * 100 + row->part * 10 + row->next;
    return ERR_OK;
}

Test(offset_store, lists_a_topic_by_partition)
{
    struct mysql_link *link = fixture_link();
    struct offset_claim claim;
    uint64_t sum = 0;

    cr_assert(offset_store_claim(link, fixture_topic(), 2, "one", &claim) == ERR_OK);
    cr_assert(offset_store_claim(link, fixture_topic(), 1, "one", &claim) == ERR_OK);
    begin(link);
    cr_assert(offset_store_advance_in(link, &claim, 0, 4) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(offset_store_list(link, fixture_topic(), sum_next, &sum) == ERR_OK);
    cr_assert(sum == 1420);
    mysql_link_destroy(link);
}

/* --- sales --- */

Test(sale_store, a_number_is_given_once)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_row row;
    struct sale_id again;

    cr_assert(sale_store_read(link, sale, &row) == ERR_OK);
    cr_assert(sale_store_create(link, &row.definition, &fixture_actor, &again) == ERR_CONFLICT);
    row.definition.limit = 0;
    cr_assert(sale_store_create(link, &row.definition, &fixture_actor, &again) == ERR_RANGE);
    mysql_link_destroy(link);
}

Test(sale_store, reads_what_was_created)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 3);
    struct sale_row row;

    cr_assert(sale_store_read(link, (struct sale_id){SALE_ID_MAX}, &row) == ERR_NOT_FOUND);
    cr_assert(sale_store_read(link, sale, &row) == ERR_OK);
    cr_assert(row.definition.sale.value == sale.value && row.definition.epoch == 0);
    cr_assert(strcmp(row.definition.name, "a sale") == 0);
    cr_assert(strcmp(row.definition.currency, "CNY") == 0);
    cr_assert(row.definition.opens_ms == 1000 && row.definition.closes_ms == 4000000000000);
    cr_assert(row.definition.limit == 3 && !row.definition.listed);
    cr_assert(row.definition.pay_window_ms == 900000 && row.definition.sku_count == 2);
    cr_assert(strcmp(row.definition.skus[1].sku.text, "b") == 0);
    cr_assert(row.definition.skus[1].price == 250 && row.definition.skus[1].total == 10);
    cr_assert(row.sold[0] == 0 && row.control == SALE_CONTROL_OPEN && row.created_ms > 0);
    cr_assert(VALUE(link, "SELECT CAST(SUM(delta) AS UNSIGNED) FROM stock_ledger WHERE sale = ?",
                    sale.value)
              == 20);
    mysql_link_destroy(link);
}

/* --- control --- */

Test(sale_change, what_is_not_allowed_changes_nothing)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_row row;
    bool changed = true;

    cr_assert(sale_store_control(link, (struct sale_id){SALE_ID_MAX}, SALE_VERB_PAUSE,
                                 &fixture_actor, NULL, NULL)
              == ERR_NOT_FOUND);
    cr_assert(sale_store_control(link, sale, SALE_VERB_UNFREEZE, &fixture_actor, NULL, NULL)
              == ERR_CONFLICT);
    cr_assert(sale_store_control(link, sale, SALE_VERB_RESUME, &fixture_actor, &row, &changed)
              == ERR_OK);
    cr_assert(!changed && row.version == 1 && row.control == SALE_CONTROL_OPEN);
    cr_assert(VALUE(link, COUNT "admin_log WHERE sale = ? AND action <> 'create'", sale.value)
              == 0);
    mysql_link_destroy(link);
}

Test(sale_change, control_goes_with_its_outbox_and_admin_rows)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct outbox_row rows[4];
    struct sale_row row;
    size_t count = 0;
    bool changed = false;

    cr_assert(sale_store_control(link, sale, SALE_VERB_PAUSE, &fixture_actor, NULL, NULL)
              == ERR_OK);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 0, "never loaded: nobody to tell");
    cr_assert(fixture_load(link, sale) == 1);
    cr_assert(sale_store_control(link, sale, SALE_VERB_RESUME, &fixture_actor, &row, &changed)
              == ERR_OK);
    cr_assert(changed && row.control == SALE_CONTROL_OPEN && row.version == 3);
    cr_assert(sale_store_control(link, sale, SALE_VERB_END, &fixture_actor, &row, &changed)
              == ERR_OK);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 2 && rows[0].kind == OUTBOX_STATE && rows[0].epoch == 1);
    cr_assert(strcmp(rows[0].verb, "resume") == 0 && strcmp(rows[1].verb, "end") == 0);
    cr_assert(VALUE(link,
                    COUNT "admin_log WHERE sale = ? AND actor = 'test' AND "
                          "request_id = 'request-1'",
                    sale.value)
              == 4);
    mysql_link_destroy(link);
}

Test(sale_change, a_repeated_pause_or_resume_is_told_again)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    static const enum sale_verb verbs[] = {SALE_VERB_RESUME, SALE_VERB_PAUSE, SALE_VERB_PAUSE};
    struct outbox_row rows[4];
    struct sale_row row;
    size_t count = 0;
    bool changed = false;

    cr_assert(fixture_load(link, sale) == 1);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(sale_store_control(link, sale, verbs[i], &fixture_actor, &row, &changed)
                  == ERR_OK);
        cr_assert(changed == (i == 1) && row.version == (i == 0 ? 1 : 2));
    }
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK && count == 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(strcmp(rows[i].verb, sale_verb_name(verbs[i])) == 0 && rows[i].epoch == 1);
    }
    cr_assert(VALUE(link, COUNT "admin_log WHERE sale = ? AND action <> 'create'", sale.value)
              == 1);
    mysql_link_destroy(link);
}

/* --- stock --- */

static struct stock_addition addition(struct sale_id sale, uint32_t units, const char *ref)
{
    return (struct stock_addition){.sale = sale, .sku = {1, "a"}, .units = units, .ref = ref};
}

Test(sale_change, an_addition_is_refused_for_what_is_not_there_or_ended)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct stock_addition add = addition(sale, 5, "r");
    struct stock_added added;

    add.sku.text[0] = 'z';
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &added) == ERR_NOT_FOUND);
    add = addition(sale, 0, "r");
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &added) == ERR_RANGE);
    add = addition(sale, 5, "two words");
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &added) == ERR_RANGE);
    add = addition(sale, SEQ_MAX, "r");
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &added) == ERR_RANGE);
    cr_assert(sale_store_control(link, sale, SALE_VERB_END, &fixture_actor, NULL, NULL) == ERR_OK);
    add = addition(sale, 5, "r");
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &added) == ERR_CLOSED);
    cr_assert(VALUE(link, "SELECT total FROM sale_skus WHERE sale = ? AND sku = 'a'", sale.value)
              == 10);
    mysql_link_destroy(link);
}

Test(sale_change, one_ref_adds_once)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct stock_addition add = addition(sale, 5, "delivery-1");
    struct outbox_row rows[4];
    struct stock_added first, second;
    size_t count = 0;

    cr_assert(fixture_load(link, sale) == 1);
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &first) == ERR_OK);
    cr_assert(first.total == 15 && !first.repeated && first.ledger_id > 0);
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &second) == ERR_OK);
    cr_assert(second.total == 15 && second.repeated && second.ledger_id == first.ledger_id);
    add.units = 6;
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &second) == ERR_CONFLICT);
    add.units = 5;
    add.sku.text[0] = 'b';
    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &second) == ERR_CONFLICT);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 1 && rows[0].kind == OUTBOX_UNITS && rows[0].units == 5);
    cr_assert(rows[0].ledger_id == first.ledger_id && rows[0].epoch == 1);
    cr_assert(strcmp(rows[0].sku.text, "a") == 0);
    mysql_link_destroy(link);
}

Test(sale_change, units_before_the_first_load_are_not_told)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct stock_addition add = addition(sale, 5, "early");
    struct stock_added added;
    uint64_t pending = 1;

    cr_assert(sale_store_add_stock(link, &add, &fixture_actor, &added) == ERR_OK);
    cr_assert(outbox_store_pending_count(link, sale, &pending) == ERR_OK);
    cr_assert(pending == 0);
    mysql_link_destroy(link);
}

/* --- epoch --- */

Test(sale_change, a_raised_epoch_tells_stock_and_control)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct guard_claim claim;
    struct sale_row row;
    char text[96];

    snprintf(text, sizeof text, "UPDATE sale_skus SET sold = 4 WHERE sale = %u AND sku = 'b'",
             sale.value);
    fixture_run(link, text);
    cr_assert(sale_store_control(link, sale, SALE_VERB_PAUSE, &fixture_actor, NULL, NULL)
              == ERR_OK);
    cr_assert(guard_store_claim(link, sale, "one", 0, &claim) == ERR_OK);
    cr_assert(sale_store_raise_epoch(link, &claim, 0, &row) == ERR_OK);
    cr_assert(row.definition.epoch == 1 && row.control == SALE_CONTROL_PAUSED);
    cr_assert(row.sold[0] == 0 && row.sold[1] == 4 && row.definition.skus[1].total == 10);
    cr_assert(sale_store_raise_epoch(link, &claim, 7, &row) == ERR_OK);
    cr_assert(row.definition.epoch == 8, "above what Redis was found to run on");
    cr_assert(VALUE(link, COUNT "sale_skus WHERE sale = ? AND epoch = 8", sale.value) == 2);
    cr_assert(sale_store_raise_epoch(link, &claim, EPOCH_MAX, &row) == ERR_RANGE);
    mysql_link_destroy(link);
}

Test(sale_change, a_load_ends_by_asking_to_open_unless_the_operator_paused)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct guard_claim claim;
    struct outbox_row rows[4];
    struct sale_row row;
    size_t count = 0;

    cr_assert(guard_store_claim(link, sale, "one", 0, &claim) == ERR_OK);
    cr_assert(sale_store_raise_epoch(link, &claim, 0, &row) == ERR_OK);
    cr_assert(sale_store_request_open(link, &claim, 2) == ERR_FENCED, "another epoch's load");
    cr_assert(sale_store_request_open(link, &claim, 1) == ERR_OK);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 1 && strcmp(rows[0].verb, "open") == 0 && rows[0].epoch == 1);
    cr_assert(sale_store_control(link, sale, SALE_VERB_PAUSE, &fixture_actor, NULL, NULL)
              == ERR_OK);
    cr_assert(sale_store_request_open(link, &claim, 1) == ERR_OK);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 2 && strcmp(rows[1].verb, "pause") == 0);
    mysql_link_destroy(link);
}

/* --- outbox and dead letters --- */

static bool contains(const struct sale_id *sales, size_t count, struct sale_id sale)
{
    for (size_t i = 0; i < count; i++) {
        if (sales[i].value == sale.value) {
            return true;
        }
    }
    return false;
}

Test(outbox_store, rows_wait_until_they_are_confirmed)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct outbox_row row = {.sale = sale,
                             .kind = OUTBOX_LETTER,
                             .letter = 'V',
                             .order_no = fixture_order_no(sale, 1, 5),
                             .buyer = {3, "ann"}};
    struct outbox_row rows[4];
    struct sale_id sales[64], before = {sale.value - 1};
    uint64_t ids[3], pending = 0;
    size_t count = 0;

    begin(link);
    for (int i = 0; i < 3; i++) {
        cr_assert(outbox_store_put_in(link, &row) == ERR_OK);
    }
    row.kind = OUTBOX_EVENT;
    cr_assert(outbox_store_put_in(link, &row) == ERR_OK, "not for Redis");
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(outbox_store_pending_sales(link, before, sales, 64, &count) == ERR_OK);
    cr_assert(contains(sales, count, sale));
    cr_assert(outbox_store_pending_sales(link, sale, sales, 64, &count) == ERR_OK);
    cr_assert(!contains(sales, count, sale), "above it only");
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 3 && rows[0].letter == 'V' && strcmp(rows[0].buyer.text, "ann") == 0);
    cr_assert(rows[0].order_no.value == row.order_no.value && rows[0].id < rows[1].id);
    for (size_t i = 0; i < 3; i++) {
        ids[i] = rows[i].id;
    }
    cr_assert(outbox_store_pending_count(link, sale, &pending) == ERR_OK && pending == 3);
    cr_assert(outbox_store_confirm(link, ids, 3) == ERR_OK);
    cr_assert(outbox_store_confirm(link, ids, 3) == ERR_OK);
    cr_assert(outbox_store_pending_count(link, sale, &pending) == ERR_OK && pending == 0);
    cr_assert(outbox_store_pending_sales(link, before, sales, 64, &count) == ERR_OK);
    cr_assert(!contains(sales, count, sale));
    mysql_link_destroy(link);
}

static uint64_t rows_of(struct mysql_link *link, struct sale_id sale)
{
    return VALUE(link, COUNT "outbox WHERE sale = ?", sale.value);
}

Test(outbox_store, no_freeze_and_no_letter_waits_behind_units)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct outbox_row row = {.sale = sale, .kind = OUTBOX_UNITS, .sku = {1, "a"}, .units = 1};
    struct outbox_row rows[4];
    size_t count = 0;

    begin(link);
    for (int i = 0; i < 6; i++) {
        cr_assert(outbox_store_put_in(link, &row) == ERR_OK);
    }
    row = (struct outbox_row){.sale = sale, .kind = OUTBOX_LETTER, .letter = 'C'};
    cr_assert(outbox_store_put_in(link, &row) == ERR_OK);
    row = (struct outbox_row){.sale = sale, .kind = OUTBOX_STATE, .verb = "freeze"};
    cr_assert(outbox_store_put_in(link, &row) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK && count == 4);
    cr_assert(rows[0].kind == OUTBOX_STATE && rows[1].kind == OUTBOX_LETTER);
    cr_assert(rows[2].kind == OUTBOX_UNITS && rows[2].id < rows[3].id);
    mysql_link_destroy(link);
}

Test(outbox_store, what_was_confirmed_long_ago_is_forgotten_and_nothing_else)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct outbox_row row = {.sale = sale, .kind = OUTBOX_LETTER, .letter = 'V'};
    uint64_t count = 0;
    char text[400];

    begin(link);
    for (int i = 0; i < 6; i++) {
        row.kind = i % 2 == 0 ? OUTBOX_LETTER : OUTBOX_EVENT;
        cr_assert(outbox_store_put_in(link, &row) == ERR_OK);
    }
    cr_assert(mysql_link_commit(link) == ERR_OK);
    /* 0, 1: long ago; 2, 3: a day ago; 4, 5: not confirmed */
    snprintf(text, sizeof text,
             "UPDATE outbox o JOIN (SELECT MIN(id) AS first FROM outbox WHERE sale = %u) f SET "
             "created = 1, confirmed = CASE WHEN id - first < 2 THEN 1000 WHEN id - first < 4 THEN "
             "UNIX_TIMESTAMP() * 1000 - 86400000 ELSE NULL END WHERE o.sale = %u",
             sale.value, sale.value);
    fixture_run(link, text);
    cr_assert(outbox_store_forget(link, 2, 1000, &count) == ERR_OK);
    cr_assert(count >= 2 && rows_of(link, sale) == 4);
    cr_assert(outbox_store_forget(link, 2, 1000, &count) == ERR_OK && count == 0);
    cr_assert(VALUE(link, COUNT "outbox WHERE sale = ? AND confirmed IS NULL", sale.value) == 2);
    mysql_link_destroy(link);
}

static enum err on_event(void *arg, const struct shop_event *event)
{
    struct shop_event *found = arg;

    if (found->sale.value == event->sale.value) {
        found->id = event->id;
        found->version = event->version;
        found->units = event->units;
        found->time_ms = event->time_ms;
        found->payload_size = event->payload_size;
        found->has_order = event->has_order;
        cr_assert(event->order_no.value != 0 || strcmp(event->verb, "sale.sold_out") == 0);
    }
    return ERR_OK;
}

Test(outbox_store, events_wait_until_they_are_marked_as_told)
{
    struct mysql_link *link = fixture_link();
    const struct sale_id sale = fixture_sale(link, 10, 1);
    struct outbox_row row = {.sale = sale,
                             .kind = OUTBOX_EVENT,
                             .verb = "order.refund_due",
                             .order_no = fixture_order_no(sale, 1, 5),
                             .order_version = 3,
                             .payload = "{\"amount\":1}"};
    struct shop_event found = {.sale = sale};
    struct outbox_event_counts counts;

    begin(link);
    cr_assert(outbox_store_put_in(link, &row) == ERR_OK && mysql_link_commit(link) == ERR_OK);
    cr_assert(outbox_store_events(link, 0, 1000, on_event, &found) == ERR_OK);
    cr_assert(found.id > 0 && found.version == 3 && found.payload_size == 12 && !found.has_order);
    cr_assert(found.time_ms > 0);
    cr_assert(outbox_store_event_counts(link, &counts) == ERR_OK && counts.pending >= 1);
    cr_assert(outbox_store_mark_told(link, &found.id, 1) == ERR_OK);
    cr_assert(VALUE(link,
                    COUNT "outbox WHERE id = ? AND sent IS NOT NULL AND confirmed IS NOT NULL",
                    found.id)
              == 1);
    found = (struct shop_event){.sale = sale};
    cr_assert(outbox_store_events(link, 0, 1000, on_event, &found) == ERR_OK && found.id == 0);
    mysql_link_destroy(link);
}
