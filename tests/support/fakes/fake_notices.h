/* fake_notices: the topic of notices: journal/notice_log.h, and of journal/producer.h what is asked
 * of it.
 * Why:    reports come when a test says so, and say what it says.
 * Never:  calls anybody back by itself.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/notice.h"
#include "journal/notice_log.h"

enum { FAKE_NOTICES_MAX = 16 };

struct fake_append {
    struct notice notice;
    producer_done_fn *done; /* NULL: reported */
    void *arg;
};
struct producer {
    bool is_ready;
    enum err refusal; /* what the next append ends in; ERR_OK: it is taken */
    uint32_t count;
    struct fake_append appends[FAKE_NOTICES_MAX];
};

void fake_notices_report(struct producer *producer, uint32_t number, enum err status);
