/* SPDX-License-Identifier: Apache-2.0 */
/* From a result of libpq to struct pg_error. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "pg/call.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* PG_DIAG_SOURCE_FUNCTION of a row that WITH CHECK of a policy refuses, of a RAISE, and of a
 * prepared statement that is not there. */
#define ERROR_SOURCE_POLICY "ExecWithCheckOptions"
#define ERROR_SOURCE_RAISE "exec_stmt_raise"
#define ERROR_SOURCE_PREPARED "FetchPreparedStatement"

/* Strings are copied into the arena. params: of the statement. */
void error_fill(struct pg_error *error, const PGresult *result, unsigned params,
		struct arena *arena);
/* "57P01"; NULL: libpq itself made the error, the conn is lost. */
const char *error_sqlstate(const PGresult *result);
/* FATAL or PANIC: the server ends the conn, and what it was about to commit is not known. */
bool error_is_fatal(const PGresult *result) must_check;
/* A statement of that name is prepared already. */
bool error_is_prepared(const PGresult *result) must_check;
/* The prepared statement is not there, or its plan does not fit any more: preparing again helps. */
bool error_is_unprepared(const PGresult *result) must_check;
bool error_is_stale_plan(const PGresult *result) must_check;
/* The input function of a parameter's type refused its value, with whatever SQLSTATE. */
bool error_is_of_value(const PGresult *result) must_check;
/* A policy refused a row that was to be written. */
bool error_is_of_row_security(const PGresult *result) must_check;
/* Would the statement do better if it were described and prepared anew? */
bool error_is_of_catalog(const PGresult *result) must_check;
