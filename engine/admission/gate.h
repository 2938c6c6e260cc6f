/* gate: who may try to buy, from what is known without asking (PROTOCOL §3.2).
 * Why:    the order of the checks is the point, and it stands in one place: cheapest first; a no
 *         from memory needs its lease only, so it is given while Kafka is away too; back-pressure
 *         comes before the script, while nothing was taken.
 * Never:  does I/O; reads a clock; says a no that Redis would not have said.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "admission/sold_out.h"
#include "common/metrics.h"
#include "domain/outcome.h"
#include "domain/sale.h"

enum gate_sale {
    GATE_SALE_KNOWN,
    GATE_SALE_ABSENT, /* surely not in the catalogue, by a read sent within the last second */
    GATE_SALE_UNSURE, /* the catalogue is stale, or is being rebuilt: 503, never 404 */
};

/* The newest reply of the sale, as far as the opening needs it. */
struct gate_view {
    uint32_t epoch; /* 0: there was no reply */
    uint32_t seq;   /* wins in that epoch */
    int64_t redis_time_ms;
    int64_t sent_us; /* monotonic, when its call was sent */
};

struct gate_request {
    bool is_draining;
    enum gate_sale sale;
    const struct sale_definition *definition; /* KNOWN; borrowed, as the rest */
    int sku;                       /* its place in the definition; -1: there is no such sku */
    const struct gate_view *view;  /* KNOWN */
    const struct sold_out *memory; /* KNOWN */
    const struct buyer *buyer;
    int64_t now_us; /* monotonic, read after the request's last byte had come */
};

struct gate_answer {
    bool passes;            /* else `outcome` is the answer */
    bool may_be_winner;     /* passes because the winners' filter said "maybe" */
    enum outcome outcome;   /* OVERLOADED by drain is counted as SHED_DRAIN */
    uint32_t retry_after_s; /* 0: none of its own */
};
/* Drain, known sale, known sku, not open yet, no from memory. */
struct gate_answer gate_judge(const struct gate_request *request);

/* Time until the opening as this reply and the clock tell it, never more than the truth; 0: open,
 * or not known. */
int64_t gate_opens_in_ms(const struct sale_definition *definition, const struct gate_view *view,
                         int64_t now_us);
/* Seconds for Retry-After until then: exact; 0 stays 0; an hour at most. */
uint32_t gate_retry_after_s(int64_t opens_in_ms);

/* So many try at a time while the log is doubted, if no record is unreported. Replays and losers
 * never have a record, and must not keep each other out; so many wins at most can a log that still
 * refuses hold back in one message time-out, per reactor. */
enum { GATE_DOUBTED_PURCHASES_MAX = 8 };

/* What the way to a told win looks like. */
struct gate_room {
    bool has_link;             /* Redis */
    enum label_SHED link_shed; /* why not */
    bool log_is_ready;         /* Kafka */
    bool outbox_is_full;
    bool log_is_doubted;   /* order_log_is_doubted() */
    uint32_t purchases;    /* under way */
    int64_t log_oldest_us; /* when the oldest unreported record was appended; 0: none */
    int64_t now_us;
    int64_t unreported_max_us;
};
/* False: refuse with OVERLOADED, nothing was taken; `*ret_cause` is the label of shed_total. */
bool gate_has_room(const struct gate_room *room, enum label_SHED *ret_cause);
