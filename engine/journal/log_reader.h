/* log_reader: reads a topic once, from given places to where it ends now.
 * Why:    the audit compares what the log holds with rows and with what buyers were told.
 * Never:  joins a group or moves anybody's place; skips a gap silently.
 * Thread: any that may block. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { LOG_READER_TEXT_SIZE = 200 };

struct log_reader_options {
    const char *brokers, *topic; /* borrowed for the call */
    const uint64_t *from;        /* by partition; NULL: from the oldest record that is there */
    uint32_t from_count;         /* partitions behind it begin with their oldest record */
    uint32_t timeout_ms; /* it ends when nothing has come for so long; a long log takes its time */
};
/* Any order between partitions, ascending offsets inside one. An error ends the read with it. */
typedef enum err log_reader_fn(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                               size_t payload_size);
/* ERR_OK: every record that was there at the call was handed over. ERR_TIMEOUT, ERR_UNAVAILABLE,
 * ERR_NOT_FOUND (no such topic), ERR_RANGE: the log does not hold a place of `from` any more, or
 * not yet. `error` says what. `ret_count` (may be NULL): records handed over. */
MUST_CHECK enum err log_reader_run(const struct log_reader_options *options, log_reader_fn *each,
                                   void *arg, char error[static LOG_READER_TEXT_SIZE],
                                   uint64_t *ret_count);
