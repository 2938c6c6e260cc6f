/* audit_checks: one function a promise (PROTOCOL §1, §6); no I/O. */
#include "settlement/audit_data.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/assert.h"
#include "common/metrics.h"

#define ID(name) LABEL_INVARIANT_##name, #name

__attribute__((format(printf, 6, 7))) static void check(struct audit *audit, uint32_t label,
                                                        const char *id, const char *name,
                                                        enum audit_result result,
                                                        const char *format, ...)
{
    struct audit_report *report = audit->report;
    ASSERT(report->check_count < AUDIT_CHECKS_MAX);
    struct audit_check *made = &report->checks[report->check_count++];
    va_list arguments;

    *made = (struct audit_check){.label = label, .id = id, .name = name, .result = result};
    va_start(arguments, format);
    vsnprintf(made->found, sizeof made->found, format, arguments);
    va_end(arguments);
    report->violations += result == AUDIT_VIOLATED;
}

/* What can only be compared at rest. */
static enum audit_result at_rest(const struct audit *audit, bool holds)
{
    if (!audit->report->at_rest) {
        return AUDIT_NOT_AT_REST;
    }
    return holds ? AUDIT_HOLDS : AUDIT_VIOLATED;
}

static enum audit_result always(bool holds)
{
    return holds ? AUDIT_HOLDS : AUDIT_VIOLATED;
}

static void check_sold(struct audit *audit)
{
    const struct sale_definition *definition = &audit->row.definition;
    uint64_t live = 0, sold = 0, total = 0;
    const char *wrong = "";
    bool holds = true, within = true;

    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const uint64_t units = audit->skus[i].live;
        const bool good =
            units == audit->row.sold[i] && audit->row.sold[i] <= definition->skus[i].total;
        live += units;
        sold += audit->row.sold[i];
        total += definition->skus[i].total;
        within &= audit->row.sold[i] <= definition->skus[i].total;
        if (!good && holds) {
            wrong = definition->skus[i].sku.text;
            holds = false;
        }
    }
    check(audit, ID(I1), "units of live orders = sold, within total",
          audit->report->at_rest ? always(holds) : (within ? AUDIT_NOT_AT_REST : AUDIT_VIOLATED),
          "live %" PRIu64 ", sold %" PRIu64 ", total %" PRIu64 "%s%s", live, sold, total,
          holds ? "" : "; wrong: ", wrong);
}

static void check_stock(struct audit *audit)
{
    const struct sale_definition *definition = &audit->row.definition;
    uint64_t left = 0, held = 0, live = 0, total = 0;
    const char *wrong = "";
    bool holds = true;

    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sku_figures *figures = &audit->skus[i];
        left += figures->left;
        held += figures->held;
        live += figures->live;
        total += definition->skus[i].total;
        if (figures->left + figures->held + figures->live != definition->skus[i].total && holds) {
            wrong = definition->skus[i].sku.text;
            holds = false;
        }
    }
    check(audit, ID(I3), "left and held in Redis + live orders = total", at_rest(audit, holds),
          "left %" PRIu64 " + held %" PRIu64 " + live %" PRIu64 " of %" PRIu64 "%s%s", left, held,
          live, total, holds ? "" : "; wrong: ", wrong);
}

static void check_ledger(struct audit *audit)
{
    const struct sale_definition *definition = &audit->row.definition;
    int64_t deltas = 0, left = 0;
    const char *wrong = "";
    bool holds = true;

    for (uint32_t i = 0; i < definition->sku_count; i++) {
        const struct sku_figures *figures = &audit->skus[i];
        const int64_t by_ledger = figures->ledger - (int64_t)figures->counted;
        const int64_t by_row = (int64_t)definition->skus[i].total - (int64_t)audit->row.sold[i];
        deltas += figures->ledger;
        left += by_row;
        if (by_ledger != by_row && holds) {
            wrong = definition->skus[i].sku.text;
            holds = false;
        }
    }
    check(audit, ID(I21), "every change of stock is in the ledger", at_rest(audit, holds),
          "deltas %" PRId64 ", left by MySQL %" PRId64 "%s%s", deltas, left,
          holds ? "" : "; wrong: ", wrong);
}

/* "" or "; first: <order_no>", in a buffer of the caller. */
static const char *first(char *text, size_t size, struct order_no order_no)
{
    text[0] = '\0';
    if (order_no.value != 0) {
        snprintf(text, size, "; first: %" PRIu64, order_no.value);
    }
    return text;
}

static void check_rows(struct audit *audit)
{
    char text[48];
    const struct audit_difference found =
        audit_list_compare(&audit->records, &audit->rows, AUDIT_BY_CONTENT);
    const bool applied = found.only_a <= audit->dead_of_sale;

    check(audit, ID(I5), "every record of the log has its row",
          at_rest(audit, applied && found.different == 0),
          "%zu records, %zu without row, %zu differ, %" PRIu64 " dead letters%s",
          audit->records.count, found.only_a, found.different, audit->dead_of_sale,
          first(text, sizeof text, found.only_a ? found.first_a : found.first_different));
    check(audit, ID(I6), "every row has its record in the log",
          audit->report->at_rest ? always(found.only_b == 0) : AUDIT_NOT_AT_REST,
          "%zu rows, %zu without record%s", audit->rows.count, found.only_b,
          first(text, sizeof text, found.first_b));
    check(audit, ID(I7), "an order number means one order", always(audit->records.clashes == 0),
          "%zu repeated records, %zu clash%s", audit->records.repeated, audit->records.clashes,
          first(text, sizeof text, audit->records.clash));
}

/* Redis is not told that a row waits for an operator: its buyer's order is pending. A load is. */
static bool is_same_state(char in_redis, char in_row)
{
    return in_redis == in_row
           || (in_redis == order_state_letter(ORDER_STATE_PENDING)
               && in_row == order_state_letter(ORDER_STATE_QUARANTINED));
}

static size_t letters_differ(const struct audit *audit, struct order_no *ret_first)
{
    size_t i = 0, differ = 0;

    for (size_t j = 0; j < audit->entries.count; j++) {
        const struct audit_item *entry = &audit->entries.items[j];
        while (i < audit->told_rows.count
               && audit->told_rows.items[i].order_no.value < entry->order_no.value) {
            i++;
        }
        const struct audit_item *row =
            i < audit->told_rows.count ? &audit->told_rows.items[i] : NULL;
        if (row && row->order_no.value == entry->order_no.value
            && !is_same_state(entry->letter, row->letter) && differ++ == 0) {
            *ret_first = entry->order_no;
        }
    }
    return differ;
}

static void check_entries(struct audit *audit)
{
    char text[48];
    struct order_no first_letter = {0};
    const size_t letters = letters_differ(audit, &first_letter);
    const struct audit_difference found =
        audit_list_compare(&audit->entries, &audit->told_rows, AUDIT_BY_ENTRY);
    const bool holds = found.only_a + found.only_b + found.different + letters == 0;
    const struct order_no wrong = found.only_a      ? found.first_a
                                  : found.only_b    ? found.first_b
                                  : found.different ? found.first_different
                                                    : first_letter;

    check(
        audit, ID(I2), "orders in Redis = rows", at_rest(audit, holds),
        "%zu in Redis, %zu without row, %zu rows missing there, %zu differ, %zu in another state%s",
        audit->entries.count, found.only_a, found.only_b, found.different, letters,
        first(text, sizeof text, wrong));
}

static void check_buyers(struct audit *audit)
{
    const struct order_findings *findings = &audit->findings;

    check(audit, ID(I4), "no buyer holds more than the limit",
          always(findings->buyers_over_limit == 0 && findings->slots_out_of_range == 0
                 && findings->live_without_slot == 0),
          "%" PRIu64 " buyers over %u, %" PRIu64 " slots out of range, %" PRIu64
          " live without slot",
          findings->buyers_over_limit, audit->row.definition.limit, findings->slots_out_of_range,
          findings->live_without_slot);
    check(audit, ID(I8), "one key, at most one order", always(findings->repeated_keys == 0),
          "%" PRIu64 " keys with more", findings->repeated_keys);
}

static void check_places(struct audit *audit)
{
    const struct motion *motion = &audit->motion;
    const bool loaded = audit->row.definition.epoch > 0;
    const bool fits = motion->has_meta && motion->meta.fence_fits
                      && motion->meta.head.epoch == audit->row.definition.epoch;

    check(audit, ID(I13), "the worker's place is within the log", always(motion->beyond == 0),
          "%" PRIu64 " records behind, %" PRIu64 " beyond the end", motion->lag, motion->beyond);
    check(audit, ID(I14), "nothing waits in dead_letters",
          always(audit->dead_of_sale + audit->dead_of_none == 0),
          "%" PRIu64 " of this sale, %" PRIu64 " of no known sale, %" PRIu64 " unreadable records",
          audit->dead_of_sale, audit->dead_of_none, audit->unreadable);
    check(audit, ID(I15), "Redis holds the history that MySQL names", always(!loaded || fits),
          "epoch %u in MySQL, %u in Redis, fence %s", audit->row.definition.epoch,
          motion->has_meta ? motion->meta.head.epoch : 0,
          !motion->has_meta         ? "missing"
          : motion->meta.fence_fits ? "fits"
                                    : "does not fit");
    check(audit, ID(I23), "both outboxes are empty at rest",
          audit->report->at_rest ? AUDIT_HOLDS : AUDIT_NOT_AT_REST,
          "%" PRIu64 " entries in Redis, %" PRIu64 " rows in MySQL", motion->redis_outbox,
          motion->sql_outbox);
}

void audit_judge(struct audit *audit)
{
    check_sold(audit);
    check_entries(audit);
    check_stock(audit);
    check_buyers(audit);
    check_rows(audit);
    check_places(audit);
    check_ledger(audit);
}
