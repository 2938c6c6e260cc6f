#include "journal/dead_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "journal/producer_blocking.h"

enum { NUMBER_SIZE = 24 };

static const char *decimal(uint64_t value, char text[static NUMBER_SIZE])
{
    (void)snprintf(text, NUMBER_SIZE, "%" PRIu64, value);
    return text;
}

enum err dead_log_put(struct producer_blocking *producer, const struct dead_log_letter *letter)
{
    char id[NUMBER_SIZE], part[NUMBER_SIZE], offset[NUMBER_SIZE], sale[NUMBER_SIZE];
    char order_no[NUMBER_SIZE], size[NUMBER_SIZE];
    const struct producer_header headers[] = {
        {"id", decimal(letter->id, id)},
        {"topic", letter->topic},
        {"partition", decimal(letter->part, part)},
        {"offset", decimal(letter->offset, offset)},
        {"sale", decimal(letter->sale, sale)},
        {"order_no", decimal(letter->order_no, order_no)},
        {"reason", letter->reason},
        {"size", decimal(letter->payload_size, size)},
    };
    const struct producer_record record = {
        .id = letter->id,
        .value = letter->payload,
        .value_size = letter->payload_size <= DEAD_LOG_VALUE_MAX ? letter->payload_size : 0,
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
    };

    return producer_blocking_put(producer, &record);
}
