#include "support/fakes/fake_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/offset_store.h"
#include "ledger/sale_sold_out.h"
#include "ledger/sale_store.h"

struct mysql_link *fake_ledger_create(void)
{
    struct mysql_link *link = calloc(1, sizeof *link);

    ASSERT(link != NULL);
    link->data.owner_epoch = 1;
    return link;
}

void fake_ledger_destroy(struct mysql_link *link)
{
    free(link);
}

void fake_ledger_fail(struct mysql_link *link, enum fake_call call, enum err err, uint32_t count)
{
    link->fail[call] = err;
    link->fail_count[call] = count;
}

void fake_ledger_add_sale(struct mysql_link *link, uint32_t sale, uint32_t epoch, uint64_t total)
{
    ASSERT(link->data.sale_count < FAKE_SALES_MAX);
    link->data.sales[link->data.sale_count++] = (struct order_sale){
        .sale = {sale},
        .epoch = epoch,
        .pay_window_ms = 1000,
        .now_ms = 5000,
        .sku_count = 1,
        .skus = {{.sku = {1, "a"}, .epoch = epoch, .total = total}},
    };
}

const struct order_row *fake_ledger_find(const struct mysql_link *link, struct order_no order_no)
{
    for (size_t i = 0; i < link->data.order_count; i++) {
        if (link->data.orders[i].record.order_no.value == order_no.value) {
            return &link->data.orders[i];
        }
    }
    return NULL;
}

static enum err enter(struct mysql_link *link, enum fake_call call)
{
    link->calls[call]++;
    if (link->fail_count[call] == 0) {
        return ERR_OK;
    }
    link->fail_count[call]--;
    link->code = link->fail[call] != ERR_BUSY ? 0 : link->busy_code ? link->busy_code : 1213;
    if (link->fail[call] == ERR_LOST || link->fail[call] == ERR_UNAVAILABLE) {
        link->up = false;
    }
    return link->fail[call];
}

static size_t sale_index(const struct mysql_link *link, struct sale_id sale)
{
    size_t i = 0;

    while (i < link->data.sale_count && link->data.sales[i].sale.value != sale.value) {
        i++;
    }
    return i;
}

/* --- mysql_link --- */

enum err mysql_link_ensure(struct mysql_link *link)
{
    enum err err = enter(link, FAKE_ENSURE);

    ASSERT(!link->in_transaction);
    if (err == ERR_OK && !link->up) {
        link->up = true;
        link->generation++;
    }
    return err;
}

bool mysql_link_is_up(const struct mysql_link *link)
{
    return link->up;
}

uint64_t mysql_link_generation(const struct mysql_link *link)
{
    return link->generation;
}

unsigned mysql_link_error_code(const struct mysql_link *link)
{
    return link->up ? link->code : 2013;
}

const char *mysql_link_error_text(const struct mysql_link *link)
{
    (void)link;
    return "as the test asked";
}

enum err mysql_link_begin(struct mysql_link *link)
{
    enum err err = enter(link, FAKE_BEGIN);

    ASSERT(!link->in_transaction);
    if (err == ERR_OK) {
        link->before = link->data;
        link->in_transaction = true;
    }
    return err;
}

void mysql_link_rollback(struct mysql_link *link)
{
    if (link->in_transaction) {
        link->data = link->before;
        link->in_transaction = false;
    }
}

enum err mysql_link_commit(struct mysql_link *link)
{
    enum err err = enter(link, FAKE_COMMIT);

    ASSERT(link->in_transaction);
    if (err != ERR_OK && !(err == ERR_LOST && link->lost_commit_happened)) {
        link->data = link->before;
    }
    link->in_transaction = false;
    return err;
}

enum err mysql_link_transaction(struct mysql_link *link, mysql_link_body_fn *body, void *arg)
{
    enum err err = ERR_BUSY;

    for (int attempt = 0; attempt < 8 && err == ERR_BUSY; attempt++) {
        err = mysql_link_ensure(link);
        err = err == ERR_OK ? mysql_link_begin(link) : err;
        err = err == ERR_OK ? body(link, arg) : err;
        if (err != ERR_OK) {
            mysql_link_rollback(link);
        } else {
            err = mysql_link_commit(link);
        }
    }
    return err;
}

/* --- offset_store --- */

enum err offset_store_claim(struct mysql_link *link, const char *topic, uint32_t part,
                            const char *owner, struct offset_claim *ret_claim)
{
    enum err err = mysql_link_ensure(link);

    (void)owner;
    if (err != ERR_OK) {
        return err;
    }
    *ret_claim = (struct offset_claim){
        .part = part, .owner_epoch = ++link->data.owner_epoch, .next = link->data.next};
    snprintf(ret_claim->topic, sizeof ret_claim->topic, "%s", topic);
    return ERR_OK;
}

enum err offset_store_advance_in(struct mysql_link *link, const struct offset_claim *claim,
                                 uint64_t from, uint64_t to)
{
    enum err err = enter(link, FAKE_ADVANCE);

    ASSERT(link->in_transaction && to > from);
    if (err != ERR_OK) {
        return err;
    }
    if (claim->owner_epoch != link->data.owner_epoch || from != link->data.next) {
        return ERR_FENCED;
    }
    link->data.next = to;
    return ERR_OK;
}

enum err offset_store_resolve(struct mysql_link *link, const struct offset_claim *claim,
                              uint64_t *ret_next)
{
    enum err err = enter(link, FAKE_RESOLVE);

    if (err != ERR_OK) {
        return err;
    }
    if (claim->owner_epoch != link->data.owner_epoch) {
        return ERR_FENCED;
    }
    *ret_next = link->data.next;
    return ERR_OK;
}

/* --- order_settle --- */

enum err order_settle_sale_in(struct mysql_link *link, struct sale_id sale,
                              struct order_sale *ret_sale)
{
    enum err err = enter(link, FAKE_SALE);
    size_t i = sale_index(link, sale);

    if (err != ERR_OK) {
        return err;
    }
    if (i == link->data.sale_count) {
        return ERR_NOT_FOUND;
    }
    *ret_sale = link->data.sales[i];
    return ERR_OK;
}

enum err order_settle_existing_in(struct mysql_link *link, const struct order_no *order_nos,
                                  size_t count, order_content_fn *each, void *arg)
{
    enum err err = enter(link, FAKE_EXISTING);

    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        const struct order_row *row = fake_ledger_find(link, order_nos[i]);
        ASSERT(i == 0 || order_nos[i].value > order_nos[i - 1].value);
        if (row != NULL) {
            const struct order_content content = {.order_no = row->record.order_no,
                                                  .buyer = row->record.buyer,
                                                  .sku = row->record.sku,
                                                  .quantity = row->record.quantity,
                                                  .key_hash = row->record.key_hash};
            err = each(arg, &content);
        }
    }
    return err;
}

static bool slot_is_taken(const struct mysql_link *link, struct sale_id sale,
                          const struct buyer *buyer, uint32_t slot)
{
    for (size_t i = 0; i < link->data.order_count; i++) {
        const struct order_row *row = &link->data.orders[i];
        if (row->has_slot && row->record.slot == slot && buyer_equal(&row->record.buyer, buyer)
            && order_no_sale(row->record.order_no).value == sale.value) {
            return true;
        }
    }
    return false;
}

static void run_meanwhile(struct mysql_link *link)
{
    void (*meanwhile)(struct mysql_link *) = link->meanwhile;

    link->meanwhile = NULL;
    if (meanwhile != NULL) { /* committed by somebody else: a rollback does not undo it */
        meanwhile(link);
        link->before = link->data;
    }
}

enum err order_settle_insert_in(struct mysql_link *link, const struct order_row *const *rows,
                                size_t count)
{
    enum err err = enter(link, FAKE_INSERT);

    ASSERT(link->in_transaction && count > 0);
    run_meanwhile(link);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        const struct order_record *record = &rows[i]->record;
        if (fake_ledger_find(link, record->order_no) != NULL
            || (rows[i]->has_slot
                && slot_is_taken(link, order_no_sale(record->order_no), &record->buyer,
                                 record->slot))) {
            link->code = 1062;
            return ERR_CONFLICT;
        }
        ASSERT(link->data.order_count < FAKE_ORDERS_MAX);
        link->data.orders[link->data.order_count++] = *rows[i];
    }
    return err;
}

enum err order_settle_void_in(struct mysql_link *link, struct order_no order_no,
                              enum order_reason reason, int64_t now_ms)
{
    for (size_t i = 0; i < link->data.order_count; i++) {
        struct order_row *row = &link->data.orders[i];
        if (row->record.order_no.value == order_no.value) {
            row->state = ORDER_STATE_VOIDED;
            row->reason = reason;
            row->has_slot = false;
            row->changed_ms = now_ms;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err order_settle_slot_taken_in(struct mysql_link *link, struct sale_id sale,
                                    const struct buyer *buyer, uint32_t slot, bool *ret_taken)
{
    *ret_taken = slot_is_taken(link, sale, buyer, slot);
    return ERR_OK;
}

enum err order_settle_take_in(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                              uint32_t epoch, uint64_t units, uint64_t *ret_sold)
{
    enum err err = enter(link, FAKE_TAKE);
    size_t i = sale_index(link, sale);
    struct order_stock *stock = &link->data.sales[i].skus[0];

    ASSERT(link->in_transaction && i < link->data.sale_count && sku_equal(&stock->sku, sku));
    if (err != ERR_OK) {
        return err;
    }
    if (stock->epoch != epoch || stock->sold + units > stock->total) {
        return ERR_NOT_FOUND;
    }
    stock->sold += units;
    *ret_sold = stock->sold;
    return ERR_OK;
}

enum err sale_sold_out_in(struct mysql_link *link, struct sale_id sale)
{
    const size_t i = sale_index(link, sale);
    const struct outbox_row event = {
        .sale = sale, .kind = OUTBOX_EVENT, .verb = "sale.sold_out", .order_version = 1};

    ASSERT(link->in_transaction && i < link->data.sale_count);
    ASSERT(link->data.sales[i].skus[0].sold == link->data.sales[i].skus[0].total);
    return outbox_store_put_in(link, &event);
}

enum err order_settle_stock_in(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                               struct order_stock *ret_stock)
{
    size_t i = sale_index(link, sale);

    (void)sku;
    if (i == link->data.sale_count) {
        return ERR_NOT_FOUND;
    }
    *ret_stock = link->data.sales[i].skus[0];
    return ERR_OK;
}

/* --- dead_store, outbox_store, sale_store --- */

enum err dead_store_put_in(struct mysql_link *link, const struct dead_letter *letter)
{
    enum err err = enter(link, FAKE_BURY);

    ASSERT(link->in_transaction && link->data.dead_count < FAKE_ROWS_MAX);
    if (err == ERR_OK) {
        link->data.dead[link->data.dead_count++] = *letter;
    }
    return err;
}

enum err dead_store_lock_in(struct mysql_link *link, uint64_t id, dead_letter_fn *each, void *arg)
{
    ASSERT(link->in_transaction);
    return dead_store_read(link, id, each, arg);
}

enum err dead_store_read(struct mysql_link *link, uint64_t id, dead_letter_fn *each, void *arg)
{
    struct dead_letter letter;

    if (id == 0 || id > link->data.dead_count) {
        return ERR_NOT_FOUND;
    }
    letter = link->data.dead[id - 1];
    letter.id = id;
    letter.resolution = letter.resolved_ms > 0 ? link->data.resolution : "";
    return each(arg, &letter);
}

enum err dead_store_resolve_in(struct mysql_link *link, uint64_t id, const char *resolution)
{
    ASSERT(link->in_transaction && id > 0 && id <= link->data.dead_count);
    if (link->data.dead[id - 1].resolved_ms > 0) {
        return ERR_NOT_FOUND;
    }
    for (const char *text = resolution; *text != '\0'; text++) {
        if ((unsigned char)*text > 0x7f) {
            return ERR_RANGE; /* the column is ASCII */
        }
    }
    link->data.dead[id - 1].resolved_ms = 6000;
    snprintf(link->data.resolution, sizeof link->data.resolution, "%s", resolution);
    return ERR_OK;
}

enum err admin_log_put(struct mysql_link *link, const struct admin_actor *actor, const char *action,
                       struct sale_id sale, const char *detail)
{
    (void)sale;
    ASSERT(link->in_transaction && actor->name && action && detail);
    link->data.admin_rows++;
    snprintf(link->data.admin_detail, sizeof link->data.admin_detail, "%s", detail);
    return ERR_OK;
}

enum err outbox_store_put_in(struct mysql_link *link, const struct outbox_row *row)
{
    ASSERT(link->in_transaction && link->data.outbox_count < FAKE_ROWS_MAX);
    link->data.outbox[link->data.outbox_count++] = *row;
    return ERR_OK;
}

enum err sale_store_control_in(struct mysql_link *link, struct sale_id sale, enum sale_verb verb,
                               const struct admin_actor *actor, bool *ret_changed)
{
    size_t i = sale_index(link, sale);

    const enum err err = enter(link, FAKE_CONTROL);

    ASSERT(link->in_transaction && verb == SALE_VERB_FREEZE && actor->name && actor->why);
    if (err != ERR_OK) {
        return err;
    }
    if (i == link->data.sale_count) {
        return ERR_NOT_FOUND;
    }
    if (link->data.ended[i]) {
        return ERR_CONFLICT;
    }
    *ret_changed = !link->data.frozen[i];
    link->data.frozen[i] = true;
    snprintf(link->data.why[i], sizeof link->data.why[i], "%s %s", actor->name, actor->why);
    return ERR_OK;
}
