/* SPDX-License-Identifier: Apache-2.0 */
/* Query strings: duplicates are kept, encoded separators are data, what is malformed is refused. */
#include "http/head/query_string.h"

#include "base/limits.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct pair *pairs;
static size_t count;

static int start(void **state)
{
	arena_init(&arena);
	return 0;
}

static int stop(void **state)
{
	arena_fini(&arena);
	return 0;
}

static const char *read_query(const char *query)
{
	return query_string_read(text_of(query), &arena, &pairs, &count);
}

static void assert_pair(size_t index, const char *name, const char *value)
{
	assert_true(index < count);
	assert_true(text_is(pairs[index].name, name));
	assert_true(text_is(pairs[index].value, value));
}

static void test_no_query_string_is_no_pairs(void **state)
{
	assert_null(read_query(""));
	assert_int_equal(count, 0);
	assert_null(read_query("&&"));
	assert_int_equal(count, 0);
}

static void test_duplicates_and_order_are_kept(void **state)
{
	assert_null(read_query("b=1&a=2&b=3&&c&d="));
	assert_int_equal(count, 5);
	assert_pair(0, "b", "1");
	assert_pair(1, "a", "2");
	assert_pair(2, "b", "3");
	assert_pair(3, "c", "");
	assert_pair(4, "d", "");
}

static void test_encoded_separators_are_data(void **state)
{
	assert_null(read_query("a%3Db=c%26d%3d&e=f=g%25&h=%2b+%2B"));
	assert_int_equal(count, 3);
	assert_pair(0, "a=b", "c&d=");
	assert_pair(1, "e", "f=g%");
	assert_pair(2, "h", "+ +");
}

static void test_utf8_is_decoded(void **state)
{
	assert_null(read_query("n=%c3%A4%F0%9F%98%80"));
	assert_pair(0, "n", "\xc3\xa4\xf0\x9f\x98\x80");
}

static void test_what_is_malformed_is_refused(void **state)
{
	static const char *const queries[] = {
		"a=%",    "a=%4",           "a=%4g",       "a=%g4",    "a=%%41",   "%=a",
		"a=%00",  "%00=a",          "a=%ff",       "a=%c3",    "a=%c0%80", "a=%ed%a0%80",
		"=value", "a=%F4%90%80%80", "a=%e0%80%80", "a=%c3%28", "a=%-1",    "&=",
	};

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		if (!read_query(queries[i]))
			fail_msg("%s", queries[i]);
}

static void test_a_token_is_refused(void **state)
{
	assert_non_null(read_query("a=1&token=abc"));
	assert_non_null(read_query("tok%65n=abc"));
	assert_null(read_query("tokens=abc"));
}

static void test_too_many_pairs_are_refused(void **state)
{
	char query[2 * PAIRS_MAX + 2];

	memset(query, 'a', sizeof(query));
	for (size_t i = 1; i < sizeof(query); i += 2)
		query[i] = '&';
	query[2 * PAIRS_MAX - 1] = '\0';
	assert_null(read_query(query));
	assert_int_equal(count, PAIRS_MAX);

	query[2 * PAIRS_MAX - 1] = '&';
	query[2 * PAIRS_MAX + 1] = '\0';
	assert_non_null(read_query(query));
}

static void test_a_plus_in_a_path_is_a_plus(void **state)
{
	struct text out;

	assert_true(percent_decode(TEXT("a+b%2e"), false, &arena, &out));
	assert_true(text_is(out, "a+b."));
}

static void test_utf8_follows_the_table(void **state)
{
	assert_true(utf8_valid(TEXT("")));
	assert_true(utf8_valid(TEXT("a\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80")));
	assert_true(utf8_valid(TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
	assert_false(utf8_valid(TEXT("\x80")));
	assert_false(utf8_valid(TEXT("\xc1\xbf")));
	assert_false(utf8_valid(TEXT("\xe0\x9f\xbf")));
	assert_false(utf8_valid(TEXT("\xed\xa0\x80")));
	assert_false(utf8_valid(TEXT("\xf0\x8f\xbf\xbf")));
	assert_false(utf8_valid(TEXT("\xf4\x90\x80\x80")));
	assert_false(utf8_valid(TEXT("\xf5\x80\x80\x80")));
	assert_false(utf8_valid(TEXT("\xe2\x82")));
	assert_false(utf8_valid(TEXT("\xe2\x28\xa1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_query_string_is_no_pairs),
		cmocka_unit_test(test_duplicates_and_order_are_kept),
		cmocka_unit_test(test_encoded_separators_are_data),
		cmocka_unit_test(test_utf8_is_decoded),
		cmocka_unit_test(test_what_is_malformed_is_refused),
		cmocka_unit_test(test_a_token_is_refused),
		cmocka_unit_test(test_too_many_pairs_are_refused),
		cmocka_unit_test(test_a_plus_in_a_path_is_a_plus),
		cmocka_unit_test(test_utf8_follows_the_table),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
