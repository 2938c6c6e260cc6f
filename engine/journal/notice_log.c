#include "journal/notice_log.h"

#include "codec/notice_event.h"

#include <string.h>

enum err notice_log_append(struct producer *producer, const struct notice *notice,
                           producer_done_fn *done, void *arg)
{
    struct notice_event event;
    char key[ORDER_NO_TEXT_SIZE];
    enum err err = notice_event_pack(notice, &event);

    if (err != ERR_OK) {
        return err;
    }
    (void)order_no_format(notice->order_no, key);
    return producer_append(producer, key, strlen(key), event.bytes, event.size, done, arg);
}
