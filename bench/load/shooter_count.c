/* What was sent and what came of it, into the tally and the timeline. */
#include "shooter_state.h"

/* What such a request may be told: a bad token is to be refused, and wins nothing. */
static void judge(struct shooter *shooter, enum kind kind, enum answer answer)
{
    const bool is_foul = kind == KIND_BAD_TOKEN || kind == KIND_UNKNOWN_SALE;

    if (kind == KIND_BAD_TOKEN && answer == ANSWER_PROBLEM_TOKEN_BAD) {
        tally_raise(&shooter->tally.wanted);
    } else if (is_foul && answer_is_win(answer)) {
        tally_raise(&shooter->tally.wrong);
    }
}

void shooter_count(struct shooter *shooter, const struct attempt *attempt, int64_t since_ns,
                   int64_t now_ns, enum answer answer)
{
    const struct run *run = shooter->run;
    const uint64_t latency_us = (uint64_t)(now_ns - since_ns) / SHOOTER_NS_PER_US;

    timeline_answered(shooter->timeline, now_ns, answer, latency_us);
    tally_raise(&shooter->tally.answers[answer]);
    shooter->tally.paid += attempt->step == STEP_PAY && answer == ANSWER_OK;
    shooter->tally.cancelled += attempt->step == STEP_CANCEL && answer == ANSWER_OK;
    judge(shooter, attempt->kind, answer);
    if (now_ns >= run->measure_ns && now_ns < run->end_ns) {
        tally_raise(&shooter->tally.in_window);
    }
    if (since_ns >= run->measure_ns) {
        tally_measure(&shooter->tally, answer, latency_us);
    }
}

void shooter_record(struct shooter *shooter, const struct attempt *attempt, enum answer answer,
                    uint64_t order_no)
{
    if (shooter->run->options->keep_told && attempt->step == STEP_PURCHASE) {
        tally_record(&shooter->tally, attempt->buyer, answer, order_no);
    }
}

void shooter_count_busy(struct shooter *shooter, const struct connection *connection,
                        int64_t now_ns, enum answer answer, uint64_t order_no)
{
    const bool closed = shooter->run->options->closed;

    shooter->busy_count--;
    shooter_count(shooter, &connection->attempt, closed ? connection->sent_ns : connection->due_ns,
                  now_ns, answer);
    shooter_record(shooter, &connection->attempt, answer, order_no);
}

/* Late is late, whoever is to blame; here: the generator, although a connection was free. */
void shooter_count_sent(struct shooter *shooter, int64_t due_ns, int64_t now_ns)
{
    const int64_t late_ns = (int64_t)shooter->run->options->late_ms * SHOOTER_NS_PER_MS;
    const int64_t free_ns = shooter->pool.free_since_ns;
    const bool late = now_ns - due_ns > late_ns;

    shooter->next++;
    timeline_sent(shooter->timeline, now_ns, late);
    tally_raise(&shooter->tally.sent);
    if (late) {
        tally_raise(&shooter->tally.late);
        shooter->tally.measured_late += due_ns >= shooter->run->measure_ns;
        shooter->tally.own_late += now_ns - (free_ns > due_ns ? free_ns : due_ns) > late_ns;
    }
}
