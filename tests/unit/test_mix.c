/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of traffic from their specs, and the requests that come of them. */
/* links: bench/mix.c bench/skew.c bench/tally.c zipf.c */
#include "bench/mix.h"

#include "bench/tally.h"
#include "zipf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mix mix;
static struct random numbers;
static struct buf out;
static char error[256];

static int start(void **state)
{
	memset(&mix, 0, sizeof(mix));
	random_init(&numbers, 1);
	buf_init(&out);
	return 0;
}

static int stop(void **state)
{
	buf_fini(&out);
	return 0;
}

static const char *rendered(const struct mix_template *template)
{
	struct mix_values values = { .user = 7, .unique = 1234567890123456 };

	buf_clear(&out);
	mix_render(template, &values, &numbers, &out);
	buf_byte(&out, 0);
	return out.ptr;
}

static void a_pair_is_a_command_a_body_and_a_read(void **state)
{
	assert_true(mix_add(&mix, MIX_PAIR,
			    "3 /add {\"n\": {unique}, \"u\": \"{user}\"} /see?u={user}", error,
			    sizeof(error)));
	assert_int_equal(mix.classes[0].weight, 3);
	assert_string_equal(rendered(&mix.classes[0].target), "/add");
	assert_string_equal(rendered(&mix.classes[0].body),
			    "{\"n\": 1234567890123456, \"u\": \"7\"}");
	assert_string_equal(rendered(&mix.classes[0].read), "/see?u=7");
}

static void random_numbers_reach_both_ends_and_nothing_beyond(void **state)
{
	unsigned seen[5] = { 0 };

	assert_true(mix_add(&mix, MIX_GET, "/x?n={1-3}", error, sizeof(error)));
	for (int i = 0; i < 300; i++) {
		int number;

		assert_int_equal(sscanf(rendered(&mix.classes[0].target), "/x?n=%d", &number), 1);
		assert_in_range(number, 1, 3);
		seen[number]++;
	}
	for (int i = 1; i <= 3; i++)
		assert_in_range(seen[i], 60, 140);
}

/* By as many as a table of all shares says, within five times what chance makes of it. */
static void the_first_of_skewed_numbers_come_most_often(void **state)
{
	static const struct {
		const char *spec;
		double exponent;
	} all[] = { { "/x?n={11-1010~0.99}", 0.99 },
		    { "/x?n={11-1010~1}", 1 },
		    { "/x?n={11-1010~0.2}", 0.2 },
		    { "/x?n={11-1010~2.5}", 2.5 } };
	enum { NUMBERS = 1000, DRAWS = 200000 };
	static unsigned seen[NUMBERS];

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct zipf zipf;

		memset(&mix, 0, sizeof(mix));
		memset(seen, 0, sizeof(seen));
		assert_true(mix_add(&mix, MIX_GET, all[i].spec, error, sizeof(error)));
		for (int draw = 0; draw < DRAWS; draw++) {
			int number;

			assert_int_equal(
				sscanf(rendered(&mix.classes[0].target), "/x?n=%d", &number), 1);
			assert_in_range(number, 11, 1010);
			seen[number - 11]++;
		}
		zipf_init(&zipf, NUMBERS, all[i].exponent);
		for (int n = 0; n < NUMBERS; n++) {
			double share = zipf.shares[n] - (n ? zipf.shares[n - 1] : 0);

			assert_true(fabs(seen[n] - DRAWS * share) <= 5 * sqrt(DRAWS * share) + 5);
		}
		zipf_fini(&zipf);
	}
}

static void braces_that_are_no_placeholders_stand_for_themselves(void **state)
{
	assert_true(mix_add(&mix, MIX_POST, "/x {\"a\":{\"b\":[{}]},\"c\":\"{users}\"}", error,
			    sizeof(error)));
	assert_string_equal(rendered(&mix.classes[0].body),
			    "{\"a\":{\"b\":[{}]},\"c\":\"{users}\"}");
}

static void classes_are_chosen_by_weight(void **state)
{
	unsigned chosen[2] = { 0 };

	assert_true(mix_add(&mix, MIX_GET, "9 /a", error, sizeof(error)));
	assert_true(mix_add(&mix, MIX_GET, "1 /b", error, sizeof(error)));
	for (int i = 0; i < 10000; i++)
		chosen[mix_choose(&mix, &numbers) - mix.classes]++;
	assert_in_range(chosen[0], 8850, 9150);
}

static void a_spec_that_makes_no_sense_is_refused_with_a_reason(void **state)
{
	static const struct {
		enum mix_kind kind;
		const char *spec;
	} all[] = {
		{ MIX_GET, "x" },
		{ MIX_GET, "/a b" },
		{ MIX_GET, "0 /a" },
		{ MIX_GET, "9999999 /a" },
		{ MIX_GET, "/a{9-1}" },
		{ MIX_GET, "/a{1-9999999999999999}" },
		{ MIX_GET, "/a{1-9~-1}" },
		{ MIX_GET, "/a{1-9~11}" },
		{ MIX_GET, "/a{9-1~0.8}" },
		{ MIX_POST, "/a" },
		{ MIX_PAIR, "/a {\"n\":1} /b" },
		{ MIX_PAIR, "/a {unique}" },
		{ MIX_GET, "" },
		{ MIX_GET, "/{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}"
			   "{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}{1-1}" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		error[0] = '\0';
		assert_false(mix_add(&mix, all[i].kind, all[i].spec, error, sizeof(error)));
		assert_true(strlen(error) > 10);
	}
	assert_int_equal(mix.count, 0);
}

static void a_tally_counts_by_name_and_gathers_what_is_too_much(void **state)
{
	static struct tally tally;
	char name[32];

	tally_add(&tally, TEXT("2xx"), 2);
	tally_add(&tally, TEXT("2xx"), 1);
	for (int i = 0; i < 2 * TALLY_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "code-%d", i);
		tally_add(&tally, text_of(name), 1);
	}
	assert_int_equal(tally_get(&tally, TEXT("2xx")), 3);
	assert_int_equal(tally_get(&tally, TEXT("code-5")), 1);
	assert_int_equal(tally_sum(&tally), 3 + 2 * TALLY_NAMES_MAX);
	assert_int_equal(tally_get(&tally, TEXT("others")), TALLY_NAMES_MAX + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pair_is_a_command_a_body_and_a_read, start, stop),
		cmocka_unit_test_setup_teardown(the_first_of_skewed_numbers_come_most_often, start,
						stop),
		cmocka_unit_test_setup_teardown(random_numbers_reach_both_ends_and_nothing_beyond,
						start, stop),
		cmocka_unit_test_setup_teardown(
			braces_that_are_no_placeholders_stand_for_themselves, start, stop),
		cmocka_unit_test_setup_teardown(classes_are_chosen_by_weight, start, stop),
		cmocka_unit_test_setup_teardown(a_spec_that_makes_no_sense_is_refused_with_a_reason,
						start, stop),
		cmocka_unit_test_setup_teardown(a_tally_counts_by_name_and_gathers_what_is_too_much,
						start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
