/* SPDX-License-Identifier: Apache-2.0 */
/* Did you mean …? */
#include "base/nearest.h"

#include "base/limits.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The definition, without any short cut: words of at most 12 bytes. */
static size_t distance_by_definition(const char *a, const char *b)
{
	size_t at[13][13];

	for (size_t i = 0; i <= strlen(a); i++) {
		for (size_t j = 0; j <= strlen(b); j++) {
			at[i][j] = i ? j ? SIZE_MAX : i : j;
			if (!i || !j)
				continue;
			at[i][j] = least(at[i - 1][j] + 1, at[i][j - 1] + 1);
			at[i][j] = least(at[i][j], at[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				at[i][j] = least(at[i][j], at[i - 2][j - 2] + 1);
		}
	}
	return at[strlen(a)][strlen(b)];
}

static void write_word(struct random *random, char *out)
{
	size_t len = random_below(random, 13);

	for (size_t i = 0; i < len; i++)
		out[i] = (char)('a' + random_below(random, 3));
	out[len] = '\0';
}

static void the_distance_is_that_of_the_definition(void **state)
{
	struct random random;

	random_init(&random, 1);
	for (unsigned i = 0; i < 100000; i++) {
		char word[13], candidate[13];
		struct nearest nearest;
		size_t distance, limit;

		write_word(&random, word);
		write_word(&random, candidate);
		nearest_init(&nearest, text_of(word));
		nearest_offer(&nearest, text_of(candidate));
		distance = distance_by_definition(word, candidate);
		limit = strlen(candidate) < 6 ? 1 : strlen(candidate) / 3;
		if (nearest.distance != (distance <= limit ? distance : SIZE_MAX))
			fail_msg("\"%s\", \"%s\": %zu, not %zu", word, candidate, nearest.distance,
				 distance);
	}
}

/* Names as long as they may be, each a little further away than the one before is allowed to be. */
static void thousands_of_long_candidates_cost_no_more_than_the_budget(void **state)
{
	char word[OPERATION_NAME_MAX], candidate[OPERATION_NAME_MAX];
	size_t one = OPERATION_NAME_MAX * OPERATION_NAME_MAX;
	struct nearest nearest;

	memset(word, 'a', sizeof(word));
	memset(candidate, 'a', sizeof(candidate));
	for (size_t i = 2; i < sizeof(candidate); i += 2)
		candidate[i] = 'b';
	nearest_init(&nearest, (struct text){ word, sizeof(word) });
	for (unsigned i = 0; i < OPERATIONS_MAX; i++)
		nearest_offer(&nearest, (struct text){ candidate, sizeof(candidate) });
	assert_in_range(nearest.steps, 1, NEAREST_STEPS_MAX + one);
}

/* A catalog as people write them: the last of 1,000 is still found. */
static void the_last_of_a_large_catalog_is_found(void **state)
{
	char candidate[32];
	struct nearest nearest;

	nearest_init(&nearest, TEXT("order_by_customer"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(candidate, sizeof(candidate), "report_%u_of_%u", i, i * 7919 % 1000);
		nearest_offer(&nearest, text_of(candidate));
	}
	assert_null(nearest.best.ptr);
	nearest_offer(&nearest, TEXT("orders_by_customer"));
	assert_true(text_is(nearest.best, "orders_by_customer"));
	assert_in_range(nearest.steps, 1, NEAREST_STEPS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slip_of_the_hand_finds_the_word_that_was_meant),
		cmocka_unit_test(of_several_the_closest_wins),
		cmocka_unit_test(a_word_unlike_all_others_finds_none),
		cmocka_unit_test(swapped_neighbours_are_one_edit),
		cmocka_unit_test(endless_words_are_no_candidates),
		cmocka_unit_test(the_distance_is_that_of_the_definition),
		cmocka_unit_test(thousands_of_long_candidates_cost_no_more_than_the_budget),
		cmocka_unit_test(the_last_of_a_large_catalog_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
