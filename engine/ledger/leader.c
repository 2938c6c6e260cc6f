#include "ledger/leader.h"

#include <string.h>

#include "common/assert.h"
#include "ledger/mysql_link.h"

static enum err on_lock(void *arg, const struct sql_value *columns)
{
    bool *leading = arg;

    /* GET_LOCK: 1 taken or held before by this session, 0 held by another, NULL on an error. */
    *leading = columns[0].kind != SQL_NULL && columns[0].i64 == 1;
    return ERR_OK;
}

enum err leader_try(struct mysql_link *link, const char *name, bool *ret_leading)
{
    static const struct sql sql = {.head =
                                       "SELECT CAST(IF(IS_USED_LOCK(l) = CONNECTION_ID(), 1, "
                                       "GET_LOCK(l, 0)) AS SIGNED) FROM "
                                       "(SELECT CONCAT(LEFT(DATABASE(), 20), '.', ?) AS l) AS n"};
    const struct sql_value params[] = {sql_text(name)};
    bool leading = false;

    ASSERT(strlen(name) >= 1 && strlen(name) <= 40);
    const enum err err = mysql_link_query(link, &sql, 0, params, 1, on_lock, &leading);
    if (err == ERR_OK) {
        *ret_leading = leading;
    }
    return err;
}
