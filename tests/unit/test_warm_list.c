/* SPDX-License-Identifier: Apache-2.0 */
/* The list of --cache-warm: what comes back of what was written, of damage, and of other files. */
#include "read/warm_list.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct warm_list *list;
static struct buf text;
static char error[128];

static int set_up(void **state)
{
	(void)state;
	list = warm_list_new();
	buf_init(&text);
	error[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	warm_list_free(list);
	buf_fini(&text);
	return 0;
}

static bool add(const char *operation, const char *one, const char *other)
{
	const char *values[] = { one, other };
	const struct warm_key key = { operation, "0123456789abcdef", values, 2 };

	return warm_list_add(list, &key);
}

static struct warm_list *read_back(size_t len)
{
	return warm_list_read((struct text){ text.ptr, len }, error, sizeof(error));
}

static void what_was_written_comes_back_in_its_order(void **state)
{
	static const char *const odd[] = { "", "\"]\n[\"", "\\ \x01\x7f", "\xc3\xa4\xe2\x82\xac" };
	struct warm_list *back;

	(void)state;
	assert_true(add("first", "1", NULL));
	for (unsigned i = 0; i < 4; i++)
		assert_true(add("odd", odd[i], "x"));
	warm_list_write(list, &text);
	back = read_back(text.len);
	assert_non_null(back);
	assert_int_equal(back->count, 5);
	assert_string_equal(back->keys[0].operation, "first");
	assert_string_equal(back->keys[0].version, "0123456789abcdef");
	assert_int_equal(back->keys[0].count, 2);
	assert_string_equal(back->keys[0].values[0], "1");
	assert_null(back->keys[0].values[1]);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(back->keys[1 + i].values[0], odd[i]);
	warm_list_free(back);
}

static void an_empty_one_comes_back(void **state)
{
	struct warm_list *back;

	(void)state;
	warm_list_write(list, &text);
	back = read_back(text.len);
	assert_non_null(back);
	assert_int_equal(back->count, 0);
	warm_list_free(back);
}

static void each_part_of_it_is_refused(void **state)
{
	(void)state;
	assert_true(add("first", "1", NULL));
	assert_true(add("second", "1", NULL));
	warm_list_write(list, &text);
	for (size_t len = 0; len < text.len; len++) {
		assert_null(read_back(len));
		assert_true(*error);
	}
}

static void each_byte_that_is_another_one_is_seen(void **state)
{
	(void)state;
	assert_true(add("first", "1", NULL));
	warm_list_write(list, &text);
	for (size_t at = 0; at < text.len; at++) {
		struct warm_list *back;

		text.ptr[at] ^= 1;
		back = read_back(text.len);
		if (back)
			fail_msg("byte %zu", at);
		text.ptr[at] ^= 1;
	}
}

static void other_files_are_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} others[] = {
		{ "", "not a file of --cache-warm" },
		{ "\n", "not a file of --cache-warm" },
		{ "-- query: x :one\nSELECT 1;\n", "not a file of --cache-warm" },
		{ "cqrsd cache-warm 2 0 0000000000000000\n", "another version" },
		{ "cqrsd cache-warm 1 0 0000000000000000\n", "damaged" },
	};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		buf_clear(&text);
		buf_string(&text, others[i].text);
		assert_null(read_back(text.len));
		assert_non_null(strstr(error, others[i].says));
	}
}

static void a_list_has_its_limits(void **state)
{
	static char large[WARM_KEY_BYTES_MAX + 1];
	struct warm_list *back;

	(void)state;
	memset(large, 'x', WARM_KEY_BYTES_MAX);
	assert_false(add("first", large, NULL));
	assert_int_equal(list->count, 0);
	large[WARM_KEY_BYTES_MAX - 100] = '\0';
	while (list->count < WARM_KEYS_MAX && add("first", large, NULL)) {}
	assert_in_range(list->count, 1000, WARM_KEYS_MAX - 1);
	warm_list_write(list, &text);
	assert_true(text.len <= WARM_BYTES_MAX);
	back = read_back(text.len);
	assert_non_null(back);
	assert_int_equal(back->count, list->count);
	warm_list_free(back);
}

static void there_are_never_too_many_keys(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WARM_KEYS_MAX; i++)
		assert_true(add("x", NULL, NULL));
	assert_false(add("x", NULL, NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_comes_back_in_its_order),
		TEST(an_empty_one_comes_back),
		TEST(each_part_of_it_is_refused),
		TEST(each_byte_that_is_another_one_is_seen),
		TEST(other_files_are_refused),
		TEST(a_list_has_its_limits),
		TEST(there_are_never_too_many_keys),
	};

	return cmocka_run_group_tests_name("test_warm_list", tests, NULL, NULL);
}
