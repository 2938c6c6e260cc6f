#include "bench/load/timeline.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

enum { NS_PER_S = 1000000000 };
static const int64_t START_NS = 5000000000;

static struct timeline *make(void)
{
    struct timeline *timeline = timeline_create();

    cr_assert_not_null(timeline);
    timeline_begin(timeline, START_NS);
    return timeline;
}

static int64_t at(double seconds)
{
    return START_NS + (int64_t)(seconds * NS_PER_S);
}

Test(timeline, nothing_is_handed_over_before_its_second_is_past)
{
    struct timeline *timeline = make();

    timeline_sent(timeline, at(0.1), false);
    timeline_answered(timeline, at(0.9), ANSWER_SOLD_OUT, 10);
    timeline_turn(timeline, at(0.999));
    cr_assert_null(timeline_take(timeline));
    timeline_turn(timeline, at(1.0));
    struct timeline_second *second = timeline_take(timeline);
    cr_assert_not_null(second);
    cr_assert_eq(second->second, 0);
    cr_assert_eq(second->sent, 1);
    cr_assert_null(timeline_take(timeline), "a second was handed over twice");
    timeline_second_destroy(second);
    timeline_destroy(timeline);
}

Test(timeline, what_is_counted_goes_to_the_second_of_its_time_with_its_class)
{
    struct timeline *timeline = make();

    timeline_sent(timeline, at(2.5), true);
    timeline_answered(timeline, at(2.6), ANSWER_ACCEPTED, 100);
    timeline_answered(timeline, at(4.1), ANSWER_LOST, 200);
    timeline_end(timeline);
    struct timeline_second *last = timeline_take(timeline), *first = last->next;
    cr_assert_eq(last->second, 4);
    cr_assert_eq(last->answers[ANSWER_LOST], 1);
    cr_assert_eq(last->latency[ANSWER_CLASS_ERROR]->max_us, 200);
    cr_assert_eq(first->second, 2);
    cr_assert_eq(first->late, 1);
    cr_assert_eq(first->answers[ANSWER_ACCEPTED], 1);
    cr_assert_eq(first->latency[ANSWER_CLASS_ACCEPTED]->total, 1);
    cr_assert_null(first->latency[ANSWER_CLASS_SOLD_OUT]);
    cr_assert_null(first->next, "a second without anything was made");
    timeline_second_destroy(first);
    timeline_second_destroy(last);
    timeline_destroy(timeline);
}

Test(timeline, the_end_hands_over_the_current_second_and_destroy_frees_what_nobody_took)
{
    struct timeline *timeline = make();

    timeline_end(timeline);
    cr_assert_null(timeline_take(timeline));
    timeline_sent(timeline, at(0.5), false);
    timeline_end(timeline);
    timeline_sent(timeline, at(1.5), false);
    cr_assert_not(timeline_incomplete(timeline));
    timeline_destroy(timeline); /* the sanitizers look for leaks */
    timeline_destroy(NULL);
}

struct counting {
    struct timeline *timeline;
    atomic_bool done;
};

enum { COUNTED_SECONDS = 2000, COUNTED_EACH = 50 };

static void *count(void *arg)
{
    struct counting *counting = arg;

    for (uint32_t i = 0; i < COUNTED_SECONDS * COUNTED_EACH; i++) {
        timeline_sent(counting->timeline, at((double)i / COUNTED_EACH), false);
    }
    timeline_end(counting->timeline);
    atomic_store(&counting->done, true);
    return NULL;
}

Test(timeline, a_reader_gets_every_second_once_while_the_thread_goes_on)
{
    struct counting counting = {.timeline = make()};
    uint32_t seconds = 0;
    uint64_t sent = 0;
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, count, &counting), 0);
    for (bool last = false; !last;) {
        last = atomic_load(&counting.done);
        struct timeline_second *next, *second = timeline_take(counting.timeline);
        for (; second; second = next) {
            next = second->next;
            seconds++;
            sent += second->sent;
            timeline_second_destroy(second);
        }
    }
    pthread_join(thread, NULL);
    cr_assert_eq(seconds, COUNTED_SECONDS);
    cr_assert_eq(sent, COUNTED_SECONDS * COUNTED_EACH);
    timeline_destroy(counting.timeline);
}
