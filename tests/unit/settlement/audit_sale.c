#include "unit/settlement/audit_sale.h"

#include <criterion/criterion.h>
#include <string.h>

struct audit audit_sale;
struct audit_report audit_sale_report;

void audit_sale_add(struct audit_list *list, uint64_t seq, uint64_t hash, char letter)
{
    struct audit_item item = {
        .content = hash, .entry = hash, .letter = letter, .place = audit_place(0, seq - 1)};

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, (uint32_t)seq, &item.order_no), ERR_OK);
    cr_assert_eq(audit_list_add(list, &item), ERR_OK);
}

static void look(struct motion *motion)
{
    motion->has_meta = true;
    motion->meta.fence_fits = true;
    motion->meta.head.epoch = 3;
    motion->meta.head.state = SALE_STATE_OPEN;
}

/* A sale of 10 units at rest: orders 1 and 2, one unit each; MySQL has passed four records. */
void audit_sale_begin(void)
{
    struct sale_definition *definition = &audit_sale.row.definition;

    audit_sale.report = &audit_sale_report;
    audit_sale_report.at_rest = true;
    definition->epoch = 3;
    definition->limit = 1;
    definition->sku_count = 2;
    definition->skus[0].total = AUDIT_SALE_TOTAL;
    definition->skus[1].total = AUDIT_SALE_TOTAL;
    cr_assert_eq(sku_parse("a", 1, &definition->skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("b", 1, &definition->skus[1].sku), ERR_OK);
    audit_sale.row.sold[0] = 2;
    audit_sale.row_after = audit_sale.row;
    audit_sale.skus[0] = (struct sku_figures){
        .live = 2, .counted = 2, .supplied = AUDIT_SALE_TOTAL, .left = 7, .held = 1, .in_use = 2};
    audit_sale.skus[1] =
        (struct sku_figures){.supplied = AUDIT_SALE_TOTAL, .left = AUDIT_SALE_TOTAL};
    audit_sale.places.next[0] = 4;
    audit_sale.places.owner_epoch[0] = 1;
    look(&audit_sale.before);
    look(&audit_sale.after);
    for (uint64_t n = 1; n <= 2; n++) {
        audit_sale_add(&audit_sale.rows, n, 100 + n, 'N');
        audit_sale_add(&audit_sale.records, n, 100 + n, 0);
        audit_sale_add(&audit_sale.entries, n, 100 + n, 'N');
    }
}

void audit_sale_end(void)
{
    audit_list_finish(&audit_sale.rows);
    audit_list_finish(&audit_sale.records);
    audit_list_finish(&audit_sale.entries);
}

/* Judged anew. */
void audit_sale_judge(void)
{
    const bool at_rest = audit_sale_report.at_rest;

    memset(&audit_sale_report, 0, sizeof audit_sale_report);
    audit_sale_report.at_rest = at_rest;
    audit_judge(&audit_sale);
}

enum audit_result audit_sale_result(const char *id)
{
    for (uint32_t i = 0; i < audit_sale_report.check_count; i++) {
        if (strcmp(audit_sale_report.checks[i].id, id) == 0) {
            return audit_sale_report.checks[i].result;
        }
    }
    cr_assert_fail("no check %s", id);
    return AUDIT_HOLDS;
}

/* These, and no other. */
void audit_sale_violates(const char *ids)
{
    char broken[128] = "";

    audit_sale_judge();
    for (uint32_t i = 0; i < audit_sale_report.check_count; i++) {
        if (audit_sale_report.checks[i].result == AUDIT_VIOLATED) {
            strcat(strcat(broken, *broken ? " " : ""), audit_sale_report.checks[i].id);
        }
    }
    cr_assert_str_eq(broken, ids);
}

void audit_sale_not_told(const char *id, const char *why)
{
    bool is_there = false;

    for (uint32_t i = 0; i < audit_sale_report.check_count; i++) {
        const struct audit_check *check = &audit_sale_report.checks[i];
        is_there |= strcmp(check->id, id) == 0 && check->result == AUDIT_NOT_TOLD
                    && strstr(check->found, why) != NULL;
    }
    cr_assert(is_there, "%s is not told: %s", id, why);
}

const char *audit_sale_found(const char *id)
{
    for (uint32_t i = 0; i < audit_sale_report.check_count; i++) {
        if (strcmp(audit_sale_report.checks[i].id, id) == 0) {
            return audit_sale_report.checks[i].found;
        }
    }
    return "";
}
