/* topic_health: can records be handed to the topic now? From checks, reports and errors.
 * Why:    purchases are refused while it says no (PROTOCOL §3.2): one slow answer of a broker that
 *         goes on reporting must not stop a sale, and a broken one must.
 * Never:  I/O; reads a clock.
 * Thread: that of its owner. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "journal/topic_check.h"

struct topic_health {
    struct topic_check seen;  /* the last check that counts */
    struct topic_check read;  /* the last one that read the settings; else not has_settings */
    uint32_t failures;        /* checks in a row without an answer */
    bool has_reported;        /* a record was reported well since the last check */
    bool is_down;             /* all brokers, says librdkafka */
    int64_t doubt_us;         /* how long a failed report is doubted */
    int64_t doubted_until_us; /* 0: the last report was good, or there was none */
};

/* Nothing is known: not ready. `message_timeout_ms`: a record without an answer fails after it. */
void topic_health_init(struct topic_health *health, uint32_t message_timeout_ms);
/* A check ended. Without an answer it counts from the second in a row on, or if there was never
 * one; not while records are reported well. Whatever it says, an answer means: brokers are up.
 * Settings that it could not read are as they were read last, while the topic is the same. */
void topic_health_checked(struct topic_health *health, const struct topic_check *check);
/* A report came, monotonic time `now_us`: the record is in the log, or it failed. */
void topic_health_reported(struct topic_health *health, bool is_good, int64_t now_us);
void topic_health_lost(struct topic_health *health); /* all brokers are down */
/* false: `*ret_why` is static or inside `health`. */
bool topic_health_is_ready(const struct topic_health *health, const char **ret_why);
/* The last report was a failure: brokers that answer may still take no record. A good report ends
 * it, or three message time-outs without another failure: who tries meanwhile renews it if they
 * still refuse. */
bool topic_health_is_doubted(const struct topic_health *health, int64_t now_us);
/* What the topic promises less than it should; NULL: nothing, or not known. */
const char *topic_health_weakness(const struct topic_health *health);
