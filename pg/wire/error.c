/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here reads words: messages come in the server's language. */
#include "pg/wire/error.h"

#include <stdlib.h>
#include <string.h>

static const char *error_copy(const PGresult *result, int field, struct arena *arena)
{
	const char *text = PQresultErrorField(result, field);

	return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

static unsigned error_number(const char *digits, char **end)
{
	unsigned long number = strtoul(digits, end, 10);

	return number > UINT16_MAX ? 0 : (unsigned)number;
}

/*
 * A value that a type's input function refused: the outermost (last) line of the context names the
 * portal's parameter, as in "unnamed portal parameter $2", whatever the language.
 */
static unsigned error_param(const char *context, unsigned params)
{
	const char *line = context ? strrchr(context, '\n') : NULL;
	const char *dollar = context ? strchr(line ? line : context, '$') : NULL;
	char *end;
	unsigned number;

	if (!dollar || dollar[1] < '1' || dollar[1] > '9')
		return 0;
	number = error_number(dollar + 1, &end);
	return number <= params ? number : 0;
}

void error_fill(struct pg_error *error, const PGresult *result, unsigned params,
		struct arena *arena)
{
	const char *sqlstate = error_sqlstate(result);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	char *end;

	*error = (struct pg_error){ 0 };
	if (sqlstate)
		memcpy(error->sqlstate, sqlstate, strnlen(sqlstate, sizeof(error->sqlstate) - 1));
	error->of_catalog = error_is_of_catalog(result);
	error->param = error_param(PQresultErrorField(result, PG_DIAG_CONTEXT), params);
	if (position)
		error->char_position = (unsigned)strtoul(position, &end, 10);
	error->message = error_copy(result, PG_DIAG_MESSAGE_PRIMARY, arena);
	if (!error->message)
		error->message = "";
	error->detail = error_copy(result, PG_DIAG_MESSAGE_DETAIL, arena);
	error->hint = error_copy(result, PG_DIAG_MESSAGE_HINT, arena);
	error->constraint = error_copy(result, PG_DIAG_CONSTRAINT_NAME, arena);
	error->column = error_copy(result, PG_DIAG_COLUMN_NAME, arena);
}

const char *error_sqlstate(const PGresult *result)
{
	return PQresultErrorField(result, PG_DIAG_SQLSTATE);
}

static bool error_field_is(const PGresult *result, int field, const char *expected)
{
	const char *text = PQresultErrorField(result, field);

	return text && strcmp(text, expected) == 0;
}

bool error_is_fatal(const PGresult *result)
{
	return error_field_is(result, PG_DIAG_SEVERITY_NONLOCALIZED, "FATAL") ||
	       error_field_is(result, PG_DIAG_SEVERITY_NONLOCALIZED, "PANIC");
}

bool error_is_prepared(const PGresult *result)
{
	return error_field_is(result, PG_DIAG_SQLSTATE, "42P05");
}

bool error_is_unprepared(const PGresult *result)
{
	return error_field_is(result, PG_DIAG_SQLSTATE, "26000");
}

/*
 * Types, tables, columns or functions are not what they were: all of class 42 but rights; caches
 * that name what is gone (XX000); a schema; a plan that would return something else.
 */
bool error_is_of_catalog(const PGresult *result)
{
	const char *sqlstate = error_sqlstate(result);

	if (!sqlstate)
		return false;
	if (strncmp(sqlstate, "42", 2) == 0)
		return strcmp(sqlstate, "42501") != 0;
	return strcmp(sqlstate, "XX000") == 0 || strcmp(sqlstate, "3F000") == 0 ||
	       error_is_unprepared(result) || error_is_stale_plan(result);
}

bool error_is_stale_plan(const PGresult *result)
{
	return error_field_is(result, PG_DIAG_SQLSTATE, "0A000") &&
	       error_field_is(result, PG_DIAG_SOURCE_FUNCTION, "RevalidateCachedQuery");
}
