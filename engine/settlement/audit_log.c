#include "settlement/audit_log.h"

#include <stdlib.h>
#include <string.h>

#define OFFSET_MASK ((UINT64_C(1) << 48) - 1)

struct judge {
    const struct audit_log_input *input;
    struct audit_log_findings *found;
};

/* Records of one number, and its row. */
struct group {
    const struct audit_item *records;
    size_t count;
    const struct audit_item *row; /* NULL: none */
};

static int by_place(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;

    return (x->place > y->place) - (x->place < y->place);
}

void audit_log_sort_places(struct audit_list *list)
{
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, by_place);
    }
}

static uint32_t partition_of(uint64_t place)
{
    return (uint32_t)(place >> 48) % AUDIT_PARTITIONS_MAX;
}

bool audit_places_is_behind(const struct audit_places *places, uint64_t place)
{
    return (place & OFFSET_MASK) >= places->next[partition_of(place)];
}

bool audit_places_is_too_old(const struct audit_places *places, uint64_t place)
{
    return (place & OFFSET_MASK) < places->first[partition_of(place)]
           && !audit_places_is_behind(places, place);
}

enum audit_dead audit_log_dead_at(const struct audit_list *dead, uint64_t place)
{
    const struct audit_item key = {.place = place};
    const struct audit_item *item =
        dead->count ? bsearch(&key, dead->items, dead->count, sizeof key, by_place) : NULL;

    return item ? (enum audit_dead)item->content : AUDIT_DEAD_NONE;
}

static bool is_behind(const struct judge *judge, uint64_t place)
{
    return audit_places_is_behind(judge->input->places, place);
}

static enum audit_dead dead_at(const struct judge *judge, uint64_t place)
{
    return audit_log_dead_at(judge->input->dead, place);
}

static void count(uint64_t *count, struct order_no *first, struct order_no order_no)
{
    if ((*count)++ == 0) {
        *first = order_no;
    }
}

static bool count_dead(struct judge *judge, uint64_t place)
{
    const enum audit_dead dead = dead_at(judge, place);

    judge->found->waiting += dead == AUDIT_DEAD_OPEN;
    judge->found->set_aside += dead == AUDIT_DEAD_RESOLVED;
    return dead != AUDIT_DEAD_NONE;
}

static void judge_record(struct judge *judge, const struct group *group,
                         const struct audit_item *record)
{
    struct audit_log_findings *found = judge->found;

    if (is_behind(judge, record->place)) {
        found->in_flight++;
    } else if (group->row && group->row->content == record->content) {
        found->applied += group->row->place == record->place;
        found->duplicates += group->row->place != record->place;
    } else if (count_dead(judge, record->place)) {
        return;
    } else if (group->row) {
        count(&found->different, &found->first_different, record->order_no);
    } else {
        count(&found->skipped, &found->first_skipped, record->order_no);
    }
}

/* Two contents under one number, neither of them dealt with by an operator. */
static void judge_clash(struct judge *judge, const struct group *group)
{
    const struct audit_item *one = NULL;

    for (size_t i = 0; i < group->count; i++) {
        const struct audit_item *record = &group->records[i];
        if (dead_at(judge, record->place) == AUDIT_DEAD_RESOLVED) {
            continue;
        }
        if (one && one->content != record->content) {
            count(&judge->found->clashes, &judge->found->first_clash, record->order_no);
            return;
        }
        one = record;
    }
}

static void judge_row(struct judge *judge, const struct group *group)
{
    struct audit_log_findings *found = judge->found;
    const struct audit_item *row = group->row;
    bool is_there = false;

    for (size_t i = 0; i < group->count; i++) {
        is_there |= group->records[i].place == row->place;
    }
    if (is_there && is_behind(judge, row->place)) {
        count(&found->beyond, &found->first_beyond, row->order_no);
    }
    if (audit_places_is_too_old(judge->input->places, row->place)) {
        found->too_old++;
        return;
    }
    if (group->count == 0) {
        count(&found->rows_alone, &found->first_alone, row->order_no);
    } else if (!is_there) {
        count(&found->misplaced, &found->first_alone, row->order_no);
    }
}

static void judge_group(struct judge *judge, const struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        judge_record(judge, group, &group->records[i]);
    }
    judge_clash(judge, group);
    if (group->row) {
        judge_row(judge, group);
    }
}

static void judge_unreadable(struct judge *judge)
{
    const struct audit_list *unreadable = judge->input->unreadable;

    for (size_t i = 0; i < unreadable->count; i++) {
        const uint64_t place = unreadable->items[i].place;
        if (is_behind(judge, place)) {
            judge->found->in_flight++;
        } else if (!count_dead(judge, place)) {
            judge->found->skipped++;
        }
    }
}

void audit_log_judge(const struct audit_log_input *input, struct audit_log_findings *ret_findings)
{
    const struct audit_list *records = input->records, *rows = input->rows;
    struct judge judge = {.input = input, .found = ret_findings};
    size_t i = 0, j = 0;

    memset(ret_findings, 0, sizeof *ret_findings);
    while (i < records->count || j < rows->count) {
        const struct audit_item *record = i < records->count ? &records->items[i] : NULL;
        const struct audit_item *row = j < rows->count ? &rows->items[j] : NULL;
        const bool row_first = row && (!record || row->order_no.value <= record->order_no.value);
        const struct order_no number = row_first ? row->order_no : record->order_no;
        struct group group = {.records = record, .row = row_first ? row : NULL};
        while (i < records->count && records->items[i].order_no.value == number.value) {
            group.count++;
            i++;
        }
        j += row_first;
        judge_group(&judge, &group);
    }
    judge_unreadable(&judge);
}
