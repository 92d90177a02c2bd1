/* SPDX-License-Identifier: Apache-2.0 */
/* Who passes, and who takes more than a fair share. */
#include "base/clock.h"
#include "pg/admission/fair.h"
#include "pg/admission/threshold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_US (100 * US_PER_S)

/* An interval in which each cohort of that urgency came once. */
static void came(struct threshold *threshold, unsigned urgency, bool over)
{
	for (unsigned cohort = 0; cohort < THRESHOLD_COHORTS; cohort++)
		threshold_came(threshold, threshold_rank(urgency, over, cohort));
}

static unsigned passing(const struct threshold *threshold, unsigned urgency, bool over)
{
	unsigned count = 0;

	for (unsigned cohort = 0; cohort < THRESHOLD_COHORTS; cohort++)
		count += !threshold_refuses(threshold, threshold_rank(urgency, over, cohort));
	return count;
}

static void before_it_is_set_everybody_passes(void **state)
{
	struct threshold threshold = { 0 };

	came(&threshold, 7, true);
	assert_int_equal(passing(&threshold, 7, true), THRESHOLD_COHORTS);
}

static void as_many_pass_as_are_served_the_urgent_first(void **state)
{
	struct threshold threshold = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		came(&threshold, 7, false);
		threshold_move(&threshold, true, CODEL_FULL, 1.5 * THRESHOLD_COHORTS);
	}
	assert_int_equal(passing(&threshold, 3, false), THRESHOLD_COHORTS);
	assert_in_range(passing(&threshold, 7, false), THRESHOLD_COHORTS / 4,
			3 * THRESHOLD_COHORTS / 4);
	assert_false(threshold_is_marginal(&threshold, threshold_rank(3, false, 63)));
	assert_true(threshold_is_marginal(&threshold, threshold_rank(7, false, 0)));
}

static void who_takes_more_than_a_fair_share_stands_behind_the_others(void **state)
{
	struct threshold threshold = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		came(&threshold, 3, true);
		threshold_move(&threshold, true, CODEL_FULL, THRESHOLD_COHORTS);
	}
	assert_int_equal(passing(&threshold, 3, false), THRESHOLD_COHORTS);
	assert_in_range(passing(&threshold, 3, true), 0, THRESHOLD_COHORTS / 4);
}

static void it_moves_with_the_wait(void **state)
{
	struct threshold threshold = { 0 };
	unsigned in_time, late;

	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		threshold_move(&threshold, true, CODEL_LIGHT, THRESHOLD_COHORTS / 4);
	}
	in_time = passing(&threshold, 3, false);
	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		threshold_move(&threshold, true, CODEL_HEAVY, THRESHOLD_COHORTS / 4);
	}
	late = passing(&threshold, 3, false);
	assert_true(late < in_time);
}

/* Though nobody is cut off: whoever has to wait behind all others is the last. */
static void where_all_pass_the_last_class_is_marginal(void **state)
{
	struct threshold threshold = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		came(&threshold, 7, false);
		threshold_move(&threshold, true, CODEL_LIGHT, 3 * THRESHOLD_COHORTS);
	}
	assert_int_equal(passing(&threshold, 7, false), THRESHOLD_COHORTS);
	assert_true(threshold_is_marginal(&threshold, threshold_rank(7, false, 0)));
	assert_false(threshold_is_marginal(&threshold, threshold_rank(3, false, 63)));
}

/* Nothing is known of who comes, when the next overload begins. */
static void the_next_overload_begins_with_everybody(void **state)
{
	struct threshold threshold = { 0 };

	came(&threshold, 3, false);
	threshold_move(&threshold, true, CODEL_HEAVY, THRESHOLD_COHORTS / 2);
	for (int i = 0; i < 100; i++)
		threshold_move(&threshold, false, CODEL_LIGHT, THRESHOLD_COHORTS);
	threshold_move(&threshold, true, CODEL_HEAVY, THRESHOLD_COHORTS);
	assert_int_equal(passing(&threshold, 3, false), THRESHOLD_COHORTS);
	assert_int_equal(passing(&threshold, 7, true), THRESHOLD_COHORTS);
	assert_false(threshold_refuses_class(&threshold, threshold_rank(7, true, 63)));
}

/* Nor is anybody refused for a class of whom all pass. */
static void where_all_pass_nobody_is_beyond(void **state)
{
	struct threshold threshold = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		threshold_move(&threshold, true, CODEL_LIGHT, 2 * THRESHOLD_COHORTS);
	}
	assert_int_equal(passing(&threshold, 7, false), THRESHOLD_COHORTS);
	assert_false(threshold_refuses_class(&threshold, threshold_rank(7, false, 0)));
	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		threshold_move(&threshold, true, CODEL_FULL, THRESHOLD_COHORTS / 8);
	}
	assert_true(threshold_refuses_class(&threshold, threshold_rank(7, false, 0)));
	assert_false(threshold_refuses_class(&threshold, threshold_rank(3, false, 63)));
}

static void what_better_classes_leave_is_the_rest(void **state)
{
	struct threshold threshold = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&threshold, 3, false);
		came(&threshold, 7, false);
		threshold_move(&threshold, true, CODEL_FULL, 1.25 * THRESHOLD_COHORTS);
	}
	assert_in_range((int)(100 * threshold.rest), 15, 25);
	for (int i = 0; i < 60; i++) {
		came(&threshold, 3, false);
		threshold_move(&threshold, true, CODEL_FULL, THRESHOLD_COHORTS / 2);
	}
	assert_int_equal((int)(100 * threshold.rest), 100);
}

static void when_the_overload_is_over_everybody_passes(void **state)
{
	struct threshold threshold = { 0 };

	came(&threshold, 3, false);
	threshold_move(&threshold, true, CODEL_HEAVY, 1);
	assert_int_not_equal(passing(&threshold, 3, false), THRESHOLD_COHORTS);
	threshold_move(&threshold, false, CODEL_LIGHT, 1);
	assert_int_equal(passing(&threshold, 3, false), THRESHOLD_COHORTS);
}

static void one_of_ten_who_takes_ten_times_as_much_is_over(void **state)
{
	static struct fair fair;
	int64_t now_us = START_US;

	for (int i = 0; i < 2000; i++, now_us += US_PER_MS)
		for (uint64_t user = 1; user <= 10; user++)
			fair_charge(&fair, user, user == 7 ? 1000 : 100, now_us);
	for (uint64_t user = 1; user <= 10; user++)
		assert_int_equal(fair_is_over(&fair, user, now_us), user == 7);
}

static void of_two_the_one_that_takes_ten_times_as_much_is_over(void **state)
{
	static struct fair fair;
	int64_t now_us = START_US;

	for (int i = 0; i < 2000; i++, now_us += US_PER_MS) {
		fair_charge(&fair, 1, 100, now_us);
		fair_charge(&fair, 2, 1000, now_us);
	}
	assert_false(fair_is_over(&fair, 1, now_us));
	assert_true(fair_is_over(&fair, 2, now_us));
}

static void among_equals_and_alone_nobody_is_over(void **state)
{
	static struct fair fair, alone;
	int64_t now_us = START_US;

	for (int i = 0; i < 2000; i++, now_us += US_PER_MS) {
		fair_charge(&fair, (uint64_t)i % 100, 1000, now_us);
		fair_charge(&alone, 1, 1000, now_us);
	}
	for (uint64_t user = 0; user < 100; user++)
		assert_false(fair_is_over(&fair, user, now_us));
	assert_false(fair_is_over(&alone, 1, now_us));
}

static void what_was_used_long_ago_is_forgotten(void **state)
{
	static struct fair fair;
	int64_t now_us = START_US;

	for (int i = 0; i < 2000; i++, now_us += US_PER_MS)
		for (uint64_t user = 1; user <= 10; user++)
			fair_charge(&fair, user, user == 7 ? 1000 : 100, now_us);
	assert_true(fair_is_over(&fair, 7, now_us));
	assert_false(fair_is_over(&fair, 7, now_us + 3 * US_PER_S));
	for (int i = 0; i < 10000; i++, now_us += US_PER_MS)
		for (uint64_t user = 1; user <= 10; user++)
			fair_charge(&fair, user, 100, now_us);
	assert_false(fair_is_over(&fair, 7, now_us));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_it_is_set_everybody_passes),
		cmocka_unit_test(as_many_pass_as_are_served_the_urgent_first),
		cmocka_unit_test(who_takes_more_than_a_fair_share_stands_behind_the_others),
		cmocka_unit_test(it_moves_with_the_wait),
		cmocka_unit_test(where_all_pass_the_last_class_is_marginal),
		cmocka_unit_test(the_next_overload_begins_with_everybody),
		cmocka_unit_test(where_all_pass_nobody_is_beyond),
		cmocka_unit_test(what_better_classes_leave_is_the_rest),
		cmocka_unit_test(when_the_overload_is_over_everybody_passes),
		cmocka_unit_test(one_of_ten_who_takes_ten_times_as_much_is_over),
		cmocka_unit_test(of_two_the_one_that_takes_ten_times_as_much_is_over),
		cmocka_unit_test(among_equals_and_alone_nobody_is_over),
		cmocka_unit_test(what_was_used_long_ago_is_forgotten),
	};

	return cmocka_run_group_tests_name("cut-off", tests, NULL, NULL);
}
