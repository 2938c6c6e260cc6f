/* mysql_statement: one prepared statement of a session, its parameters and its rows.
 * Why:    binding and fetching are the same for every statement.
 * Never:  judges an error: the caller asks for its code.
 * Thread: that of the link.  Owner: the link, which destroys it with the session. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ledger/mysql_link.h"
#include "ledger/mysql_shim.h"

struct mysql_statement;

/* NULL with `*ret_code` and `error` filled: the server or memory refused. */
struct mysql_statement *mysql_statement_create(MYSQL *mysql, const struct sql *sql, uint32_t tuples,
                                               unsigned *ret_code, char *error, size_t error_size);
void mysql_statement_destroy(struct mysql_statement *statement); /* NULL is fine */
/* 0, or the error's code. Asserts that `count` is the number of parameters. */
unsigned mysql_statement_execute(struct mysql_statement *statement, const struct sql_value *params,
                                 size_t count);
uint64_t mysql_statement_affected(struct mysql_statement *statement);
uint64_t mysql_statement_last_id(struct mysql_statement *statement);
/* After execute: all rows to `row`. 0 or the code; `*ret_err` is what `row` returned last. */
unsigned mysql_statement_fetch(struct mysql_statement *statement, sql_row_fn *row, void *arg,
                               enum err *ret_err);
/* Ends what is left of a result; after each execute. */
void mysql_statement_reset(struct mysql_statement *statement);
const char *mysql_statement_error(struct mysql_statement *statement);
