/* kafka_conf: settings of a librdkafka handle from a table, with a clear refusal.
 * Why:    producer, consumer and readers share brokers, sockets, back-off and logs; each adds its
 *         own rows.
 * Never:  lets librdkafka write to stderr: what it says becomes our log lines.
 * Thread: any. */
#pragma once

#include <stddef.h>

#include "common/err.h"

struct rd_kafka_conf_s;

enum { KAFKA_CONF_ERROR_SIZE = 200 };

struct kafka_setting {
    const char *name, *value; /* borrowed for the call; a NULL name ends a table */
};
/* A new configuration, owned by the caller (rd_kafka_new() takes it over). ERR_CONFIG: `error` says
 * which setting was refused and why. ERR_NO_MEMORY. */
MUST_CHECK enum err kafka_conf_make(const char *brokers, const char *client_name,
                                    const struct kafka_setting *settings,
                                    char error[static KAFKA_CONF_ERROR_SIZE],
                                    struct rd_kafka_conf_s **ret_conf);
/* A table's settings on top of what `conf` has. ERR_CONFIG as above. */
MUST_CHECK enum err kafka_conf_add(struct rd_kafka_conf_s *conf,
                                   const struct kafka_setting *settings,
                                   char error[static KAFKA_CONF_ERROR_SIZE]);
