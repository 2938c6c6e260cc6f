#include "journal/parts.h"

#include <inttypes.h>
#include <stdio.h>

struct part *parts_find(struct parts *parts, uint32_t id)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        if (parts->items[i].id == id) {
            return &parts->items[i];
        }
    }
    return NULL;
}

struct part *parts_find_placed(struct parts *parts, uint32_t id)
{
    struct part *part = parts_find(parts, id);

    return part && part->state != PART_WAITING ? part : NULL;
}

static int tell_first(const struct part *part, char *text, size_t size)
{
    const char *what = part->next < (uint64_t)part->low ? "log gap" : "beyond the end";

    return snprintf(text, size,
                    "partition %" PRIu32 ": %s: the log holds %" PRId64 " to %" PRId64
                    ", our place is %" PRIu64,
                    part->id, what, part->low, part->high, part->next);
}

void parts_tell_stopped(const struct parts *parts, char *text, size_t size)
{
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < parts->count && at < size; i++) {
        const struct part *part = &parts->items[i];

        if (part->state == PART_STOPPED) {
            at += (size_t)(at == 0 ? tell_first(part, text, size)
                                   : snprintf(text + at, size - at, "; partition %" PRIu32 ", too",
                                              part->id));
        }
    }
}
