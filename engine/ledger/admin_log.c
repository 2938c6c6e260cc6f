#include "ledger/admin_log.h"

#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

enum { DETAIL_SIZE_MAX = 500 };

enum err admin_log_put(struct mysql_link *link, const struct admin_actor *actor, const char *action,
                       struct sale_id sale, const char *detail)
{
    static const struct sql sql = {
        .head = "INSERT INTO admin_log (actor, action, sale, detail, request_id, created) "
                "VALUES (?, ?, ?, ?, ?, " SQL_NOW_MS ")"};
    const struct sql_value params[] = {sql_text(actor->name), sql_text(action), sql_u64(sale.value),
                                       sql_bytes(detail, strnlen(detail, DETAIL_SIZE_MAX)),
                                       sql_text(actor->request_id)};

    ASSERT(mysql_link_in_transaction(link));
    return mysql_link_execute(link, &sql, 0, params, 5, NULL);
}
