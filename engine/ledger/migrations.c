#include "ledger/migrations.h"

#include <string.h>

#include "common/assert.h"
#include "common/log.h"
#include "ledger/mysql_link.h"
#include "ledger/sql_text.h"

enum { LOCK_TRIES_MAX = 30 }; /* each waits a second */

static bool is_comment_or_blank(const char *line, size_t size)
{
    size_t i = 0;

    while (i < size && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r')) {
        i++;
    }
    return i == size || (size - i >= 2 && line[i] == '-' && line[i + 1] == '-');
}

static size_t line_size(const char *line)
{
    return strcspn(line, "\n");
}

struct migration_statement migration_next(const char **cursor)
{
    const char *line = *cursor;
    struct migration_statement statement = {0};

    while (*line != '\0') {
        size_t size = line_size(line);
        const char *end = line + size;
        if (statement.text == NULL && !is_comment_or_blank(line, size)) {
            statement.text = line;
        }
        line = *end == '\n' ? end + 1 : end;
        while (end > *cursor && (end[-1] == ' ' || end[-1] == '\r')) {
            end--;
        }
        if (statement.text != NULL && end > statement.text && end[-1] == ';') {
            statement.size = (size_t)(end - statement.text) - 1;
            break;
        }
        if (statement.text != NULL) {
            statement.size = (size_t)(end - statement.text);
        }
    }
    *cursor = line;
    return statement;
}

static enum err take_lock(struct mysql_link *link)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COALESCE(GET_LOCK(CONCAT(DATABASE(), '.schema'), 1), 0) AS UNSIGNED)"};
    uint64_t taken = 0;
    enum err err = ERR_OK;

    for (int i = 0; i < LOCK_TRIES_MAX && err == ERR_OK && taken == 0; i++) {
        err = mysql_link_query(link, &sql, 0, NULL, 0, sql_read_u64, &taken);
    }
    return err == ERR_OK && taken == 0 ? ERR_BUSY : err;
}

static enum err release_lock(struct mysql_link *link)
{
    static const struct sql sql = {
        .head =
            "SELECT CAST(COALESCE(RELEASE_LOCK(CONCAT(DATABASE(), '.schema')), 0) AS UNSIGNED)"};
    uint64_t released = 0;

    return mysql_link_query(link, &sql, 0, NULL, 0, sql_read_u64, &released);
}

static enum err read_version(struct mysql_link *link, uint64_t *ret_version)
{
    static const char table[] = "CREATE TABLE IF NOT EXISTS schema_version ("
                                "version INT UNSIGNED NOT NULL, name VARCHAR(64) NOT NULL, "
                                "applied BIGINT UNSIGNED NOT NULL, PRIMARY KEY (version)) "
                                "ENGINE=InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin";
    static const struct sql sql = {
        .head = "SELECT CAST(COALESCE(MAX(version), 0) AS UNSIGNED) FROM schema_version"};
    enum err err = mysql_link_run_text(link, table, sizeof table - 1);

    if (err != ERR_OK) {
        return err;
    }
    return mysql_link_query(link, &sql, 0, NULL, 0, sql_read_u64, ret_version);
}

static enum err apply(struct mysql_link *link, const struct migration *migration)
{
    static const struct sql record = {
        .head =
            "INSERT INTO schema_version (version, name, applied) VALUES (?, ?, " SQL_NOW_MS ")"};
    const struct sql_value params[] = {sql_u64(migration->version), sql_text(migration->name)};
    const char *cursor = migration->text;
    enum err err = ERR_OK;

    while (err == ERR_OK) {
        struct migration_statement statement = migration_next(&cursor);
        if (statement.size == 0) {
            break;
        }
        err = mysql_link_run_text(link, statement.text, statement.size);
    }
    if (err == ERR_OK) {
        err = mysql_link_execute(link, &record, 0, params, 2, NULL);
    }
    if (err == ERR_OK) {
        LOG_INFO("migration_applied", KV_STR("name", migration->name));
    } else {
        LOG_ERROR("migration_failed", KV_STR("name", migration->name),
                  KV_U64("code", mysql_link_error_code(link)),
                  KV_STR("error", mysql_link_error_text(link)));
    }
    return err;
}

static enum err apply_missing(struct mysql_link *link, const struct migration *list, size_t count,
                              uint32_t *ret_version)
{
    uint64_t version = 0;
    enum err err = read_version(link, &version);

    if (err == ERR_OK && count > 0 && version > list[count - 1].version) {
        LOG_ERROR("schema_is_newer", KV_U64("database", version),
                  KV_U64("build", list[count - 1].version));
        return ERR_CONFLICT;
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        ASSERT(i == 0 || list[i].version > list[i - 1].version);
        if (list[i].version > version) {
            err = apply(link, &list[i]);
            version = list[i].version;
        }
    }
    if (err == ERR_OK && ret_version != NULL) {
        *ret_version = (uint32_t)version;
    }
    return err;
}

enum err migrations_run(struct mysql_link *link, const struct migration *list, size_t count,
                        uint32_t *ret_version)
{
    enum err err = mysql_link_ensure(link);
    enum err released = ERR_OK;

    if (err == ERR_OK) {
        err = take_lock(link);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = apply_missing(link, list, count, ret_version);
    released = release_lock(link);
    if (released != ERR_OK) {
        mysql_link_drop(link); /* the session's end releases it */
    }
    return err;
}
