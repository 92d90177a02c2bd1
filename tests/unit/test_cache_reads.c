/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* What PostgreSQL finds of a query, and whether its answers may be cached then. */
#include "router/cache_reads.h"

#include "base/limits.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROW(kind, id, name, wrong, shape)                                                          \
	"{\"kind\":\"" kind "\",\"id\":" id ",\"name\":\"" name "\",\"wrong\":" wrong              \
	",\"shape\":" shape "}"
#define WATCHED ROW("relation", "20001", "a", "null", "-5")
#define UNWATCHED ROW("relation", "20002", "b", "\"it is not watched\"", "6")
#define UNWATCHED_TOO ROW("relation", "20003", "c", "\"it is not watched\"", "7")
#define FOUND(kind, what) ROW(kind, "null", what, "null", "0")

#define VOLATILE FOUND("volatile", "calls random()")
#define TIME FOUND("time", "calls now()")
#define USER FOUND("user", "has CURRENT_USER")
#define NEVER FOUND("never", "reads t, which is temporary")

static int begin(void **state)
{
	static struct arena arena;

	arena_init(&arena);
	*state = &arena;
	return 0;
}

static int end(void **state)
{
	arena_fini(*state);
	return 0;
}

static struct cache_found take(struct arena *arena, const char *rows)
{
	struct cache_found found;

	assert_true(cache_reads_take(text_of(rows), arena, &found));
	return found;
}

static void relations_are_all_it_reads(void **state)
{
	struct cache_found found = take(*state, WATCHED "," UNWATCHED "," UNWATCHED_TOO);

	assert_int_equal(found.count, 3);
	assert_int_equal(found.relations[0].id, 20001);
	assert_int_equal(found.relations[0].shape, -5);
	assert_int_equal(found.relations[2].id, 20003);
	assert_string_equal(found.why[CACHE_UNSEEN], "b: it is not watched; c: it is not watched");
	for (int i = CACHE_USER; i < CACHE_FINDINGS; i++)
		assert_null(found.why[i]);
	assert_null(take(*state, WATCHED).why[CACHE_UNSEEN]);
	assert_int_equal(take(*state, "").count, 0);
}

static void each_kind_of_finding_is_kept_apart(void **state)
{
	struct cache_found found = take(
		*state, NEVER "," TIME "," FOUND("time", "has CURRENT_DATE") "," USER "," VOLATILE);

	assert_int_equal(found.count, 0);
	assert_string_equal(found.why[CACHE_NEVER], "reads t, which is temporary");
	assert_string_equal(found.why[CACHE_TIME], "calls now(); has CURRENT_DATE");
	assert_string_equal(found.why[CACHE_USER], "has CURRENT_USER");
	assert_string_equal(found.why[CACHE_VOLATILE], "calls random()");
}

static void what_is_never_cached_or_may_read_anything_is_not_seen_by_the_feed(void **state)
{
	assert_string_equal(take(*state, WATCHED "," NEVER).why[CACHE_UNSEEN],
			    "reads t, which is temporary");
	assert_string_equal(take(*state, WATCHED "," FOUND("unseen", "f() may read anything"))
				    .why[CACHE_UNSEEN],
			    "f() may read anything");
	assert_null(take(*state, TIME "," USER "," VOLATILE).why[CACHE_UNSEEN]);
}

static void what_reads_too_much_is_never_cached(void **state)
{
	struct cache_found found;
	struct buf rows;

	buf_init(&rows);
	for (unsigned i = 0; i < FEED_RELATIONS_OF_QUERY_MAX; i++)
		buf_printf(&rows, "%s" ROW("relation", "%u", "a", "null", "1"), i ? "," : "",
			   20000 + i);
	assert_true(cache_reads_take((struct text){ rows.ptr, rows.len }, *state, &found));
	assert_int_equal(found.count, FEED_RELATIONS_OF_QUERY_MAX);
	assert_null(found.why[CACHE_NEVER]);
	buf_literal(&rows, "," WATCHED);
	assert_true(cache_reads_take((struct text){ rows.ptr, rows.len }, *state, &found));
	assert_int_equal(found.count, 0);
	assert_string_equal(found.why[CACHE_NEVER], "reads more than 256 relations");
	assert_non_null(found.why[CACHE_UNSEEN]);
	buf_fini(&rows);
}

static void rows_of_something_else_are_refused(void **state)
{
	static const char *const rows[] = {
		"{",
		"1",
		"{\"kind\":\"user\"}",
		ROW("relation", "null", "a", "null", "1"),
		ROW("relation", "20001", "a", "null", "null"),
		ROW("another", "null", "a", "null", "0"),
		"{\"kind\":1,\"id\":1,\"name\":\"a\",\"wrong\":null,\"shape\":1}",
		"{\"kind\":\"user\",\"id\":null,\"name\":null,\"wrong\":null,\"shape\":1}",
	};
	struct cache_found found;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(cache_reads_take(text_of(rows[i]), *state, &found));
}

static const struct {
	const char *cache, *rows, *refusal; /* NULL: none */
	bool varies;
} cases[] = {
	{ "5s", WATCHED, NULL, false },
	{ "5s", UNWATCHED, NULL, false },
	{ "5s vary=user", WATCHED, NULL, true },
	{ "5s", USER, NULL, true },
	{ "5s vary=user", USER, NULL, true },
	{ "5s vary=none", USER, "vary=none, but it has CURRENT_USER", false },
	{ "5s vary=none volatile=ok", USER, "vary=none, but it has CURRENT_USER", false },
	{ "5s", VOLATILE,
	  "it calls random(): its answers differ though no table has changed (volatile=ok "
	  "takes that)",
	  false },
	{ "5s volatile=ok", VOLATILE, NULL, false },
	{ "5s", TIME, "it calls now(): its answers age by themselves (volatile=ok takes that)",
	  false },
	{ "5s volatile=ok", TIME "," USER, NULL, true },
	{ "5s vary=none volatile=ok", TIME "," VOLATILE, NULL, false },
	{ "5s volatile=ok", NEVER, "it reads t, which is temporary", false },
	{ "5s", NEVER "," VOLATILE, "it reads t, which is temporary", false },
};

static void an_operation_is_refused_for_what_its_option_does_not_take(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cache_found found = take(*state, cases[i].rows);
		struct catalog *catalog;
		const struct operation *operation;
		const char *refusal;
		char text[128];

		snprintf(text, sizeof(text), "-- query: q :many\n-- @cache %s\nSELECT 1",
			 cases[i].cache);
		operation = story_operation(&catalog, text);
		refusal = cache_refusal(operation, &found, *state);
		assert_int_equal(!refusal, !cases[i].refusal);
		if (refusal)
			assert_string_equal(refusal, cases[i].refusal);
		assert_int_equal(cache_varies(operation, &found), cases[i].varies);
		catalog_let_go(catalog);
	}
}

static void the_question_is_one_statement(void **state)
{
	assert_ptr_equal(cache_reads(FEED_TABLE), cache_reads(FEED_OFF));
	assert_ptr_not_equal(cache_reads(FEED_TABLE), cache_reads(FEED_LOGICAL));
	assert_int_equal(cache_reads(FEED_TABLE)->params, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(relations_are_all_it_reads, begin, end),
		cmocka_unit_test_setup_teardown(each_kind_of_finding_is_kept_apart, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_never_cached_or_may_read_anything_is_not_seen_by_the_feed, begin,
			end),
		cmocka_unit_test_setup_teardown(what_reads_too_much_is_never_cached, begin, end),
		cmocka_unit_test_setup_teardown(rows_of_something_else_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			an_operation_is_refused_for_what_its_option_does_not_take, begin, end),
		cmocka_unit_test(the_question_is_one_statement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
