/* audit_checks: one function a promise (PROTOCOL §1, §6); no I/O. */
#include "settlement/audit_check.h"
#include "settlement/audit_data.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "common/metrics.h"

const char *audit_result_name(enum audit_result result)
{
    switch (result) {
    case AUDIT_HOLDS: return "holds";
    case AUDIT_VIOLATED: return "violated";
    case AUDIT_NOT_TOLD: return "not-told";
    }
    UNREACHABLE();
}

static bool is_loaded(const struct audit *audit)
{
    return audit->row.definition.epoch > 0;
}

static bool fits(const struct audit *audit, const struct motion *motion)
{
    return motion->has_meta && motion->meta.fence_fits
           && motion->meta.head.state != SALE_STATE_LOADING
           && motion->meta.head.epoch == audit->row.definition.epoch;
}

/* Redis sells on the history that was read from MySQL, and did so all the time. */
static bool is_redis_ours(const struct audit *audit)
{
    return is_loaded(audit) && fits(audit, &audit->before) && fits(audit, &audit->after)
           && audit->row_after.definition.epoch == audit->row.definition.epoch;
}

static void why_not_told(const struct audit *audit, char *text, size_t size)
{
    const struct motion *motion = &audit->after;

    if (is_loaded(audit) && !is_redis_ours(audit)) {
        snprintf(text, size,
                 "; not told: Redis is without this history, a load is due or going on");
    } else if (!audit->report->at_rest) {
        snprintf(text, size,
                 "; not told: in flight are %" PRIu64 " records of this sale, %" PRIu64
                 " entries of the outbox in Redis, %" PRIu64 " of MySQL's",
                 audit->in_flight, motion->redis_outbox, motion->sql_outbox);
    }
}

void audit_check_add(struct audit *audit, struct audit_promise promise, const char *name,
                     enum audit_result result, const char *format, ...)
{
    struct audit_report *report = audit->report;
    ASSERT(report->check_count < AUDIT_CHECKS_MAX);
    struct audit_check *made = &report->checks[report->check_count++];
    va_list arguments;

    *made = (struct audit_check){.label = promise.label,
                                 .id = promise.id,
                                 .name = name,
                                 .is_hard = promise.is_hard,
                                 .result = result};
    va_start(arguments, format);
    vsnprintf(made->found, sizeof made->found, format, arguments);
    va_end(arguments);
    if (result == AUDIT_NOT_TOLD) {
        const size_t used = strlen(made->found);
        why_not_told(audit, made->found + used, sizeof made->found - used);
    }
    report->violations += result == AUDIT_VIOLATED;
    report->untold += result == AUDIT_NOT_TOLD;
}

/* What Redis and MySQL are compared for: exactly at rest alone. */
static enum audit_result at_rest(const struct audit *audit, bool holds)
{
    if (!is_loaded(audit)) {
        return AUDIT_HOLDS; /* nothing is in Redis, and nothing was sold */
    }
    if (!audit->report->at_rest || !is_redis_ours(audit)) {
        return AUDIT_NOT_TOLD;
    }
    return audit_check_always(holds);
}

const char *audit_check_first(char text[static 48], struct order_no order_no)
{
    text[0] = '\0';
    if (order_no.value != 0) {
        snprintf(text, 48, "; first: %" PRIu64, order_no.value);
    }
    return text;
}

/* "" or "; wrong: <sku>". */
static const char *wrong_sku(const struct audit *audit, char text[static 48], int index)
{
    text[0] = '\0';
    if (index >= 0) {
        snprintf(text, 48, "; wrong: %s", audit->row.definition.skus[index].sku.text);
    }
    return text;
}

static const char came_late[] = "came after the end";
static const char refunded_kept[] = "refunded and kept";

/* "" or "; <count> <what>". */
static const char *some(char text[static 48], uint64_t count, const char *what)
{
    text[0] = '\0';
    if (count > 0) {
        snprintf(text, 48, "; %" PRIu64 " %s", count, what);
    }
    return text;
}

/* --- units --- */

/* More is sold and still offered than there is: somebody will be told of a unit that is not there.
 * Sold is the lower of two readings, and no unit came back in between. */
static bool is_overoffered(const struct audit *audit, uint32_t i)
{
    const uint64_t before = audit->row.sold[i], after = audit->row_after.sold[i];
    const uint64_t sold = before < after ? before : after;

    return is_redis_ours(audit) && audit->ledger_mark == audit->mark_after
           && audit->skus[i].left + audit->skus[i].held + sold
                  > audit->row.definition.skus[i].total;
}

static void check_sold(struct audit *audit)
{
    const struct sale_definition *definition = &audit->row.definition;
    uint64_t live = 0, kept = 0, sold = 0, offered = 0, total = 0;
    char text[48], kept_text[48];
    int wrong = -1;

    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sku_figures *figures = &audit->skus[i];
        const bool good = figures->live + figures->kept == audit->row.sold[i]
                          && audit->row.sold[i] <= definition->skus[i].total
                          && !is_overoffered(audit, i);
        live += figures->live;
        kept += figures->kept;
        sold += audit->row.sold[i];
        offered += figures->left + figures->held;
        total += definition->skus[i].total;
        wrong = !good && wrong < 0 ? (int)i : wrong;
    }
    audit_check_add(
        audit, AUDIT_HARD(I1), "units of live orders = sold; sold and offered within total",
        audit_check_always(wrong < 0),
        "live %" PRIu64 ", sold %" PRIu64 ", offered %" PRIu64 ", total %" PRIu64 "%s%s", live,
        sold, offered, total, some(kept_text, kept, refunded_kept), wrong_sku(audit, text, wrong));
}

/* All units of a sku are in Redis. Where the sale has ended none is added there: what its ledger
 * got since the load may be missing, and is added to `*late`. */
static bool is_conserved(const struct audit *audit, uint32_t i, uint64_t there, uint64_t *late)
{
    const uint64_t total = audit->row.definition.skus[i].total;
    const int64_t missing = (int64_t)total - (int64_t)there;

    if (missing <= 0 || missing > audit->skus[i].since_load || !audit->after.has_meta
        || audit->after.meta.head.state != SALE_STATE_ENDED) {
        return missing == 0;
    }
    *late += (uint64_t)missing;
    return true;
}

static void check_entries(struct audit *audit)
{
    const struct audit_difference found = audit_list_compare(&audit->entries, &audit->rows);
    char order[48], sku[48], text[48];
    uint64_t late = 0;
    int wrong = -1;

    for (uint32_t i = 0; i < audit->row.definition.sku_count; i++) {
        const struct sku_figures *figures = &audit->skus[i];
        const uint64_t there = figures->left + figures->held + figures->in_use + figures->kept;
        const bool good = is_conserved(audit, i, there, &late);
        wrong = !good && wrong < 0 ? (int)i : wrong;
    }
    const bool here = found.only_rows == 0 && found.different == 0;
    const bool all = here && found.only_entries == 0 && found.letters == 0 && wrong < 0;
    /* Wins come from Redis, and none is forgotten there: what MySQL has is in it at any time. */
    audit_check_add(
        audit, AUDIT_SOFT(I2), "orders in Redis = rows; left, held and in use there = allotted",
        is_redis_ours(audit) && !here ? AUDIT_VIOLATED : at_rest(audit, all),
        "%zu in Redis, %zu without row, %zu rows missing there, %zu differ, %zu in another "
        "state%s%s%s",
        audit->entries.count, found.only_entries, found.only_rows, found.different, found.letters,
        audit_check_first(order, found.first), wrong_sku(audit, sku, wrong),
        some(text, late, came_late));
}

static void check_stock(struct audit *audit)
{
    const struct sale_definition *definition = &audit->row.definition;
    uint64_t left = 0, held = 0, live = 0, kept = 0, total = 0, late = 0;
    char sku[48], text[48], kept_text[48];
    int wrong = -1;

    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sku_figures *figures = &audit->skus[i];
        left += figures->left;
        held += figures->held;
        live += figures->live;
        kept += figures->kept;
        total += definition->skus[i].total;
        const uint64_t there = figures->left + figures->held + figures->live + figures->kept;
        wrong = !is_conserved(audit, i, there, &late) && wrong < 0 ? (int)i : wrong;
    }
    audit_check_add(audit, AUDIT_SOFT(I3), "left and held in Redis + live and kept orders = total",
                    at_rest(audit, wrong < 0),
                    "left %" PRIu64 " + held %" PRIu64 " + live %" PRIu64 " of %" PRIu64 "%s%s%s",
                    left, held, live, total, some(kept_text, kept, refunded_kept),
                    wrong_sku(audit, sku, wrong), some(text, late, came_late));
}

static void check_ledger(struct audit *audit)
{
    const struct sale_definition *definition = &audit->row.definition;
    int64_t supplied = 0, returned = 0, left = 0;
    char text[48];
    int wrong = -1;

    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sku_figures *figures = &audit->skus[i];
        const int64_t total = (int64_t)definition->skus[i].total;
        const int64_t by_row = total - (int64_t)audit->row.sold[i];
        const int64_t by_ledger = figures->supplied + figures->returned - (int64_t)figures->counted;
        supplied += figures->supplied;
        returned += figures->returned;
        left += by_row;
        wrong = (by_ledger != by_row || figures->supplied != total) && wrong < 0 ? (int)i : wrong;
    }
    const bool gone = is_redis_ours(audit) && audit->applied_gone > 0;
    audit_check_add(
        audit, AUDIT_SOFT(I21), "every change of stock is in the ledger, and stays there",
        audit_check_always(wrong < 0 && !gone),
        "supplied %" PRId64 ", came back %" PRId64 ", left by MySQL %" PRId64 "; %" PRIu64
        " applied rows gone%s",
        supplied, returned, left, gone ? audit->applied_gone : 0, wrong_sku(audit, text, wrong));
}

/* --- the log --- */

static void check_records(struct audit *audit, const struct audit_log_findings *found)
{
    char text[48];

    audit_check_add(
        audit, AUDIT_SOFT(I5), "every record that was passed has its row",
        audit_check_always(found->skipped + found->different == 0),
        "%zu records: %" PRIu64 " rows, %" PRIu64 " copies, %" PRIu64 " set aside, %" PRIu64
        " in flight, %" PRIu64 " without row, %" PRIu64 " differ%s",
        audit->records.count, found->applied, found->duplicates, found->set_aside + found->waiting,
        found->in_flight, found->skipped, found->different,
        audit_check_first(text, found->skipped ? found->first_skipped : found->first_different));
    audit_check_add(audit, AUDIT_SOFT(I6), "every row has its record in the log",
                    found->rows_alone + found->misplaced > 0 ? AUDIT_VIOLATED
                    : found->too_old > 0                     ? AUDIT_NOT_TOLD
                                                             : AUDIT_HOLDS,
                    "%zu rows, %" PRIu64 " without record, %" PRIu64 " at another place, %" PRIu64
                    " older than the log%s",
                    audit->rows.count, found->rows_alone, found->misplaced, found->too_old,
                    audit_check_first(text, found->first_alone));
    audit_check_add(audit, AUDIT_HARD(I7), "an order number means one order",
                    audit_check_always(found->clashes == 0),
                    "%" PRIu64 " numbers with two contents%s", found->clashes,
                    audit_check_first(text, found->first_clash));
}

static void check_places(struct audit *audit, const struct audit_log_findings *found)
{
    uint32_t partitions = 0, unowned = 0;
    char text[48];

    for (uint32_t i = 0; i < AUDIT_PARTITIONS_MAX; i++) {
        partitions += audit->places.next[i] > 0;
        unowned += audit->places.next[i] > 0 && audit->places.owner_epoch[i] == 0;
    }
    audit_check_add(audit, AUDIT_HARD(I13), "the worker's place is 1 + the last record applied",
                    audit_check_always(found->beyond == 0),
                    "%u partitions, %" PRIu64 " rows behind the place%s", partitions, found->beyond,
                    audit_check_first(text, found->first_beyond));
    /* Nothing is settled there, of any sale: it harms none that sells. */
    audit_check_add(audit, AUDIT_SOFT(I13),
                    "the worker's place is within the log, and has an owner",
                    audit_check_always(audit->after.beyond + unowned == 0),
                    "%" PRIu64 " records beyond the log's end, %u partitions without owner",
                    audit->after.beyond, unowned);
    audit_check_add(audit, AUDIT_SOFT(I14), "no record was skipped, and none waits in dead_letters",
                    audit->dead_of_sale + audit->dead_of_none + found->skipped > 0 ? AUDIT_VIOLATED
                    : found->too_old > 0                                           ? AUDIT_NOT_TOLD
                                                                                   : AUDIT_HOLDS,
                    "%" PRIu64 " skipped, %" PRIu64 " dead letters of this sale, %" PRIu64
                    " of no known sale, %zu unreadable records",
                    found->skipped, audit->dead_of_sale, audit->dead_of_none,
                    audit->unreadable.count);
}

/* --- the notices' log --- */

static void check_notices(struct audit *audit)
{
    const struct audit_notices_input input = {.places = &audit->notice_places,
                                              .records = &audit->notices,
                                              .unreadable = &audit->notices_unreadable,
                                              .payments = &audit->payments,
                                              .dead = &audit->notice_dead};
    struct audit_notices_findings found;
    char text[48];

    audit_notices_judge(&input, &found);
    audit_check_add(audit, AUDIT_HARD(I13), "the place in the notices is 1 + the last one applied",
                    audit_check_always(found.beyond == 0), "%" PRIu64 " notices behind the place%s",
                    found.beyond, audit_check_first(text, found.first_beyond));
    audit_check_add(audit, AUDIT_SOFT(I13), "the place in the notices is within the log",
                    audit_check_always(audit->after.notices_beyond == 0),
                    "%" PRIu64 " records beyond the log's end", audit->after.notices_beyond);
    const bool broken =
        found.skipped + found.rows_alone + audit->notice_dead_of_sale + audit->notice_dead_of_none
        > 0;
    audit_check_add(
        audit, AUDIT_SOFT(I14), "no notice was skipped, and none waits in dead_letters",
        broken              ? AUDIT_VIOLATED
        : found.too_old > 0 ? AUDIT_NOT_TOLD
                            : AUDIT_HOLDS,
        "%" PRIu64 " kept, %" PRIu64 " repeated, %" PRIu64 " set aside, %" PRIu64
        " in flight, %" PRIu64 " skipped, %" PRIu64 " without record, %" PRIu64
        " older than the log, %" PRIu64 " dead letters%s",
        found.applied, found.repeated + audit->notices_elsewhere, found.set_aside + found.waiting,
        found.in_flight, found.skipped, found.rows_alone, found.too_old,
        audit->notice_dead_of_sale + audit->notice_dead_of_none,
        audit_check_first(text, found.skipped ? found.first_skipped : found.first_alone));
}

/* --- history --- */

/* Where the fence does not fit, nothing is sold, on whatever epoch: a load is due. */
static enum audit_result judge_history(const struct audit *audit)
{
    const struct motion *motion = &audit->after;
    const uint32_t epoch = audit->row_after.definition.epoch;
    const bool cut = epoch != audit->row.definition.epoch;
    const bool sells = motion->has_meta && motion->meta.fence_fits
                       && motion->meta.head.state != SALE_STATE_LOADING;

    if (audit->orders.found.epochs_differ > 0 || (audit->epoch_max > epoch && !cut)
        || (sells && !cut && motion->meta.head.epoch != epoch)) {
        return AUDIT_VIOLATED;
    }
    return !is_loaded(audit) || is_redis_ours(audit) ? AUDIT_HOLDS : AUDIT_NOT_TOLD;
}

static void check_history(struct audit *audit)
{
    const struct motion *motion = &audit->after;

    audit_check_add(audit, AUDIT_HARD(I15), "one history is sold on: the one that MySQL names",
                    judge_history(audit),
                    "epoch %u in MySQL, %u in Redis, %u of the youngest order, %" PRIu64
                    " skus of another; fence %s",
                    audit->row.definition.epoch, motion->has_meta ? motion->meta.head.epoch : 0,
                    audit->epoch_max, audit->orders.found.epochs_differ,
                    !motion->has_meta         ? "missing"
                    : motion->meta.fence_fits ? "fits"
                                              : "does not fit");
}

static void check_outboxes(struct audit *audit)
{
    audit_check_add(audit, AUDIT_SOFT(I23), "both outboxes are empty at rest",
                    audit->report->at_rest ? AUDIT_HOLDS : AUDIT_NOT_TOLD,
                    "%" PRIu64 " entries in Redis, %" PRIu64 " rows in MySQL",
                    audit->after.redis_outbox, audit->after.sql_outbox);
}

void audit_judge(struct audit *audit)
{
    const struct audit_log_input input = {.places = &audit->places,
                                          .records = &audit->records,
                                          .unreadable = &audit->unreadable,
                                          .rows = &audit->rows,
                                          .dead = &audit->dead};
    struct audit_log_findings found;

    audit_log_judge(&input, &found);
    audit->in_flight = found.in_flight;
    audit->report->at_rest = audit->report->at_rest && found.in_flight == 0;
    check_sold(audit);
    check_entries(audit);
    check_stock(audit);
    audit_check_orders(audit);
    check_records(audit, &found);
    check_places(audit, &found);
    check_notices(audit);
    check_history(audit);
    check_ledger(audit);
    check_outboxes(audit);
}
