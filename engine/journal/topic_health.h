/* topic_health: can records be handed to the topic now? From checks, reports and errors.
 * Why:    purchases are refused while it says no (PROTOCOL §3.2): one slow answer of a broker that
 *         goes on reporting must not stop a sale, and a broken one must.
 * Never:  I/O, time.
 * Thread: that of its owner. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "journal/topic_check.h"

struct topic_health {
    struct topic_check seen; /* the last check that counts */
    uint32_t failures;       /* checks in a row without an answer */
    bool has_reported;       /* a record was reported well since the last check */
    bool is_down;            /* all brokers, says librdkafka */
    bool is_doubted;         /* the last report was a failure */
};

/* Nothing is known: not ready. */
void topic_health_init(struct topic_health *health);
/* A check ended. Without an answer it counts from the second in a row on, or if there was never
 * one; not while records are reported well. Whatever it says, an answer means: brokers are up. */
void topic_health_checked(struct topic_health *health, const struct topic_check *check);
/* A report came: the record is in the log, or it failed. */
void topic_health_reported(struct topic_health *health, bool is_good);
void topic_health_lost(struct topic_health *health); /* all brokers are down */
/* false: `*ret_why` is static or inside `health`. */
bool topic_health_is_ready(const struct topic_health *health, const char **ret_why);
/* The last report was a failure: brokers that answer may still take no record. Only a good report
 * ends it. */
bool topic_health_is_doubted(const struct topic_health *health);
/* What the topic promises less than it should; NULL: nothing, or not known. */
const char *topic_health_weakness(const struct topic_health *health);
