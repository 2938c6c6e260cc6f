#include "tally.h"

#include <stdlib.h>

enum { RECORDS_FIRST = 4096 };

void tally_finish(struct tally *tally)
{
    free(tally->records);
    tally->records = NULL;
}

bool tally_reserve(struct tally *tally, size_t records)
{
    struct tally_record *grown = realloc(tally->records, records * sizeof *grown);

    if (grown) {
        tally->records = grown;
        tally->record_capacity = records;
    }
    return grown != NULL;
}

void tally_record(struct tally *tally, uint32_t buyer, enum answer answer, uint64_t order_no)
{
    if (tally->record_count == tally->record_capacity
        && !tally_reserve(tally,
                          tally->record_capacity ? tally->record_capacity * 2 : RECORDS_FIRST)) {
        tally->records_lost = true;
        return;
    }
    tally->records[tally->record_count++] =
        (struct tally_record){.order_no = order_no, .buyer = buyer, .answer = (uint32_t)answer};
}

void tally_measure(struct tally *tally, enum answer answer, uint64_t latency_us)
{
    tally->measured[answer]++;
    histogram_add(&tally->latency[answer_class(answer)], latency_us);
}

void tally_merge(struct tally *into, const struct tally *from)
{
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        into->measured[i] += from->measured[i];
    }
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        histogram_merge(&into->latency[i], &from->latency[i]);
    }
    into->measured_late += from->measured_late;
    into->reopened += from->reopened;
    into->own_late += from->own_late;
    into->dry += from->dry;
    into->portless += from->portless;
    into->dropped += from->dropped;
    into->unsent += from->unsent;
    into->paid += from->paid;
    into->cancelled += from->cancelled;
    into->lapsed += from->lapsed;
    into->effort = effort_worst(into->effort, from->effort);
    into->records_lost = into->records_lost || from->records_lost;
}

void tally_look(const struct tally *tally, struct tally_view *view)
{
    view->sent += atomic_load_explicit(&tally->sent, memory_order_relaxed);
    view->late += atomic_load_explicit(&tally->late, memory_order_relaxed);
    view->wanted += atomic_load_explicit(&tally->wanted, memory_order_relaxed);
    view->wrong += atomic_load_explicit(&tally->wrong, memory_order_relaxed);
    view->in_window += atomic_load_explicit(&tally->in_window, memory_order_relaxed);
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        const uint64_t count = atomic_load_explicit(&tally->answers[i], memory_order_relaxed);
        view->answers[i] += count;
        view->answered += count;
    }
}
