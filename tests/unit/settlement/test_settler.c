/* The consumer thread on fakes of Kafka's group and of settle: what it hands on and drops. */
#include "settlement/settler.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/conf.h"
#include "unit/settlement/quiet.h"
#include "unit/settlement/settler_world.h"

static struct conf conf;

static struct settler *make(uint32_t index)
{
    return settler_create(&(struct settler_options){.kind = &world_kind,
                                                    .topic = "orders",
                                                    .group = "group",
                                                    .group_suffix = "-x",
                                                    .client_name = "test",
                                                    .lag_metric = METRIC_consumer_lag_records,
                                                    .conf = &conf,
                                                    .owner = "me",
                                                    .index = index});
}

static void begin(void)
{
    world.polls_max = 2;
    for (size_t i = 0; i < CALLS_MAX; i++) {
        world.poll_results[i] = CONSUMER_IDLE;
    }
    world.poll_results[0] = CONSUMER_BATCH;
    settler = make(0);
    cr_assert_not_null(settler);
}

static void end(void)
{
    cr_assert_eq(world.alive, 0, "every partition was given back");
    settler_destroy(settler);
}

TestSuite(settler, .init = begin, .fini = end);

/* Payloads of partition 0 from offset 5 on; behind a blank those of partition 1. */
static void put(const char *payloads)
{
    uint32_t partition = 0;

    for (const char *at = payloads; *at; at++) {
        if (*at == ' ') {
            partition++;
            continue;
        }
        world.records[world.record_count] =
            (struct consumer_record){.partition = partition,
                                     .offset = 5 + world.record_count,
                                     .payload = at,
                                     .payload_size = 1,
                                     .appended_ms = -1};
        world.record_count++;
    }
}

Test(settler, a_stopped_worker_ends_its_patience)
{
    put("abc");
    world.polls_max = 1;
    world.answers[0] = (struct answer){SETTLE_AGAIN, 0};
    settler_run(settler);
    cr_assert(world.calls == 1 && world.keep_alives == 1);
    cr_assert_eq(world.committed, 0);
}

Test(settler, mysql_away_keeps_the_batch_and_the_group)
{
    put("abc");
    world.polls_max = 3;
    world.answers[0] = (struct answer){SETTLE_AGAIN, 0};
    world.answers[1] = (struct answer){SETTLE_AGAIN, 1};
    settler_run(settler);
    cr_assert_eq(world.calls, 3);
    cr_assert(world.firsts[0] == 5 && world.firsts[1] == 5);
    cr_assert_eq(world.firsts[2], 6, "behind what was taken");
    cr_assert_eq(world.counts[2], 2);
    cr_assert_eq(world.committed, 8);
    cr_assert_eq(world.creates, 1, "the group is not left");
    cr_assert_str_eq(world.group, "group-x");
    cr_assert_eq(world.keep_alives, 2);
    cr_assert_gt(world.keep_alive_ms[1], world.keep_alive_ms[0], "patience grows");
    cr_assert(world.in_back_off.is_paused);
    cr_assert_not_null(strstr(world.in_back_off.why, "mysql-text"));
    cr_assert_eq(world.counted, 3);
}

Test(settler, a_partition_lost_while_waiting_drops_its_batch)
{
    put("ab c");
    world.polls_max = 3;
    world.answers[0] = (struct answer){SETTLE_AGAIN, 0};
    world.loses_in_keep_alive = true;
    settler_run(settler);
    cr_assert_eq(world.calls, 2);
    cr_assert_eq(world.partitions[1], 1, "the other partition goes on");
    cr_assert_eq(world.creates, 1);
}

Test(settler, a_fenced_partition_is_dropped_and_the_group_joined_anew)
{
    put("ab");
    world.polls_max = 3;
    world.answers[0] = (struct answer){SETTLE_FENCED, 1};
    settler_run(settler);
    cr_assert_eq(world.calls, 1, "the rest is another's");
    cr_assert_eq(world.creates, 2);
    cr_assert_eq(world.destroys, 2);
}

Test(settler, a_newer_epoch_pauses_its_partition_and_is_tried_again)
{
    put("abc d");
    world.polls_max = 16;
    world.answers[0] = (struct answer){SETTLE_NEWER_EPOCH, 1};
    settler_run(settler);
    cr_assert_eq(world.calls, 2);
    cr_assert_eq(world.partitions[1], 1, "other partitions go on");
    cr_assert_eq(world.rewound_to, 6, "nothing is skipped");
    cr_assert(world.pauses == 1 && world.resumes == 1);
}

Test(settler, a_partition_that_waits_is_told_as_stopped)
{
    struct settler_state state;

    put("a");
    world.answers[0] = (struct answer){SETTLE_NEWER_EPOCH, 0};
    world.polls_max = 2;
    world.poll_results[1] = CONSUMER_FATAL;
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert_eq(state.stopped_partitions, 1);
    cr_assert_str_eq(state.stopped_why, "partition 0: a record of a newer epoch than MySQL's");
    cr_assert_eq(state.partitions, 2);
    cr_assert_eq(world.resumes, 0);
}

Test(settler, what_cannot_be_read_is_handed_on_with_its_bytes)
{
    put("axb");
    settler_run(settler);
    cr_assert_eq(world.counts[0], 3, "in its place among the others");
    cr_assert_eq(world.poison.offset, 6);
    cr_assert_eq(world.poison.payload_size, 1);
    cr_assert_eq(*(const char *)world.poison.payload, 'x');
    cr_assert_eq(world.poison.hint.value, 0);
}

Test(settler, whose_record_it_was_is_handed_on_if_that_much_can_be_read)
{
    put("h");
    settler_run(settler);
    cr_assert_eq(world.poison.hint.value, 77);
}

Test(settler, a_claim_that_fails_assigns_nothing)
{
    put("a");
    world.claim_result = SETTLE_AGAIN;
    world.poll_results[0] = CONSUMER_IDLE;
    settler_run(settler);
    cr_assert_eq(world.claims, 2);
    cr_assert_not(world.is_assigned[0]);
    cr_assert_eq(world.calls, 0);
}

Test(settler, a_fatal_consumer_is_made_anew)
{
    world.poll_results[0] = CONSUMER_FATAL;
    world.polls_max = 3;
    settler_run(settler);
    cr_assert_eq(world.creates, 2);
    cr_assert_eq(world.releases, 3);
}

Test(settler, a_gap_is_told_and_nothing_is_skipped)
{
    struct settler_state state;

    world.poll_results[0] = CONSUMER_GAP;
    world.trouble = "partition 0: a gap";
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert(state.is_paused);
    cr_assert_not_null(strstr(state.why, "a gap"));
    cr_assert_eq(world.rewinds, 0);
    cr_assert_eq(world.creates, 1);
}

/* Batches of the other partition do not hide it, not even between them (FK8). */
Test(settler, a_stopped_partition_is_told_while_others_are_settled)
{
    put("ab c"); /* two batches of one poll: what the first leaves is seen by the second */
    world.is_stopped = true;
    world.trouble = "partition 0: log gap: the log holds 5 to 9, our place is 2";
    settler_run(settler);
    cr_assert_eq(world.calls, 2);
    cr_assert_str_eq(world.in_settle.why,
                     "Kafka: partition 0: log gap: the log holds 5 to 9, our place is 2");
    cr_assert_str_eq(world.in_settle.stopped_why, world.trouble);
    cr_assert_eq(world.in_settle.stopped_partitions, 1);
}

Test(settler, mysql_away_hides_no_stopped_partition)
{
    put("ab");
    world.is_stopped = true;
    world.trouble = "partition 0: log gap: the log holds 5 to 9, our place is 2";
    world.answers[0] = (struct answer){SETTLE_AGAIN, 0};
    settler_run(settler);
    cr_assert_not_null(strstr(world.in_back_off.why, "mysql-text"));
    cr_assert_str_eq(world.in_back_off.stopped_why, world.trouble);
}

enum { POLLS_OF_RECLAIM = 300 }; /* of 100 ms: after so many a stopped partition is claimed again */

Test(settler, a_gap_that_was_mended_is_gone_on_from_without_a_rebalance)
{
    struct settler_state state;

    world.poll_results[0] = CONSUMER_GAP;
    world.is_stopped = true;
    world.mended_next = 12;
    world.polls_max = POLLS_OF_RECLAIM;
    settler_run(settler);
    cr_assert(world.claims == 2 && world.resumes == 0, "not before its time");
    settler_look(settler, &state);
    cr_assert_eq(state.stopped_partitions, 1);
    quiet.is_stopped = false;
    world.polls = 0;
    world.claims = 0;
    world.polls_max = POLLS_OF_RECLAIM + 2;
    settler_run(settler);
    cr_assert_eq(world.claims, 3, "MySQL tells the place anew");
    cr_assert(world.rewound_to == 12 && world.resumes == 1);
    settler_look(settler, &state);
    cr_assert_eq(state.stopped_partitions, 0);
}

Test(settler, a_gap_that_stays_is_asked_for_again_and_again)
{
    world.poll_results[0] = CONSUMER_GAP;
    world.is_stopped = world.stays_stopped = true;
    world.polls_max = 3 * POLLS_OF_RECLAIM;
    settler_run(settler);
    cr_assert_eq(world.resumes, 2);
    cr_assert_eq(world.creates, 1);
}

Test(settler, a_gap_between_records_stops_its_partition)
{
    put("abc d");
    world.answers[0] = (struct answer){SETTLE_GAP, 1};
    world.polls_max = POLLS_OF_RECLAIM + 3;
    settler_run(settler);
    cr_assert_eq(world.calls, 2);
    cr_assert_eq(world.partitions[1], 1, "other partitions go on");
    cr_assert_not_null(strstr(world.in_settle.stopped_why, "partition 0: log gap"));
    cr_assert(world.pauses == 1 && world.rewound_to == 6);
    cr_assert(world.claims == 3 && world.resumes == 1);
}

Test(settler, mysql_away_leaves_a_stopped_partition_stopped)
{
    struct settler_state state;

    put("a");
    world.answers[0] = (struct answer){SETTLE_GAP, 0};
    world.loses_claim = true;
    world.polls_max = POLLS_OF_RECLAIM + 3;
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert(state.stopped_partitions == 1 && world.resumes == 0);
}

Test(settler, a_group_that_cannot_be_joined_is_tried_again)
{
    struct settler_state state;

    world.create_err = ERR_CONFIG;
    quiet.sleeps_max = 3;
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert_eq(world.creates, 3);
    cr_assert_not_null(strstr(state.why, "no such setting"));
}

Test(settler, lag_is_what_is_behind_the_place_in_mysql)
{
    struct settler_state state;

    put("ab");
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert_eq(state.lag_records, (9 - 7) + (9 - 0));
    cr_assert_not(state.is_paused);
}

Test(settler, it_sweeps_each_second_and_at_once_while_there_is_more)
{
    world.polls_max = 21; /* of 100 ms */
    world.sweep_more = 2;
    settler_run(settler);
    cr_assert_eq(world.sweeps, 4, "%u", world.sweeps);
    cr_assert_eq(world.swept_from, 3, "each goes on behind the one before it");
}

Test(settler, a_sweep_without_mysql_is_told_and_tried_again)
{
    struct settler_state state;

    world.polls_max = 11;
    world.sweep_err = ERR_UNAVAILABLE;
    settler_run(settler);
    settler_look(settler, &state);
    cr_assert(world.sweeps == 2 && state.is_paused);
}

Test(settler, one_thread_sweeps_for_all)
{
    settler_destroy(settler);
    settler = make(1);
    world.polls_max = 11;
    settler_run(settler);
    cr_assert_eq(world.sweeps, 0);
}
