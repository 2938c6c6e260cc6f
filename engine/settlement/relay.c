/* One sale's change on its way to Redis:
 *
 * state       event                     next        function
 * any         pause, end, freeze        same        send_controls   at once, whatever is announced
 * IDLE        resume or open is next    ANNOUNCED   announce_open   `loaded`: load_end announced it
 * IDLE        units wait, interval over ANNOUNCED   announce_units  all of them together
 * ANNOUNCED   hold has passed           IDLE        apply_change    confirmed in MySQL only now
 * ANNOUNCED   Redis answers "hold"      ANNOUNCED   hold_again      on the version that it tells
 * any         Redis does not confirm    same        relay_sale      the rows stay, are sent again
 *
 * The memory of an announcement is lost with the process: the next one announces again (idempotent
 * by ledger id) and waits its own hold. It may also be out of date: a relay that slept while
 * another led wakes up with a hold that is long over. So it applies on the version of its
 * announcement alone: had another finished the change, the version would be another. */
#include "settlement/relay.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_store.h"
#include "loop/waiter.h"
#include "settlement/bound.h"
#include "settlement/latch.h"
#include "settlement/relay_memory.h"

enum { ROWS_MAX = 1000, BACK_OFF_MS = 500, SWEEP_MS = 1000, WAITS_TOLD_S = 5, FAILED_TOLD_S = 5 };

struct relay {
    struct relay_options options;
    struct relay_memory memory;
    struct outbox_row *rows;                   /* owned, ROWS_MAX */
    struct adjust_units *units;                /* owned, ADJUST_UNITS_MAX */
    struct adjust_letter *letters;             /* owned, ADJUST_LETTERS_MAX */
    struct sale_id sweep_after, pending_after; /* the last sale of a full page; 0: begin anew */
    int64_t next_sweep_us;
    struct bound_round bound;
};

/* What one sale's turn works on. */
struct turn {
    struct relay *relay;
    struct relay_sale *memory;
    const struct sale_row *row;
    size_t row_count;
};

struct relay *relay_create(const struct relay_options *options)
{
    struct relay *relay = calloc(1, sizeof *relay);

    if (!relay) {
        return NULL;
    }
    relay->options = *options;
    relay->rows = calloc(ROWS_MAX, sizeof *relay->rows);
    relay->units = calloc(ADJUST_UNITS_MAX, sizeof *relay->units);
    relay->letters = calloc(ADJUST_LETTERS_MAX, sizeof *relay->letters);
    if (!relay->rows || !relay->units || !relay->letters) {
        relay_destroy(relay);
        return NULL;
    }
    return relay;
}

void relay_destroy(struct relay *relay)
{
    if (!relay) {
        return;
    }
    relay_memory_finish(&relay->memory);
    free(relay->rows);
    free(relay->units);
    free(relay->letters);
    free(relay);
}

static enum err confirm(struct relay *relay, const uint64_t *ids, size_t count)
{
    return count ? outbox_store_confirm(relay->options.mysql, ids, count) : ERR_OK;
}

/* Redis did not take it now: its history is another, it is loading or away. The rows wait. */
static bool is_for_later(enum err err)
{
    switch (err) {
    case ERR_OK:
    case ERR_CONFLICT:
    case ERR_RANGE:
    case ERR_PARSE:
    case ERR_CONFIG:
    case ERR_CLOSED:
    case ERR_COUNT: return false;
    case ERR_NO_MEMORY:
    case ERR_BUSY:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_LOST:
    case ERR_UNAVAILABLE:
    case ERR_REFUSED:
    case ERR_NOT_FOUND:
    case ERR_FENCED: return true;
    }
    UNREACHABLE();
}

static void report(const struct turn *turn, const char *what, enum err err)
{
    /* A frozen sale's units wait for its release, which may be a day away. */
    LOG_WARN_EVERY(WAITS_TOLD_S, "relay_waits", KV_U64("sale", turn->memory->sale.value),
                   KV_STR("change", what), KV_STR("error", err_name(err)),
                   KV_STR("redis", redis_blocking_trouble(turn->relay->options.redis)),
                   KV_STR("next", "sent again in the next round"));
}

/* Rows that a cut has counted already: units and states of an older epoch (PROTOCOL §6). Letters
 * are never old. */
static enum err confirm_old(struct turn *turn)
{
    uint64_t ids[ROWS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < turn->row_count; i++) {
        const struct outbox_row *row = &turn->relay->rows[i];
        if (row->kind != OUTBOX_LETTER && row->epoch < turn->row->definition.epoch) {
            ids[count++] = row->id;
        }
    }
    return confirm(turn->relay, ids, count);
}

static bool is_current(const struct turn *turn, const struct outbox_row *row)
{
    return row->epoch == turn->row->definition.epoch;
}

static enum err send_letters(struct turn *turn)
{
    struct relay *relay = turn->relay;
    uint64_t ids[ADJUST_LETTERS_MAX];
    uint32_t count = 0;

    for (size_t i = 0; i < turn->row_count && count < ADJUST_LETTERS_MAX; i++) {
        const struct outbox_row *row = &relay->rows[i];
        struct adjust_letter *letter = &relay->letters[count];
        if (row->kind == OUTBOX_LETTER
            && order_state_from_letter(row->letter, &letter->state) == ERR_OK) {
            letter->buyer = row->buyer;
            letter->order_no = row->order_no;
            ids[count++] = row->id;
        }
    }
    if (count == 0) {
        return ERR_OK;
    }
    const enum err err =
        sale_loader_letters(relay->options.redis, turn->memory->sale, turn->row->definition.epoch,
                            relay->letters, count, NULL);
    if (err != ERR_OK) {
        report(turn, "letters", err);
        return ERR_OK;
    }
    return confirm(relay, ids, count);
}

/* True when Redis refused a state because it is loading: the row is not superseded then. */
static bool is_loading(struct turn *turn)
{
    struct sale_meta meta;
    const enum err err = sale_reader_meta(turn->relay->options.redis, turn->memory->sale, &meta);

    return err != ERR_OK || meta.head.state == SALE_STATE_LOADING;
}

/* What Redis said to a verb. ERR_OK: confirmed or superseded. ERR_UNAVAILABLE: later. Else of
 * MySQL. */
static enum err state_sent(struct turn *turn, const char *verb, enum err err, const uint64_t *ids,
                           size_t count)
{
    if (is_for_later(err) || (err == ERR_CONFLICT && is_loading(turn))) {
        report(turn, verb, err);
        return ERR_UNAVAILABLE;
    }
    LOG_INFO("sale_state_sent", KV_U64("sale", turn->memory->sale.value), KV_STR("verb", verb),
             KV_STR("result", err == ERR_OK ? "confirmed" : "superseded"));
    return confirm(turn->relay, ids, count);
}

static bool is_opening(const struct outbox_row *row)
{
    return strcmp(row->verb, "resume") == 0 || strcmp(row->verb, "open") == 0;
}

/* pause, end, freeze, unfreeze take effect at once, in their order; a resume or open in between
 * ends the walk. One that is announced already is confirmed together with what stopped it: if it
 * were left, a relay without our memory would announce it anew and undo the pause. */
static enum err send_controls(struct turn *turn)
{
    bool behind_announced = turn->memory->state == RELAY_ANNOUNCED_OPEN;
    uint64_t ids[2]; /* the announced one that is stopped, if any, and the row in work */
    size_t count = 0;

    for (size_t i = 0; i < turn->row_count; i++) {
        const struct outbox_row *row = &turn->relay->rows[i];
        if (row->kind != OUTBOX_STATE || !is_current(turn, row)) {
            continue;
        }
        if (is_opening(row)) {
            if (!behind_announced) {
                return ERR_OK;
            }
            behind_announced = false;
            ids[count++] = row->id;
            continue;
        }
        enum err err = sale_loader_set_state(turn->relay->options.redis, turn->memory->sale,
                                             row->epoch, row->verb, NULL);
        ids[count++] = row->id;
        err = state_sent(turn, row->verb, err, ids, count);
        count = 0;
        if (err != ERR_OK) {
            return err == ERR_UNAVAILABLE ? ERR_OK : err;
        }
    }
    return ERR_OK;
}

/* The hold that was written at load, or ours if that is longer, and the version. ERR_OK, or Redis'
 * error. */
static enum err read_hold(struct turn *turn, int64_t *ret_hold_us, uint64_t *ret_version)
{
    struct sale_meta meta;
    const uint32_t ours = turn->relay->options.conf->sale_hold_ms;
    const enum err err = sale_reader_meta(turn->relay->options.redis, turn->memory->sale, &meta);

    if (err == ERR_OK) {
        *ret_hold_us = (int64_t)(meta.times.hold_ms > ours ? meta.times.hold_ms : ours) * 1000;
        *ret_version = meta.head.version;
    }
    return err;
}

static void announced(struct turn *turn, int state, int64_t hold, uint64_t version)
{
    struct relay_sale *memory = turn->memory;
    const int64_t now_us = waiter_now_us(turn->relay->options.waiter);

    ASSERT(memory->state == RELAY_IDLE && memory->id_count > 0);
    memory->state = state;
    memory->epoch = turn->row->definition.epoch;
    memory->version = version;
    memory->apply_at_us = now_us + hold;
    if (state == RELAY_ANNOUNCED_UNITS) { /* of a backlog the next ones follow at once */
        memory->last_units_us = memory->id_count < ADJUST_UNITS_MAX ? now_us : 0;
    }
}

/* The next resume or open, if it is the next state row at all. True: there is one. */
static bool announce_open(struct turn *turn)
{
    struct relay_sale *memory = turn->memory;
    struct sale_reply reply = {0};
    uint64_t version = 0;
    int64_t hold = 0;

    for (size_t i = 0; i < turn->row_count; i++) {
        const struct outbox_row *row = &turn->relay->rows[i];
        if (row->kind != OUTBOX_STATE || !is_current(turn, row) || !is_opening(row)) {
            continue;
        }
        enum err err = read_hold(turn, &hold, &version);
        if (err == ERR_OK && strcmp(row->verb, "resume") == 0) {
            err = sale_loader_set_state(turn->relay->options.redis, memory->sale,
                                        turn->row->definition.epoch, "resume", &reply);
            version = reply.head.version;
        }
        if (err != ERR_OK && err != ERR_CONFLICT) {
            report(turn, row->verb, err);
            return true;
        }
        memory->ids[0] = row->id;
        memory->id_count = 1;
        announced(turn, RELAY_ANNOUNCED_OPEN, hold, version);
        return true;
    }
    return false;
}

static void announce_units(struct turn *turn)
{
    struct relay *relay = turn->relay;
    struct relay_sale *memory = turn->memory;
    const int64_t interval_us = (int64_t)relay->options.conf->worker_return_interval_ms * 1000;
    const int64_t now_us = waiter_now_us(relay->options.waiter);
    struct sale_reply reply = {0};
    uint64_t version = 0;
    int64_t hold = 0;
    uint32_t count = 0;

    if (memory->last_units_us != 0 && now_us - memory->last_units_us < interval_us) {
        return;
    }
    for (size_t i = 0; i < turn->row_count && count < ADJUST_UNITS_MAX; i++) {
        const struct outbox_row *row = &relay->rows[i];
        if (row->kind == OUTBOX_UNITS && is_current(turn, row)) {
            relay->units[count] = (struct adjust_units){
                .ledger_id = row->ledger_id, .sku = row->sku, .units = (uint32_t)row->units};
            memory->ids[count++] = row->id;
        }
    }
    if (count == 0) {
        return;
    }
    enum err err = read_hold(turn, &hold, &version);
    if (err == ERR_OK) {
        err = sale_loader_announce(relay->options.redis, memory->sale, turn->row->definition.epoch,
                                   relay->units, count, NULL, 0, &reply);
    }
    if (err != ERR_OK) {
        report(turn, "units", err);
        return;
    }
    memory->id_count = count;
    announced(turn, RELAY_ANNOUNCED_UNITS, hold, reply.head.version);
    LOG_INFO("units_announced", KV_U64("sale", memory->sale.value), KV_U64("rows", count));
}

/* Leases may be out: the version was even meanwhile. `version` is the one that Redis told now. */
static enum err hold_again(struct turn *turn, uint64_t version)
{
    uint64_t unused = 0;
    int64_t hold = 0;
    const enum err err = read_hold(turn, &hold, &unused);

    if (err != ERR_OK) {
        report(turn, "hold", err);
        return ERR_OK;
    }
    turn->memory->version = version;
    turn->memory->apply_at_us = waiter_now_us(turn->relay->options.waiter) + hold;
    LOG_INFO("change_held_again", KV_U64("sale", turn->memory->sale.value),
             KV_U64("version", version));
    return ERR_OK;
}

/* ERR_OK: what waited for the opening may be applied. ERR_UNAVAILABLE: not now. Else of MySQL. */
static enum err open_sale(struct turn *turn)
{
    struct relay_sale *memory = turn->memory;
    struct sale_reply reply = {0};
    enum err err = sale_loader_open(turn->relay->options.redis, memory->sale, memory->epoch,
                                    memory->version, &reply);

    if (err == ERR_CONFLICT && reply.answer == SALE_ANSWER_HOLD) {
        err = hold_again(turn, reply.head.version);
        return err == ERR_OK ? ERR_UNAVAILABLE : err;
    }
    err = state_sent(turn, "open", err, memory->ids, memory->id_count);
    memory->id_count = err == ERR_OK ? 0 : memory->id_count;
    return err;
}

/* The leases have run out. Any error: once more in the next round, it is harmless to repeat. */
static enum err apply_change(struct turn *turn)
{
    struct relay *relay = turn->relay;
    struct relay_sale *memory = turn->memory;
    struct sale_reply reply = {0};
    enum err err = ERR_OK;

    if (waiter_now_us(relay->options.waiter) < memory->apply_at_us) {
        return ERR_OK;
    }
    if (memory->epoch != turn->row->definition.epoch) {
        memory->state = RELAY_IDLE; /* cut by a load: confirm_old() has the rows */
        memory->id_count = 0;
        return ERR_OK;
    }
    if (memory->state == RELAY_ANNOUNCED_OPEN) {
        err = open_sale(turn);
        if (err != ERR_OK) {
            return err == ERR_UNAVAILABLE ? ERR_OK : err;
        }
    }
    err = sale_loader_apply(relay->options.redis, memory->sale, memory->epoch, memory->version,
                            &reply);
    if (err == ERR_CONFLICT && reply.answer == SALE_ANSWER_HOLD) {
        return hold_again(turn, reply.head.version);
    }
    if (err != ERR_OK) {
        report(turn, "apply", err);
        return ERR_OK;
    }
    err = confirm(relay, memory->ids, memory->id_count);
    if (err == ERR_OK) {
        memory->state = RELAY_IDLE;
        memory->id_count = 0;
    }
    return err;
}

static enum err relay_sale(struct relay *relay, struct sale_id sale)
{
    struct sale_row row;
    struct turn turn = {
        .relay = relay, .memory = relay_memory_of(&relay->memory, sale), .row = &row};

    if (!turn.memory) {
        return ERR_OK; /* RELAY_SALES_MAX are in change: it comes when others are done */
    }
    enum err err = sale_store_read(relay->options.mysql, sale, &row);
    if (err == ERR_OK) {
        err = outbox_store_pending(relay->options.mysql, sale, relay->rows, ROWS_MAX,
                                   &turn.row_count);
    }
    if (err != ERR_OK || row.definition.epoch == 0) {
        return err;
    }
    err = confirm_old(&turn);
    err = err == ERR_OK ? send_letters(&turn) : err;
    err = err == ERR_OK ? send_controls(&turn) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (turn.memory->state != RELAY_IDLE) {
        return apply_change(&turn);
    }
    if (!announce_open(&turn)) {
        announce_units(&turn);
    }
    return ERR_OK;
}

static enum err sweep(struct relay *relay, bool leading)
{
    const struct latch_context context = {.mysql = relay->options.mysql,
                                          .redis = relay->options.redis,
                                          .shard = relay->options.shard};
    const int64_t now_us = waiter_now_us(relay->options.waiter);

    if (now_us < relay->next_sweep_us) {
        return ERR_OK;
    }
    relay->next_sweep_us = now_us + (int64_t)SWEEP_MS * 1000;
    enum err err = latch_show_totals(&context);
    err = err == ERR_OK && leading ? latch_sweep(&context, &relay->sweep_after) : err;
    return err == ERR_OK && leading ? bound_sweep(&context, now_us, &relay->bound) : err;
}

enum err relay_round(struct relay *relay)
{
    struct sale_id sales[RELAY_SALES_MAX];
    size_t count = 0;
    bool leading = false;
    uint64_t pending = 0;

    enum err err = mysql_link_ensure(relay->options.mysql);
    err = err == ERR_OK ? leader_try(relay->options.mysql, "relay", &leading) : err;
    if (err != ERR_OK || !leading) {
        return err == ERR_OK ? sweep(relay, false) : err;
    }
    err = outbox_store_pending_count(relay->options.mysql, (struct sale_id){0}, &pending);
    metrics_set(relay->options.shard, METRIC_sql_outbox_rows, 0, (int64_t)pending);
    err = err == ERR_OK ? outbox_store_pending_sales(relay->options.mysql, relay->pending_after,
                                                     sales, RELAY_SALES_MAX, &count)
                        : err;
    relay->pending_after =
        err == ERR_OK && count == RELAY_SALES_MAX ? sales[count - 1] : (struct sale_id){0};
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (waiter_is_stopped(relay->options.waiter)) {
            return ERR_OK; /* with Redis away each sale costs a time-out */
        }
        err = relay_sale(relay, sales[i]);
    }
    return err == ERR_OK ? sweep(relay, true) : err;
}

void relay_run(struct relay *relay)
{
    uint32_t pause_ms = relay->options.conf->worker_relay_ms;

    while (waiter_sleep_ms(relay->options.waiter, pause_ms)) {
        const enum err err = relay_round(relay);
        pause_ms = err == ERR_OK ? relay->options.conf->worker_relay_ms : BACK_OFF_MS;
        if (err != ERR_OK) {
            LOG_WARN_EVERY(FAILED_TOLD_S, "relay_round_failed", KV_STR("error", err_name(err)),
                           KV_STR("mysql", mysql_link_error_text(relay->options.mysql)),
                           KV_STR("next", "tried again"));
        }
    }
}
