#include "ledger/db_clock.h"

#include "ledger/mysql_link.h"
#include "ledger/sql_text.h"

enum err db_clock_read(struct mysql_link *link, int64_t *ret_now_ms)
{
    static const struct sql sql = {.head = "SELECT " SQL_NOW_MS};
    uint64_t now_ms = 0;
    const enum err err = mysql_link_query(link, &sql, 0, NULL, 0, sql_read_u64, &now_ms);

    if (err == ERR_OK) {
        *ret_now_ms = (int64_t)now_ms;
    }
    return err;
}
