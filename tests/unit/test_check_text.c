/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* Texts of the check verb: what is sent to PostgreSQL, and what is made of its answers. */
#include "catalog_story.h"
#include "cmd/check_findings.h"
#include "cmd/check_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char three[] = "-- command: c :exec\n"
			    "-- @param a text = 'it''s \\ ä'\n"
			    "-- @param b int\n"
			    "-- @param c = 5\n"
			    "SELECT :a, :b, :c";

static void a_message_names_parameters_as_the_author_does(void **state)
{
	static const struct {
		const char *message, *shown;
	} stories[] = {
		{ "could not determine data type of parameter $2",
		  "could not determine data type of parameter :b" },
		{ "$1, $3 and $12", ":a, :c and $12" },
		{ "a$1 $0 $ $", "a$1 $0 $ $" },
		{ "$99999999999999999999", "$99999999999999999999" },
		{ "", "" },
	};
	struct catalog *catalog;
	const struct operation *operation = story_operation(&catalog, three);
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		assert_string_equal(check_message(&arena, operation, stories[i].message),
				    stories[i].shown);
	arena_fini(&arena);
	catalog_let_go(catalog);
}

static void defaults_are_planned_with_and_found_again_by_their_place(void **state)
{
	struct catalog *catalog;
	const struct operation *operation = story_operation(&catalog, three);
	unsigned starts[PARAMS_MAX];
	struct arena arena;
	const char *explain;

	arena_init(&arena);
	explain = check_explain(&arena, operation, 12, starts);
	assert_string_equal(explain, "EXPLAIN (FORMAT JSON, COSTS OFF, VERBOSE) EXECUTE "
				     "s12(E'it''s \\\\ ä', NULL, E'5')");
	assert_int_equal(starts[0], 55);
	assert_int_equal(check_explain_param(starts, 3, 54), 3);
	assert_int_equal(check_explain_param(starts, 3, 55), 0);
	assert_int_equal(check_explain_param(starts, 3, starts[1] - 1), 0);
	assert_int_equal(check_explain_param(starts, 3, starts[1]), 1);
	assert_int_equal(starts[2] - starts[1], 6);
	assert_int_equal(check_explain_param(starts, 3, starts[2]), 2);
	arena_fini(&arena);
	catalog_let_go(catalog);
}

static void a_statement_without_parameters_is_executed_without_parentheses(void **state)
{
	struct catalog *catalog;
	const struct operation *operation = story_operation(&catalog, "-- query: q :one\nSELECT 1");
	unsigned starts[1];
	struct arena arena;

	arena_init(&arena);
	assert_string_equal(check_explain(&arena, operation, 7, starts),
			    "EXPLAIN (FORMAT JSON, COSTS OFF, VERBOSE) EXECUTE s7");
	arena_fini(&arena);
	catalog_let_go(catalog);
}

static void plans_that_write_or_lock_are_told_from_texts_that_say_so(void **state)
{
	static const struct {
		const char *plan, *forbids;
	} stories[] = {
		{ "", NULL },
		{ "{\"Plan\": {\"Node Type\": \"Seq Scan\"}}", NULL },
		{ "{\"Plans\": [{\"Node Type\": \"ModifyTable\",\n\"Operation\": \"Insert\"}]}",
		  "a query may not write (ModifyTable)" },
		{ "{\"Plan\": {\"Node Type\": \"LockRows\"}}",
		  "a query may not lock rows (LockRows)" },
		{ "{\"Filter\": \"(x = '\\\"Node Type\\\": \\\"LockRows\\\"')\"}", NULL },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const char *forbids = check_plan_forbids(text_of(stories[i].plan));

		assert_int_equal(!forbids, !stories[i].forbids);
		if (forbids)
			assert_string_equal(forbids, stories[i].forbids);
	}
}

static void the_first_word_decides_what_a_statement_can_be(void **state)
{
	static const struct {
		const char *text;
		bool planned, query;
	} stories[] = {
		{ "SELECT 1", true, true },
		{ "select 1", true, true },
		{ "(SELECT 1)", true, true },
		{ "/* a */ -- b\n WITH x AS (SELECT 1) TABLE x", true, true },
		{ "VALUES (1)", true, true },
		{ "MERGE INTO t", true, true },
		{ "SHOW server_version", false, true },
		{ "CALL p()", false, true },
		{ "TRUNCATE t", false, false },
		{ "REFRESH MATERIALIZED VIEW v", false, false },
		{ "selection", false, false },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct text word;

		assert_int_equal(check_is_planned(stories[i].text), stories[i].planned);
		assert_int_equal(check_may_be_query(stories[i].text, &word), stories[i].query);
	}
}

static void lines_of_the_catalog_become_objects(void **state)
{
	struct findings findings;
	struct buf lines;

	findings_init(&findings, "check", "sql");
	buf_init(&lines);
	findings_lines(&findings, &lines);
	assert_int_equal(findings.errors, 0);
	buf_string(&lines, "a:b.sql:3:14: error: \"x\": error: no\n"
			   "a.sql:7: note: later\n"
			   "a.sql:9: warning: dear\n"
			   "sql: error: No such file or directory\n"
			   "error: there are more errors; they are not shown\n");
	findings_lines(&findings, &lines);
	findings_error(&findings, (struct place){ "c.sql", 1, 2 }, "%d", 5);
	findings_trouble(&findings, "no node");
	buf_byte(&findings.json, 0);
	assert_int_equal(findings.errors, 5);
	assert_int_equal(findings.warnings, 1);
	assert_int_equal(findings.notes, 1);
	assert_string_equal(
		findings.json.ptr,
		"{\"kind\":\"error\",\"file\":\"a:b.sql\",\"line\":3,\"column\":14,"
		"\"message\":\"\\\"x\\\": error: no\"},"
		"{\"kind\":\"note\",\"file\":\"a.sql\",\"line\":7,\"message\":\"later\"},"
		"{\"kind\":\"warning\",\"file\":\"a.sql\",\"line\":9,\"message\":\"dear\"},"
		"{\"kind\":\"error\",\"file\":\"sql\","
		"\"message\":\"No such file or directory\"},"
		"{\"kind\":\"error\","
		"\"message\":\"error: there are more errors; they are not shown\"},"
		"{\"kind\":\"error\",\"file\":\"c.sql\",\"line\":1,\"column\":2,"
		"\"message\":\"5\"},"
		"{\"kind\":\"error\",\"message\":\"no node\"}");
	buf_fini(&lines);
	findings_fini(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_names_parameters_as_the_author_does),
		cmocka_unit_test(defaults_are_planned_with_and_found_again_by_their_place),
		cmocka_unit_test(a_statement_without_parameters_is_executed_without_parentheses),
		cmocka_unit_test(plans_that_write_or_lock_are_told_from_texts_that_say_so),
		cmocka_unit_test(the_first_word_decides_what_a_statement_can_be),
		cmocka_unit_test(lines_of_the_catalog_become_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
