/* SPDX-License-Identifier: Apache-2.0 */
/* Did you mean …? */
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *nearest_of(const char *word)
{
	static const char *const known[] = { "max-lag-ms", "max-lag-bytes", "loops", "listen",
					     "wait-ms",    "json",          "at" };
	struct nearest nearest;

	nearest_init(&nearest, text_of(word));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		nearest_offer(&nearest, text_of(known[i]));
	return nearest.best.ptr;
}

static void a_slip_of_the_hand_finds_the_word_that_was_meant(void **state)
{
	assert_string_equal(nearest_of("max-lag-m"), "max-lag-ms");
	assert_string_equal(nearest_of("max_lag_ms"), "max-lag-ms");
	assert_string_equal(nearest_of("lsiten"), "listen");
	assert_string_equal(nearest_of("lops"), "loops");
	assert_string_equal(nearest_of("jsom"), "json");
	assert_string_equal(nearest_of("listen"), "listen");
}

static void of_several_the_closest_wins(void **state)
{
	struct nearest nearest;

	nearest_init(&nearest, TEXT("orders"));
	nearest_offer(&nearest, TEXT("orderly"));
	nearest_offer(&nearest, TEXT("order"));
	nearest_offer(&nearest, TEXT("ordera"));
	assert_true(text_is(nearest.best, "order"));
	assert_int_equal(nearest.distance, 1);
}

static void a_word_unlike_all_others_finds_none(void **state)
{
	assert_null(nearest_of("frobnicate"));
	assert_null(nearest_of("xy"));
	assert_null(nearest_of("loudspeaker"));
	assert_null(nearest_of(""));
}

static void swapped_neighbours_are_one_edit(void **state)
{
	/* "json" allows one edit: a swap counted as two would not find it. */
	assert_string_equal(nearest_of("josn"), "json");
}

static void endless_words_are_no_candidates(void **state)
{
	char word[100000];

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(nearest_of(word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slip_of_the_hand_finds_the_word_that_was_meant),
		cmocka_unit_test(of_several_the_closest_wins),
		cmocka_unit_test(a_word_unlike_all_others_finds_none),
		cmocka_unit_test(swapped_neighbours_are_one_edit),
		cmocka_unit_test(endless_words_are_no_candidates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
