/* kafka_fixture: topics of a test's own on the real Kafka of tools/services.
 * Why:    tests share a broker, never a topic. KAFKA_BROKERS is in the environment; without it the
 *         test fails.
 * Never:  touches a topic that it did not make.
 * Thread: that of the test. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { FIXTURE_WAIT_MS = 30000 };

struct kafka_fixture {
    const char *brokers; /* of the environment */
    char topic[64];      /* of this process and test */
};

/* Names a topic; it does not exist yet. */
void kafka_fixture_init(struct kafka_fixture *fixture, const char *name);
/* Deletes the topic, if it is there. */
void kafka_fixture_finish(struct kafka_fixture *fixture);
/* One replica; `setting` and `value` may be NULL. Returns when each partition has a leader. */
void kafka_fixture_create(struct kafka_fixture *fixture, int partitions, const char *setting,
                          const char *value);
void kafka_fixture_delete(struct kafka_fixture *fixture);
/* What stands before `offset` is gone, as by retention. */
void kafka_fixture_trim(struct kafka_fixture *fixture, int32_t partition, int64_t offset);
/* Puts `count` records "0", "1", ... into a partition. */
void kafka_fixture_put(struct kafka_fixture *fixture, int32_t partition, int count);
