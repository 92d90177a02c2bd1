/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* What may not stand in a statement, and how a position of its text leads back to the file. */
#include "catalog/draft.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD "-- query: q :many\n"

static void what_belongs_to_cqrsd_or_psql_is_refused(void **state)
{
	static const struct story stories[] = {
		{ HEAD "SELECT $1",
		  "shop.sql:2:8: error: parameters have names here: write :name instead of $1" },
		{ HEAD "\\d orders",
		  "shop.sql:2:1: error: commands of psql are not available here" },
		{ HEAD "SELECT 1 \\gset",
		  "shop.sql:2:10: error: commands of psql are not available here" },
		{ HEAD "SELECT :'a'",
		  "shop.sql:2:8: error: psql's :'name' and :\"name\" are not available; write "
		  ":name, "
		  "which is sent apart from the statement and needs no quotes" },
		{ HEAD "  Commit",
		  "shop.sql:2:3: error: Commit is not possible here: each command is a "
		  "transaction of "
		  "its own, which cqrsd begins and ends" },
		{ HEAD "copy orders TO STDOUT",
		  "shop.sql:2:1: error: copy is not possible here: rows come and go as JSON; use "
		  "INSERT "
		  "or SELECT" },
	};

	STORY_CHECK(stories);
}

static void first_words_that_cannot_work_are_refused(void **state)
{
	static const char *const words[] = {
		"BEGIN",   "START",  "COMMIT",  "END",        "ROLLBACK", "ABORT",    "SAVEPOINT",
		"RELEASE", "SET",    "RESET",   "DISCARD",    "PREPARE",  "EXECUTE",  "DEALLOCATE",
		"DECLARE", "FETCH",  "MOVE",    "CLOSE",      "LISTEN",   "UNLISTEN", "LOAD",
		"COPY",    "VACUUM", "CLUSTER", "CHECKPOINT", "LOCK",     "WAIT",
	};
	char text[128];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(text, sizeof(text), HEAD "%s x", words[i]);
		assert_non_null(strstr(story_errors(text), " is not possible here: "));
		snprintf(text, sizeof(text), HEAD "SELECT %s, \"%s\"", words[i], words[i]);
		assert_null(story_errors(text));
	}
}

static void what_cannot_run_within_a_transaction_is_refused_by_its_words(void **state)
{
	static const char *const refused[] = {
		"CREATE DATABASE shop",
		"drop /* all of it */ database shop",
		"ALTER DATABASE shop SET TABLESPACE fast",
		"CREATE TABLESPACE fast LOCATION '/fast'",
		"ALTER SYSTEM SET work_mem = '1MB'",
		"CREATE INDEX CONCURRENTLY ON orders (id)",
		"CREATE UNIQUE INDEX CONCURRENTLY i ON orders (id)",
		"DROP INDEX CONCURRENTLY i",
		"REINDEX TABLE CONCURRENTLY orders",
		"REINDEX (VERBOSE, CONCURRENTLY) TABLE orders",
		"REINDEX (VERBOSE) DATABASE shop",
		"ALTER TABLE orders DETACH PARTITION orders_1 CONCURRENTLY",
		"CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
		"ALTER SUBSCRIPTION s REFRESH PUBLICATION",
	};
	static const char *const possible[] = {
		"CREATE INDEX ON orders (id)",
		"CREATE INDEX \"concurrently\" ON orders (id)",
		"REINDEX TABLE orders",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
		"ALTER DATABASE shop SET work_mem = '1MB'",
		"CREATE TABLE databases (id int)",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'CREATE DATABASE x'",
		"SELECT 1 AS concurrently",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(text, sizeof(text), "-- command: c :exec\n%s", refused[i]);
		assert_non_null(strstr(story_errors(text), "cannot run within a transaction"));
	}
	for (size_t i = 0; i < sizeof(possible) / sizeof(possible[0]); i++) {
		snprintf(text, sizeof(text), "-- command: c :exec\n%s", possible[i]);
		assert_null(story_errors(text));
	}
}

static void a_slice_up_to_a_name_is_refused_with_advice(void **state)
{
	static const char slice[] =
		"a slice, or the parameter \"n\"? Write [… : n] with spaces for a "
		"slice up to a column, [… : :n] for one up to the parameter";
	static const char open[] =
		"a slice, or the parameter \"n\"? Write [: n] with a space for a "
		"slice, [(:n)] or a @param for the parameter";
	static const struct {
		const char *text, *advice;
		unsigned column;
	} stories[] = {
		{ "SELECT a[1:n]", slice, 11 },        { "SELECT a[lo:n]", slice, 12 },
		{ "SELECT a[1 :n]", slice, 12 },       { "SELECT a[(x):n]", slice, 13 },
		{ "SELECT a[b[1]:n]", slice, 14 },     { "SELECT (f())[1:n]", slice, 15 },
		{ "SELECT a[1][1:n]", slice, 14 },     { "SELECT \"a\"[1:n]", slice, 13 },
		{ "SELECT a['1':n]", slice, 13 },      { "SELECT a[:n]", open, 10 },
		{ "SELECT (ARRAY[1])[:n]", open, 19 },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		char text[256], expected[512];

		snprintf(text, sizeof(text), HEAD "%s", stories[i].text);
		snprintf(expected, sizeof(expected), "shop.sql:2:%u: error: %s", stories[i].column,
			 stories[i].advice);
		assert_string_equal(story_errors(text), expected);
	}
	assert_null(story_errors(HEAD "-- @param n int\nSELECT a[:n]"));
}

static void brackets_have_a_deepest_level(void **state)
{
	char text[2 * BRACKETS_MAX + 64] = HEAD "SELECT ";
	size_t len = strlen(text);

	memset(text + len, '(', BRACKETS_MAX);
	assert_null(story_errors(text));
	memset(text + len, '(', BRACKETS_MAX + 20);
	assert_string_equal(story_errors(text),
			    "shop.sql:2:264: error: more than 256 brackets within each other");
}

static void positions_lead_back_to_the_file(void **state)
{
	static const struct {
		const char *text;
		unsigned position, line, column;
	} stories[] = {
		{ HEAD "SELECT nope", 1, 2, 1 },
		{ HEAD "SELECT nope", 8, 2, 8 },
		{ HEAD "  SELECT nope", 8, 2, 10 },
		{ HEAD "\n\nSELECT\n  nope", 10, 5, 3 },
		{ HEAD "SELECT\r\n  nope", 11, 3, 3 },
		{ HEAD "SELECT 'äöü', nope", 15, 2, 15 },
		{ HEAD "SELECT :customer", 8, 2, 8 },
		{ HEAD "SELECT :customer", 9, 2, 8 },
		{ HEAD "SELECT :customer, nope", 12, 2, 19 },
		{ HEAD "SELECT :customer\n, :customer, nope", 17, 3, 14 },
		{ HEAD "SELECT :a, AND:b, nope", 20, 2, 19 },
		{ "\xef\xbb\xbf" HEAD "SELECT 'ä' :ab 'é', nope", 20, 2, 21 },
		{ HEAD "SELECT 1", 9, 2, 9 },
		{ HEAD "SELECT 1", 500, 2, 9 },
		{ HEAD "SELECT 1", 0, 2, 1 },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct catalog *catalog;
		const struct operation *operation = story_operation(&catalog, stories[i].text);
		struct place place = operation_place(operation, stories[i].position);

		assert_string_equal(place.file, "shop.sql");
		assert_int_equal(place.line, stories[i].line);
		assert_int_equal(place.column, stories[i].column);
		catalog_let_go(catalog);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_belongs_to_cqrsd_or_psql_is_refused),
		cmocka_unit_test(first_words_that_cannot_work_are_refused),
		cmocka_unit_test(what_cannot_run_within_a_transaction_is_refused_by_its_words),
		cmocka_unit_test(a_slice_up_to_a_name_is_refused_with_advice),
		cmocka_unit_test(brackets_have_a_deepest_level),
		cmocka_unit_test(positions_lead_back_to_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
