/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing here reads words, as messages come in the server's language: only what no translation
 * changes, such as "$1", " = " and quotes. */
#include "pg/wire/error.h"

#include <stdlib.h>
#include <string.h>

static const char *error_copy(const PGresult *result, int field, struct arena *arena)
{
	const char *text = PQresultErrorField(result, field);

	return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

/* What the context of an error says of a parameter. */
struct error_param {
	unsigned number; /* from 1; 0: none is named */
	bool shown;      /* with its value, so that its type's input function ran */
	bool nested;     /* lines of what that function called stand before it */
};

static const char *error_digits(const char *text, unsigned *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = value > UINT16_MAX ? 0 : (unsigned)value;
	return end;
}

/* " = 'value'" up to the end of the context; a quote within is doubled. */
static bool error_is_shown_value(const char *text)
{
	static const char before[] = " = '";

	if (strncmp(text, before, sizeof(before) - 1) != 0)
		return false;
	for (text += sizeof(before) - 1; *text; text++) {
		if (*text != '\'')
			continue;
		if (text[1] != '\'')
			return !text[1];
		text++;
	}
	return false;
}

/* Words of a language without letters of ASCII, as Korean has behind the number. */
static const char *error_skip_words(const char *text)
{
	const char *words = text;

	while ((unsigned char)*words >= 0x80 || (*words == ' ' && (unsigned char)words[1] >= 0x80))
		words++;
	return words;
}

/* The first byte of the line that is one of them, or its end. */
static const char *error_line_until(const char *line, const char *bytes)
{
	return line + strcspn(line, bytes);
}

/*
 * Is this line, with all that follows, the word of the server that it was reading a parameter?
 * What a statement says while it runs is never taken for it: there a colon ("with parameters:
 * $1 = …"), a quote ("SQL statement …") or a name of a function and its "(" stand before.
 */
static bool error_line_param(const char *line, struct error_param *param)
{
	const char *at = error_line_until(line, "$:\"'()0123456789\n");
	const char *behind;

	if (at == line || at[-1] != ' ')
		return false;
	if (*at == '$') {
		if (at[1] < '1' || at[1] > '9')
			return false;
		behind = error_skip_words(error_digits(at + 1, &param->number));
		param->shown = error_is_shown_value(behind);
		return param->shown || !*behind;
	}
	/* Spanish writes no "$". */
	if (*at < '1' || *at > '9')
		return false;
	behind = error_digits(at, &param->number);
	param->shown = error_is_shown_value(behind);
	return param->shown;
}

/*
 * A value that could not be read: the outermost lines of the context are "unnamed portal parameter
 * $2 = 'value'", the value being of any number of lines, in the server's language (lc_messages,
 * which only a superuser may set).
 */
static struct error_param error_param(const PGresult *result)
{
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	struct error_param param = { 0 };

	for (const char *line = context; line;) {
		const char *newline = strchr(line, '\n');

		if (error_line_param(line, &param)) {
			param.nested = line != context;
			return param;
		}
		line = newline ? newline + 1 : NULL;
	}
	return (struct error_param){ 0 };
}

void error_fill(struct pg_error *error, const PGresult *result, unsigned params,
		struct arena *arena)
{
	const char *sqlstate = error_sqlstate(result);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	struct error_param param = error_param(result);
	char *end;

	*error = (struct pg_error){ 0 };
	if (sqlstate)
		memcpy(error->sqlstate, sqlstate, strnlen(sqlstate, sizeof(error->sqlstate) - 1));
	error->of_catalog = error_is_of_catalog(result);
	error->param = param.number <= params ? param.number : 0;
	error->nested = param.nested;
	error->source = error_copy(result, PG_DIAG_SOURCE_FUNCTION, arena);
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
	/* A statement may raise that code itself; a pooler tells of no function. */
	return error_field_is(result, PG_DIAG_SQLSTATE, "26000") &&
	       (!PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION) ||
		error_field_is(result, PG_DIAG_SOURCE_FUNCTION, ERROR_SOURCE_PREPARED));
}

bool error_is_of_value(const PGresult *result)
{
	return error_param(result).shown;
}

bool error_is_of_row_security(const PGresult *result)
{
	return error_field_is(result, PG_DIAG_SQLSTATE, "42501") &&
	       error_field_is(result, PG_DIAG_SOURCE_FUNCTION, ERROR_SOURCE_POLICY);
}

/* A composite was given more or fewer fields than it has. */
static bool error_is_of_fields(const PGresult *result)
{
	return error_field_is(result, PG_DIAG_SQLSTATE, "22P02") &&
	       error_field_is(result, PG_DIAG_SOURCE_FUNCTION, "record_in");
}

/*
 * Types, tables, columns or functions are not what they were: all of class 42 but rights; caches
 * that name what is gone (XX000); a schema; a plan that would return something else; a composite
 * that has other fields. But where a type's own function was reading a value, the type is there.
 */
bool error_is_of_catalog(const PGresult *result)
{
	const char *sqlstate = error_sqlstate(result);

	if (error_is_of_fields(result))
		return true;
	if (!sqlstate || error_is_of_value(result))
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
