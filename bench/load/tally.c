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
    histogram_add(&tally->latency[TALLY_ALL], latency_us);
    if (answer_is_win(answer)) {
        histogram_add(&tally->latency[TALLY_WON], latency_us);
    } else if (!answer_is_error(answer) && answer != ANSWER_OK) {
        histogram_add(&tally->latency[TALLY_REFUSED], latency_us);
    }
    if (latency_us > atomic_load_explicit(&tally->slowest_us, memory_order_relaxed)) {
        atomic_store_explicit(&tally->slowest_us, latency_us, memory_order_relaxed);
    }
}

void tally_merge(struct tally *into, const struct tally *from)
{
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        into->measured[i] += from->measured[i];
    }
    for (uint32_t i = 0; i < TALLY_GROUP_COUNT; i++) {
        histogram_merge(&into->latency[i], &from->latency[i]);
    }
    into->measured_late += from->measured_late;
    into->reopened += from->reopened;
    into->records_lost = into->records_lost || from->records_lost;
}

void tally_look(struct tally *tally, struct tally_view *view)
{
    const uint64_t slowest_us =
        atomic_exchange_explicit(&tally->slowest_us, 0, memory_order_relaxed);

    view->sent += atomic_load_explicit(&tally->sent, memory_order_relaxed);
    view->late += atomic_load_explicit(&tally->late, memory_order_relaxed);
    view->in_window += atomic_load_explicit(&tally->in_window, memory_order_relaxed);
    view->slowest_us = slowest_us > view->slowest_us ? slowest_us : view->slowest_us;
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        const uint64_t count = atomic_load_explicit(&tally->answers[i], memory_order_relaxed);
        view->answers[i] += count;
        view->answered += count;
    }
}
