#include "ledger/mysql_statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"

enum { CELL_SIZE_MAX = 1024, CODE_NO_MEMORY = 2008, CODE_TRUNCATED = 2032 };

/* Where a column of the current row lands. */
struct cell {
    uint64_t number;
    char *bytes; /* owned; NULL for numbers */
    size_t capacity;
    unsigned long size; /* of the value, may exceed capacity */
    mysql_flag is_null;
    mysql_flag is_truncated;
};

struct mysql_statement {
    MYSQL_STMT *stmt; /* owned */
    size_t param_count;
    MYSQL_BIND *params; /* owned, param_count */
    size_t column_count;
    MYSQL_BIND *columns;   /* owned, column_count */
    struct cell *cells;    /* owned, column_count */
    struct sql_value *row; /* owned, column_count */
    bool has_grown;        /* a cell lies elsewhere than it is bound */
};

static char *build_text(const struct sql *sql, uint32_t tuples, size_t *ret_size)
{
    const char *tuple = sql->tuple != NULL ? sql->tuple : "";
    const char *tail = sql->tail != NULL ? sql->tail : "";
    size_t tuple_size = strlen(tuple);
    size_t head_size = strlen(sql->head);
    size_t size = head_size + tuples * (tuple_size + 1) + strlen(tail);
    char *text = malloc(size + 1);
    char *end = text;

    ASSERT((sql->tuple != NULL) == (tuples > 0));
    if (text == NULL) {
        return NULL;
    }
    end = mempcpy(end, sql->head, head_size);
    for (uint32_t i = 0; i < tuples; i++) {
        if (i > 0) {
            *end++ = ',';
        }
        end = mempcpy(end, tuple, tuple_size);
    }
    end = stpcpy(end, tail);
    *ret_size = (size_t)(end - text);
    return text;
}

static bool is_number(enum enum_field_types type)
{
    return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24
           || type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_YEAR;
}

static bool bind_column(MYSQL_BIND *bind, struct cell *cell, const MYSQL_FIELD *field)
{
    bind->is_null = &cell->is_null;
    bind->error = &cell->is_truncated;
    bind->length = &cell->size;
    if (is_number(field->type)) {
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = &cell->number;
        bind->is_unsigned = (field->flags & UNSIGNED_FLAG) != 0;
        return true;
    }
    cell->capacity = field->length < CELL_SIZE_MAX ? field->length : CELL_SIZE_MAX;
    cell->bytes = malloc(cell->capacity + 1);
    bind->buffer_type = MYSQL_TYPE_STRING;
    bind->buffer = cell->bytes;
    bind->buffer_length = cell->capacity;
    return cell->bytes != NULL;
}

static bool bind_columns(struct mysql_statement *statement)
{
    MYSQL_RES *meta = mysql_stmt_result_metadata(statement->stmt);
    bool ok = true;

    if (meta == NULL) {
        return mysql_stmt_errno(statement->stmt) == 0; /* no result set */
    }
    statement->column_count = mysql_num_fields(meta);
    statement->columns = calloc(statement->column_count, sizeof *statement->columns);
    statement->cells = calloc(statement->column_count, sizeof *statement->cells);
    statement->row = calloc(statement->column_count, sizeof *statement->row);
    ok = statement->columns != NULL && statement->cells != NULL && statement->row != NULL;
    for (unsigned i = 0; ok && i < statement->column_count; i++) {
        ok = bind_column(&statement->columns[i], &statement->cells[i],
                         mysql_fetch_field_direct(meta, i));
    }
    mysql_free_result(meta);
    return ok;
}

static unsigned prepare(struct mysql_statement *statement, MYSQL *mysql, const struct sql *sql,
                        uint32_t tuples, char *error, size_t error_size)
{
    size_t size = 0;
    char *text = build_text(sql, tuples, &size);
    int failed = 0;

    if (text == NULL) {
        return CODE_NO_MEMORY;
    }
    statement->stmt = mysql_stmt_init(mysql);
    if (statement->stmt == NULL) {
        free(text);
        return CODE_NO_MEMORY;
    }
    failed = mysql_stmt_prepare(statement->stmt, text, size);
    free(text);
    if (failed != 0) {
        snprintf(error, error_size, "%s", mysql_stmt_error(statement->stmt));
        return mysql_stmt_errno(statement->stmt);
    }
    statement->param_count = mysql_stmt_param_count(statement->stmt);
    statement->params = calloc(statement->param_count + 1, sizeof *statement->params);
    if (statement->params == NULL || !bind_columns(statement)) {
        return CODE_NO_MEMORY;
    }
    return 0;
}

struct mysql_statement *mysql_statement_create(MYSQL *mysql, const struct sql *sql, uint32_t tuples,
                                               unsigned *ret_code, char *error, size_t error_size)
{
    struct mysql_statement *statement = calloc(1, sizeof *statement);

    *ret_code = statement == NULL ? CODE_NO_MEMORY
                                  : prepare(statement, mysql, sql, tuples, error, error_size);
    if (*ret_code == CODE_NO_MEMORY) {
        snprintf(error, error_size, "out of memory");
    }
    if (*ret_code != 0) {
        mysql_statement_destroy(statement);
        return NULL;
    }
    return statement;
}

void mysql_statement_destroy(struct mysql_statement *statement)
{
    if (statement == NULL) {
        return;
    }
    if (statement->stmt != NULL) {
        (void)mysql_stmt_close(statement->stmt);
    }
    for (size_t i = 0; statement->cells != NULL && i < statement->column_count; i++) {
        free(statement->cells[i].bytes);
    }
    free(statement->params);
    free(statement->columns);
    free(statement->cells);
    free(statement->row);
    free(statement);
}

static void bind_param(MYSQL_BIND *bind, const struct sql_value *value)
{
    *bind = (MYSQL_BIND){0};
    switch (value->kind) {
    case SQL_NULL: bind->buffer_type = MYSQL_TYPE_NULL; return;
    case SQL_U64:
    case SQL_I64:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = (void *)(uintptr_t)&value->u64;
        bind->is_unsigned = value->kind == SQL_U64;
        return;
    case SQL_BYTES:
    case SQL_BLOB:
        bind->buffer_type = value->kind == SQL_BYTES ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
        bind->buffer = (void *)(uintptr_t)value->bytes;
        bind->buffer_length = value->size;
        bind->length = &bind->buffer_length;
        return;
    }
    UNREACHABLE();
}

unsigned mysql_statement_execute(struct mysql_statement *statement, const struct sql_value *params,
                                 size_t count)
{
    ASSERT(count == statement->param_count);
    for (size_t i = 0; i < count; i++) {
        bind_param(&statement->params[i], &params[i]);
    }
    if (count > 0 && mysql_stmt_bind_param(statement->stmt, statement->params) != 0) {
        return mysql_stmt_errno(statement->stmt);
    }
    return mysql_stmt_execute(statement->stmt) == 0 ? 0 : mysql_stmt_errno(statement->stmt);
}

uint64_t mysql_statement_affected(struct mysql_statement *statement)
{
    return mysql_stmt_affected_rows(statement->stmt);
}

uint64_t mysql_statement_last_id(struct mysql_statement *statement)
{
    return mysql_stmt_insert_id(statement->stmt);
}

/* A value longer than the cell: the cell grows, and is bound again before the next row. The value
 * is read by a binding of its own: Connector/C 10.11.18 says 0 bytes where both share a length. */
static unsigned fetch_long(struct mysql_statement *statement, unsigned column)
{
    struct cell *cell = &statement->cells[column];
    struct cell value = {.size = 0};
    char *bytes = realloc(cell->bytes, cell->size + 1);

    if (bytes == NULL) {
        return CODE_NO_MEMORY;
    }
    cell->bytes = bytes;
    cell->capacity = cell->size;
    statement->columns[column].buffer = bytes;
    statement->columns[column].buffer_length = cell->capacity;
    statement->has_grown = true;
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_STRING,
                       .buffer = bytes,
                       .buffer_length = cell->capacity,
                       .length = &value.size,
                       .is_null = &value.is_null,
                       .error = &value.is_truncated};
    if (mysql_stmt_fetch_column(statement->stmt, &bind, column, 0) != 0) {
        return mysql_stmt_errno(statement->stmt);
    }
    return value.size == cell->capacity ? 0 : CODE_TRUNCATED;
}

static unsigned read_cell(struct mysql_statement *statement, unsigned column)
{
    struct cell *cell = &statement->cells[column];
    struct sql_value *value = &statement->row[column];
    const MYSQL_BIND *bind = &statement->columns[column];
    unsigned code = 0;

    if (cell->is_null) {
        *value = sql_null();
        return 0;
    }
    if (cell->bytes == NULL) {
        *value = bind->is_unsigned ? sql_u64(cell->number) : sql_i64((int64_t)cell->number);
        return 0;
    }
    if (cell->size > cell->capacity) {
        code = fetch_long(statement, column);
    }
    if (code == 0) {
        cell->bytes[cell->size] = '\0';
        *value = sql_bytes(cell->bytes, cell->size);
    }
    return code;
}

unsigned mysql_statement_fetch(struct mysql_statement *statement, sql_row_fn *row, void *arg,
                               enum err *ret_err)
{
    int fetched = 0;

    *ret_err = ERR_OK;
    ASSERT(statement->column_count > 0);
    if (mysql_stmt_bind_result(statement->stmt, statement->columns) != 0
        || mysql_stmt_store_result(statement->stmt) != 0) {
        return mysql_stmt_errno(statement->stmt);
    }
    while ((fetched = mysql_stmt_fetch(statement->stmt)) != MYSQL_NO_DATA) {
        unsigned code = fetched == 1 ? mysql_stmt_errno(statement->stmt) : 0;
        for (unsigned i = 0; code == 0 && i < statement->column_count; i++) {
            code = read_cell(statement, i);
        }
        if (code != 0 || fetched == 1) {
            return code != 0 ? code : CODE_TRUNCATED;
        }
        *ret_err = row(arg, statement->row);
        if (*ret_err != ERR_OK) {
            return 0;
        }
        if (statement->has_grown
            && mysql_stmt_bind_result(statement->stmt, statement->columns) != 0) {
            return mysql_stmt_errno(statement->stmt);
        }
        statement->has_grown = false;
    }
    return 0;
}

void mysql_statement_reset(struct mysql_statement *statement)
{
    if (statement->column_count > 0) {
        (void)mysql_stmt_free_result(statement->stmt);
    }
}

const char *mysql_statement_error(struct mysql_statement *statement)
{
    return mysql_stmt_error(statement->stmt);
}
