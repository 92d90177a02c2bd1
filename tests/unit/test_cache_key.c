/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* Which queries have one key in the cache, and which have not. */
#include "read/cache_key.h"

#include "base/principal.h"
#include "base/request.h"
#include "catalog_story.h"
#include "pg/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define QUERY "-- query: x :many\n-- @cache 10s\nSELECT :a, :b"

static struct arena arena;
static struct catalog *catalog;
static struct operation operation;
static struct statement statement;
static struct shape *shape;
static const char *values[2];
static struct cache_asked asked;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	operation = *story_operation(&catalog, QUERY);
	statement.id = 7;
	statement.params = 2;
	operation.statement = &statement;
	shape = shape_new(2, 0);
	values[0] = "1";
	values[1] = "2";
	asked = (struct cache_asked){ .operation = &operation, .shape = shape, .values = values };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	shape_free(shape);
	catalog_let_go(catalog);
	arena_fini(&arena);
	return 0;
}

static struct text key(void)
{
	return cache_key(&asked, &arena);
}

static bool is_same(struct text a, struct text b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static void values_that_are_equal_have_one_key(void **state)
{
	struct text before = key();
	char copy[] = "1";

	(void)state;
	assert_true(is_same(before, key()));
	values[0] = copy;
	assert_true(is_same(before, key()));
}

static void values_do_not_run_into_each_other(void **state)
{
	static const char *const others[][2] = {
		{ "12", "" },   { "", "12" },  { "2", "1" },   { NULL, "12" },
		{ "12", NULL }, { "1", NULL }, { NULL, NULL }, { "", "" },
	};
	struct text keys[9];

	(void)state;
	keys[8] = key();
	for (unsigned i = 0; i < 8; i++) {
		values[0] = others[i][0];
		values[1] = others[i][1];
		keys[i] = key();
	}
	for (unsigned i = 0; i < 9; i++)
		for (unsigned j = 0; j < i; j++)
			assert_false(is_same(keys[i], keys[j]));
}

static void what_makes_another_document_makes_another_key(void **state)
{
	struct text before = key();

	(void)state;
	operation.rows = ROWS_ONE;
	assert_false(is_same(before, key()));
	operation.rows = ROWS_MANY;
	operation.rows_max = 3;
	assert_false(is_same(before, key()));
	operation.rows_max = 0;
	statement.int8_as_text = true;
	assert_false(is_same(before, key()));
	statement.int8_as_text = false;
	statement.lookup = 1;
	assert_false(is_same(before, key()));
	statement.lookup = 0;
	statement.id = 8;
	assert_false(is_same(before, key()));
	statement.id = 7;
	atomic_store(&shape->generation, 5);
	assert_false(is_same(before, key()));
	atomic_store(&shape->generation, 0);
	assert_true(is_same(before, key()));
}

static void who_asks_counts_where_the_answer_varies(void **state)
{
	struct principal ann = { .id = { "ann", 3 } }, ben = { .id = { "ben", 3 } };
	struct request one = { .principal = &ann, .user_key = { "u", 1 } };
	struct request other = { .principal = &ann, .user_key = { "v", 1 } };
	struct text before = key(), first;

	(void)state;
	asked.who = &one;
	first = key();
	assert_false(is_same(before, first));
	asked.who = &other;
	assert_false(is_same(first, key()));
	other.user_key = one.user_key;
	assert_true(is_same(first, key()));
	other.principal = &ben;
	assert_false(is_same(first, key()));
	other.principal = &ann;
	other.user_key = (struct text){ NULL, 0 };
	assert_false(is_same(first, key()));
}

static void claims_count_where_they_are_set(void **state)
{
	const char *one[CLAIMS_VALUES], *other[CLAIMS_VALUES];
	struct text before = key(), first;

	(void)state;
	for (unsigned i = 0; i < CLAIMS_VALUES; i++)
		one[i] = other[i] = "x";
	asked.claims = one;
	first = key();
	assert_false(is_same(before, first));
	asked.claims = other;
	assert_true(is_same(first, key()));
	for (unsigned i = 0; i < CLAIMS_VALUES; i++) {
		other[i] = "y";
		assert_false(is_same(first, key()));
		other[i] = "x";
	}
}

static void times_that_move_are_found(void **state)
{
	static const char *const moving[] = { "now", "TODAY", "{yesterday,1}", "[tomorrow,)",
					      "2 from now on" };
	static const char *const fixed[] = {
		"", "know", "nowhere", "2026-11-30", "snow", "todays"
	};

	(void)state;
	assert_false(cache_asks_time(&asked));
	for (unsigned i = 0; i < 5; i++) {
		values[1] = moving[i];
		assert_true(cache_asks_time(&asked));
	}
	for (unsigned i = 0; i < 6; i++) {
		values[1] = fixed[i];
		assert_false(cache_asks_time(&asked));
	}
	values[1] = NULL;
	assert_false(cache_asks_time(&asked));
}

static void values_come_back_of_a_key_that_names_no_one(void **state)
{
	const char *claims[CLAIMS_VALUES] = { NULL };
	struct principal ann = { .id = { "ann", 3 } };
	struct request one = { .principal = &ann, .user_key = { "u", 1 } };
	const char *const *back;

	(void)state;
	values[0] = NULL;
	assert_int_equal(cache_key_statement(key()), 7);
	back = cache_key_values(key(), 2, &arena);
	assert_non_null(back);
	assert_null(back[0]);
	assert_string_equal(back[1], "2");
	assert_null(cache_key_values(key(), 1, &arena));
	assert_null(cache_key_values(key(), 3, &arena));
	asked.who = &one;
	assert_null(cache_key_values(key(), 2, &arena));
	asked.who = NULL;
	asked.claims = claims;
	assert_null(cache_key_values(key(), 2, &arena));
	asked.claims = NULL;
	for (size_t len = 0; len < key().len; len++)
		assert_null(cache_key_values((struct text){ key().ptr, len }, 2, &arena));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(values_that_are_equal_have_one_key),
		TEST(values_do_not_run_into_each_other),
		TEST(what_makes_another_document_makes_another_key),
		TEST(who_asks_counts_where_the_answer_varies),
		TEST(claims_count_where_they_are_set),
		TEST(times_that_move_are_found),
		TEST(values_come_back_of_a_key_that_names_no_one),
	};

	return cmocka_run_group_tests_name("test_cache_key", tests, NULL, NULL);
}
