#include "admin/admin_page.h"

#include "admin/admin_job.h"
#include "ledger/mysql_link.h"

static void write_next(struct admin_page *page, const struct admin_list *list, uint32_t limit)
{
    char text[ORDER_NO_TEXT_SIZE];
    const bool is_full = page->count >= limit;

    if (list->next_is_text) {
        json_out_member_text_or_null(&page->out, "next", is_full,
                                     order_no_format((struct order_no){page->last}, text));
    } else {
        json_out_member_u64_or_null(&page->out, "next", is_full, page->last);
    }
}

void admin_page_answer(struct admin_job *job, struct admin_thread *thread,
                       const struct admin_list *list)
{
    struct admin_page page = {.count = 0};

    admin_answer_json(job, 200, &page.out);
    json_out_begin_object(&page.out);
    json_out_name(&page.out, list->name);
    json_out_begin_array(&page.out);
    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? list->read(thread->mysql, list->filter, &page) : err;
    json_out_end_array(&page.out);
    write_next(&page, list, job->query.limit);
    json_out_end_object(&page.out);
    if (err != ERR_OK) {
        admin_answer_mysql(job, thread, err);
    }
}
