/* admin_page: the frame of a list's answer: {"<name>": […], "next": …}.
 * Why:    every list is asked for by `after` and `limit`, and says in one way where it goes on.
 * Never:  reads a row itself.
 * Thread: the pool's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "codec/json_out.h"
#include "common/err.h"

struct admin_job;
struct admin_thread;
struct mysql_link;

/* What the rows are written into. Whoever writes one says so by admin_page_add(). */
struct admin_page {
    struct json_out out;
    uint32_t count;
    uint64_t last; /* what `after` must be for the next page */
};
static inline void admin_page_add(struct admin_page *page, uint64_t last)
{
    page->last = last;
    page->count++;
}

/* Reads the rows of one page, and writes them. Errors as mysql_link.h. */
typedef enum err admin_page_fn(struct mysql_link *mysql, const void *filter,
                               struct admin_page *page);
struct admin_list {
    const char *name;
    admin_page_fn *read;
    const void *filter; /* borrowed for the call */
    bool next_is_text;  /* numbers that do not fit JSON's: order numbers */
};
/* Answers the job, whose query's limit is the page's. */
void admin_page_answer(struct admin_job *job, struct admin_thread *thread,
                       const struct admin_list *list);
