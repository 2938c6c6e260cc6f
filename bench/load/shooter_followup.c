/* What winners do next. */
#include <stdlib.h>
#include <time.h>

#include "shooter_state.h"

/* The buyer hears of this win for the first time. */
static bool is_news(const struct attempt *attempt, enum answer answer)
{
    return answer == ANSWER_ACCEPTED || (answer == ANSWER_REPLAYED && attempt->kind == KIND_DROP);
}

static size_t make(struct shooter *shooter, const struct connection *connection,
                   const struct attempt *next, const struct response *response)
{
    const struct run *run = shooter->run;
    const char *host = run->options->targets[connection->target_number].host;
    struct token token = {0};

    if (next->step == STEP_PAY) {
        return followup_pay(run->followup, response, host, time(NULL), shooter->request);
    }
    token.text = crowd_token(run->maker->crowd, next->buyer, &token.size);
    return followup_cancel(run->followup, response, host, token, shooter->request);
}

void shooter_follow_up(struct shooter *shooter, const struct connection *connection,
                       const struct response *response, enum answer answer, int64_t now_ns)
{
    const struct run *run = shooter->run;
    struct attempt next = connection->attempt;

    if (!run->followup || next.step != STEP_PURCHASE || !is_news(&next, answer)) {
        return;
    }
    next.step = plan_next(run->plan, next.buyer);
    if (next.step == STEP_PURCHASE) {
        shooter->tally.lapsed++;
        return;
    }
    const int64_t due_ns = now_ns + (int64_t)run->options->after_ms * SHOOTER_NS_PER_MS;
    const size_t size = make(shooter, connection, &next, response);
    struct retry *retry = size > 0 ? retry_create(&next, due_ns, shooter->request, size) : NULL;
    if (!retry) {
        shooter_count(shooter, &next, now_ns, now_ns, ANSWER_TIMEOUT);
        shooter->tally.unsent++;
        return;
    }
    retries_push(&shooter->followups, retry);
}

bool shooter_has_followup(const struct shooter *shooter, int64_t now_ns)
{
    return shooter->followups.first && shooter->followups.first->due_ns <= now_ns;
}
