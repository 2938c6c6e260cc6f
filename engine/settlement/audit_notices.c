#include "settlement/audit_notices.h"

#include <stdlib.h>
#include <string.h>

struct judge {
    const struct audit_notices_input *input;
    struct audit_notices_findings *found;
};

static int compare(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

static int by_event(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;
    const int order = compare(x->content, y->content);

    return order != 0 ? order : compare(x->place, y->place);
}

static int by_transaction(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;

    return compare(x->entry, y->entry);
}

static int by_content(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;

    return compare(x->content, y->content);
}

static void sort(struct audit_list *list, int (*order)(const void *, const void *))
{
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, order);
    }
}

static const struct audit_item *find(const struct audit_list *list, const struct audit_item *key,
                                     int (*order)(const void *, const void *))
{
    return list->count ? bsearch(key, list->items, list->count, sizeof *key, order) : NULL;
}

static void count(uint64_t *counted, struct order_no *first, struct order_no order_no)
{
    if ((*counted)++ == 0) {
        *first = order_no;
    }
}

static bool is_behind(const struct judge *judge, uint64_t place)
{
    return audit_places_is_behind(judge->input->places, place);
}

/* True: it is in dead_letters. */
static bool count_dead(struct judge *judge, uint64_t place)
{
    const enum audit_dead dead = audit_log_dead_at(judge->input->dead, place);

    judge->found->waiting += dead == AUDIT_DEAD_OPEN;
    judge->found->set_aside += dead == AUDIT_DEAD_RESOLVED;
    return dead != AUDIT_DEAD_NONE;
}

/* A row has the place of the first record of its event; both lists are in order of the event. */
static void match_events(struct judge *judge)
{
    struct audit_list *records = judge->input->records;
    size_t left = 0;

    for (size_t i = 0; i < records->count; i++) {
        const struct audit_item *record = &records->items[i];
        const struct audit_item *row = find(judge->input->payments, record, by_content);
        if (row) {
            judge->found->applied += row->place == record->place;
            judge->found->repeated += row->place != record->place;
        } else if (is_behind(judge, record->place)) {
            judge->found->in_flight++;
        } else if (!count_dead(judge, record->place)) {
            records->items[left++] = *record; /* of another event: by its transaction */
        }
    }
    records->count = left;
}

static void match_transactions(struct judge *judge)
{
    const struct audit_list *records = judge->input->records;

    sort(judge->input->payments, by_transaction);
    for (size_t i = 0; i < records->count; i++) {
        const struct audit_item *record = &records->items[i];
        if (record->entry != 0 && find(judge->input->payments, record, by_transaction)) {
            judge->found->repeated++;
        } else {
            count(&judge->found->skipped, &judge->found->first_skipped, record->order_no);
        }
    }
}

static void judge_rows(struct judge *judge)
{
    const struct audit_list *rows = judge->input->payments;

    for (size_t i = 0; i < rows->count; i++) {
        const struct audit_item *row = &rows->items[i];
        const bool is_there = find(judge->input->records, row, by_event) != NULL;
        if (is_there && is_behind(judge, row->place)) {
            count(&judge->found->beyond, &judge->found->first_beyond, row->order_no);
        } else if (audit_places_is_too_old(judge->input->places, row->place)) {
            judge->found->too_old++;
        } else if (!is_there) {
            count(&judge->found->rows_alone, &judge->found->first_alone, row->order_no);
        }
    }
}

void audit_notices_judge(const struct audit_notices_input *input,
                         struct audit_notices_findings *ret_findings)
{
    struct judge judge = {.input = input, .found = ret_findings};

    memset(ret_findings, 0, sizeof *ret_findings);
    sort(input->records, by_event);
    sort(input->payments, by_event);
    judge_rows(&judge);
    match_events(&judge);
    match_transactions(&judge);
    for (size_t i = 0; i < input->unreadable->count; i++) {
        const uint64_t place = input->unreadable->items[i].place;
        if (is_behind(&judge, place)) {
            ret_findings->in_flight++;
        } else if (!count_dead(&judge, place)) {
            ret_findings->skipped++;
        }
    }
}
