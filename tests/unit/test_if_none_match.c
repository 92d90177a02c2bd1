/* SPDX-License-Identifier: Apache-2.0 */
/* Which entity tags a client says it has. */
#include "base/arena.h"
#include "http/head/if_none_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool has(const char *list, const char *tag)
{
	/* At the very end of a block of memory, where a sanitizer sees a byte too many. */
	size_t len = strlen(list);
	char *copy = malloc(len + !len);
	bool found;

	assert_non_null(copy);
	memcpy(copy, list, len);
	found = if_none_match_has((struct text){ copy, len }, text_of(tag));
	free(copy);
	return found;
}

static void a_tag_is_found_wherever_it_stands_in_the_list(void **state)
{
	assert_true(has("\"abc\"", "abc"));
	assert_true(has("\"x\", \"abc\"", "abc"));
	assert_true(has("\"abc\",\"x\"", "abc"));
	assert_true(has("\"x\"\t ,  \"abc\" , \"y\"", "abc"));
	assert_true(has(", ,\"abc\",,", "abc"));
	assert_false(has("\"x\", \"y\"", "abc"));
}

static void a_weak_tag_is_the_same_as_a_strong_one(void **state)
{
	assert_true(has("W/\"abc\"", "abc"));
	assert_true(has("\"x\", W/\"abc\"", "abc"));
	/* Case matters, and W/ belongs to its quotes. */
	assert_false(has("w/\"abc\"", "abc"));
	assert_false(has("W/ \"abc\"", "abc"));
	assert_false(has("W/abc", "abc"));
	assert_false(has("W/", "abc"));
	assert_false(has("W", "W"));
}

static void a_tag_is_compared_as_a_whole(void **state)
{
	assert_false(has("\"abc\"", "ab"));
	assert_false(has("\"ab\"", "abc"));
	assert_false(has("\"ABC\"", "abc"));
	assert_false(has("\"abc-gzip\"", "abc"));
	assert_false(has("\"abc\"", "abc-gzip"));
	assert_true(has("\"\"", ""));
	assert_false(has("", ""));
}

static void a_comma_within_quotes_parts_nothing(void **state)
{
	assert_true(has("\"a,b\", \"abc\"", "abc"));
	assert_true(has("\"a,b\"", "a,b"));
	assert_false(has("\"x,abc\"", "abc"));
	assert_false(has("\"a,\"abc\"", "abc"));
}

static void a_star_stands_for_all_where_it_is_alone(void **state)
{
	assert_true(has("*", "abc"));
	assert_true(has("*", ""));
	assert_false(has("*, \"x\"", "abc"));
	assert_false(has("\"x\", *", "abc"));
	assert_false(has("**", "abc"));
	assert_true(has("\"*\", \"abc\"", "abc"));
	assert_false(has("\"*\"", "abc"));
}

static void what_is_no_tag_is_passed_over(void **state)
{
	assert_false(has("abc", "abc"));
	assert_false(has("'abc'", "abc"));
	assert_false(has("\"abc", "abc"));
	assert_false(has("abc\"", "abc"));
	assert_false(has("\"a bc\"", "a bc"));
	assert_false(has("\"abc\"x", "abc"));
	assert_false(has("\"abc\" \"x\"", "abc"));
	assert_false(has("\"a\x7f\"", "a\x7f"));
	assert_true(has("\"\xc3\xa4\"", "\xc3\xa4"));
	assert_true(has("bad, \"abc\"", "abc"));
	assert_true(has("\"unclosed, \"abc\"", "abc"));
	assert_true(has("\"x\"y, \"abc\"", "abc"));
}

static void it_never_looks_beyond_the_list(void **state)
{
	static const char bytes[] = "W/\", *a";
	char list[6] = "";

	/* Every text of five of these bytes. */
	for (unsigned n = 0; n < 7 * 7 * 7 * 7 * 7; n++) {
		unsigned rest = n;

		for (unsigned i = 0; i < 5; i++, rest /= 7)
			list[i] = bytes[rest % 7];
		(void)has(list, "a");
	}
}

static void lines_are_one_list(void **state)
{
	struct head head = { .count = 0 };
	struct arena arena;
	struct text list;

	arena_init(&arena);
	assert_null(if_none_match_find(&head, &arena).ptr);
	head_add(&head, TEXT("If-None-Match"), TEXT("\"one\""));
	head_add(&head, TEXT("If-Nonf-Match"), TEXT("\"other\""));
	head_add(&head, TEXT("if-none-match"), TEXT(""));
	head_add(&head, TEXT("IF-NONE-MATCH"), TEXT("W/\"two\", \"three\""));
	list = if_none_match_find(&head, &arena);
	assert_true(if_none_match_has(list, TEXT("one")));
	assert_true(if_none_match_has(list, TEXT("two")));
	assert_true(if_none_match_has(list, TEXT("three")));
	assert_false(if_none_match_has(list, TEXT("other")));
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_is_found_wherever_it_stands_in_the_list),
		cmocka_unit_test(a_weak_tag_is_the_same_as_a_strong_one),
		cmocka_unit_test(a_tag_is_compared_as_a_whole),
		cmocka_unit_test(a_comma_within_quotes_parts_nothing),
		cmocka_unit_test(a_star_stands_for_all_where_it_is_alone),
		cmocka_unit_test(what_is_no_tag_is_passed_over),
		cmocka_unit_test(it_never_looks_beyond_the_list),
		cmocka_unit_test(lines_are_one_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
