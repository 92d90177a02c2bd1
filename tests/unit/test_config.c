/* SPDX-License-Identifier: Apache-2.0 */
/* Files of key = value lines. */
#include "base/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static char path[] = "/tmp/cqrsd-config-XXXXXX";
static char error[256];
static struct config config;

static int setup(void **state)
{
	int fd;

	memcpy(path, "/tmp/cqrsd-config-XXXXXX", sizeof(path));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	arena_fini(&arena);
	return 0;
}

static void file_holds(const char *ptr, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(ptr, 1, len, file), len);
	fclose(file);
}

static void opened(const char *text)
{
	file_holds(text, strlen(text));
	assert_true(config_open(&config, path, &arena, error, sizeof(error)));
}

static void pair_is(const char *want_key, const char *want_value)
{
	char *key, *value;

	assert_int_equal(config_next(&config, &key, &value, error, sizeof(error)), CONFIG_PAIR);
	assert_string_equal(key, want_key);
	assert_string_equal(value, want_value);
}

static void ends(void)
{
	char *key, *value;

	assert_int_equal(config_next(&config, &key, &value, error, sizeof(error)), CONFIG_END);
}

/* The next line is refused, and the error ends with reason. */
static void is_wrong(const char *reason)
{
	char *key, *value, want[256];

	assert_int_equal(config_next(&config, &key, &value, error, sizeof(error)), CONFIG_WRONG);
	snprintf(want, sizeof(want), "%s:%s", path, reason);
	assert_string_equal(error, want);
}

static void lines_are_pairs_with_their_spaces_cut(void **state)
{
	opened("a=1\n  b  =  two words \t\r\nc = x=y\nlast = without newline");
	pair_is("a", "1");
	pair_is("b", "two words");
	assert_int_equal(config.line, 2);
	pair_is("c", "x=y");
	pair_is("last", "without newline");
	ends();
	ends();
}

static void comments_and_empty_lines_are_passed_over(void **state)
{
	opened("# first\n\n   # second\na = 1 # why\nb = 2#3\nc = # nothing\n\n#");
	pair_is("a", "1");
	assert_int_equal(config.line, 4);
	pair_is("b", "2#3");
	pair_is("c", "");
	ends();
}

static void a_quoted_value_is_taken_as_it_is(void **state)
{
	opened("a = \" x # y \"  # comment\nb = \"\"\nc = it's \"half\"\n");
	pair_is("a", " x # y ");
	pair_is("b", "");
	pair_is("c", "it's \"half\"");
	ends();
}

static void a_line_that_is_no_pair_is_named_by_its_number(void **state)
{
	opened("\nfrobnicate\n= 1\na = \"open\nb = \"x\" y\nc = 3\n");
	is_wrong("2: frobnicate: wants key = value");
	is_wrong("3: wants key = value");
	is_wrong("4: a: a value that begins with a double quote ends with one");
	is_wrong("5: b: a value that begins with a double quote ends with one");
	pair_is("c", "3");
}

static void a_line_that_is_no_pair_shows_no_more_than_its_key(void **state)
{
	opened("primary postgresql://app:secret@db/shop\n");
	is_wrong("1: primary: wants key = value");
}

static void an_empty_file_has_no_pairs(void **state)
{
	opened("");
	ends();
}

static void what_cannot_be_a_config_file_is_refused(void **state)
{
	char *large = calloc(1, CONFIG_BYTES_MAX + 1);

	assert_false(config_open(&config, "/nonexistent/x", &arena, error, sizeof(error)));
	assert_string_equal(error, "/nonexistent/x: No such file or directory");
	assert_false(config_open(&config, "/tmp", &arena, error, sizeof(error)));
	file_holds("a = 1\0b", 7);
	assert_false(config_open(&config, path, &arena, error, sizeof(error)));
	assert_non_null(strstr(error, "NUL"));
	memset(large, '#', CONFIG_BYTES_MAX + 1);
	file_holds(large, CONFIG_BYTES_MAX + 1);
	assert_false(config_open(&config, path, &arena, error, sizeof(error)));
	assert_non_null(strstr(error, "too large"));
	file_holds(large, CONFIG_BYTES_MAX);
	assert_true(config_open(&config, path, &arena, error, sizeof(error)));
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_are_pairs_with_their_spaces_cut, setup,
						teardown),
		cmocka_unit_test_setup_teardown(comments_and_empty_lines_are_passed_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_quoted_value_is_taken_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_that_is_no_pair_is_named_by_its_number,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_that_is_no_pair_shows_no_more_than_its_key,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_file_has_no_pairs, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_a_config_file_is_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
