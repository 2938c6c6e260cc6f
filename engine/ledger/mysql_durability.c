#include "ledger/mysql_durability.h"

#include "ledger/mysql_link.h"

struct durability {
    int64_t flush_log;
    int64_t binlog;
    int64_t sync_binlog;
};

static enum err on_durability(void *arg, const struct sql_value *columns)
{
    struct durability *durability = arg;

    durability->flush_log = columns[0].i64;
    durability->binlog = columns[1].i64;
    durability->sync_binlog = columns[2].i64;
    return ERR_OK;
}

enum err mysql_durability_check(struct mysql_link *link, const char **ret_why)
{
    static const struct sql sql = {
        .head = "SELECT CAST(@@GLOBAL.innodb_flush_log_at_trx_commit AS SIGNED), "
                "CAST(@@GLOBAL.log_bin AS SIGNED), CAST(@@GLOBAL.sync_binlog AS SIGNED)"};
    struct durability durability = {0};
    enum err err = mysql_link_query(link, &sql, 0, NULL, 0, on_durability, &durability);

    if (err != ERR_OK) {
        return err;
    }
    *ret_why = NULL;
    if (durability.flush_log != 1) {
        *ret_why =
            "innodb_flush_log_at_trx_commit is not 1: a power loss may undo what was settled";
    } else if (durability.binlog == 1 && durability.sync_binlog != 1) {
        *ret_why = "sync_binlog is not 1: a failover may lose what was settled";
    }
    return ERR_OK;
}
