/* SPDX-License-Identifier: Apache-2.0 */
/* Who passes, and who takes more than a fair share. */
#include "base/clock.h"
#include "pg/cutoff.h"
#include "pg/fair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_US (100 * US_PER_S)

/* An interval in which each luck of that urgency came once. */
static void came(struct cutoff *cutoff, unsigned urgency, bool over)
{
	for (unsigned luck = 0; luck < CUTOFF_LUCKS; luck++)
		cutoff_came(cutoff, cutoff_rank(urgency, over, luck));
}

static unsigned passing(const struct cutoff *cutoff, unsigned urgency, bool over)
{
	unsigned count = 0;

	for (unsigned luck = 0; luck < CUTOFF_LUCKS; luck++)
		count += !cutoff_refuses(cutoff, cutoff_rank(urgency, over, luck));
	return count;
}

static void before_it_is_set_everybody_passes(void **state)
{
	struct cutoff cutoff = { 0 };

	came(&cutoff, 7, true);
	assert_int_equal(passing(&cutoff, 7, true), CUTOFF_LUCKS);
}

static void as_many_pass_as_are_served_the_urgent_first(void **state)
{
	struct cutoff cutoff = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		came(&cutoff, 7, false);
		cutoff_move(&cutoff, true, CODEL_FULL, 1.5 * CUTOFF_LUCKS);
	}
	assert_int_equal(passing(&cutoff, 3, false), CUTOFF_LUCKS);
	assert_in_range(passing(&cutoff, 7, false), CUTOFF_LUCKS / 4, 3 * CUTOFF_LUCKS / 4);
	assert_false(cutoff_is_marginal(&cutoff, cutoff_rank(3, false, 63)));
	assert_true(cutoff_is_marginal(&cutoff, cutoff_rank(7, false, 0)));
}

static void who_takes_more_than_a_fair_share_stands_behind_the_others(void **state)
{
	struct cutoff cutoff = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		came(&cutoff, 3, true);
		cutoff_move(&cutoff, true, CODEL_FULL, CUTOFF_LUCKS);
	}
	assert_int_equal(passing(&cutoff, 3, false), CUTOFF_LUCKS);
	assert_in_range(passing(&cutoff, 3, true), 0, CUTOFF_LUCKS / 4);
}

static void it_moves_with_the_wait(void **state)
{
	struct cutoff cutoff = { 0 };
	unsigned in_time, late;

	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		cutoff_move(&cutoff, true, CODEL_LIGHT, CUTOFF_LUCKS / 4);
	}
	in_time = passing(&cutoff, 3, false);
	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		cutoff_move(&cutoff, true, CODEL_HEAVY, CUTOFF_LUCKS / 4);
	}
	late = passing(&cutoff, 3, false);
	assert_true(late < in_time);
}

/* Though nobody is cut off: whoever has to wait behind all others is the last. */
static void where_all_pass_the_last_class_is_marginal(void **state)
{
	struct cutoff cutoff = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		came(&cutoff, 7, false);
		cutoff_move(&cutoff, true, CODEL_LIGHT, 3 * CUTOFF_LUCKS);
	}
	assert_int_equal(passing(&cutoff, 7, false), CUTOFF_LUCKS);
	assert_true(cutoff_is_marginal(&cutoff, cutoff_rank(7, false, 0)));
	assert_false(cutoff_is_marginal(&cutoff, cutoff_rank(3, false, 63)));
}

/* Nothing is known of who comes, when the next overload begins. */
static void the_next_overload_begins_with_everybody(void **state)
{
	struct cutoff cutoff = { 0 };

	came(&cutoff, 3, false);
	cutoff_move(&cutoff, true, CODEL_HEAVY, CUTOFF_LUCKS / 2);
	for (int i = 0; i < 100; i++)
		cutoff_move(&cutoff, false, CODEL_LIGHT, CUTOFF_LUCKS);
	cutoff_move(&cutoff, true, CODEL_HEAVY, CUTOFF_LUCKS);
	assert_int_equal(passing(&cutoff, 3, false), CUTOFF_LUCKS);
	assert_int_equal(passing(&cutoff, 7, true), CUTOFF_LUCKS);
	assert_false(cutoff_refuses_class(&cutoff, cutoff_rank(7, true, 63)));
}

/* Nor is anybody refused for a class of whom all pass. */
static void where_all_pass_nobody_is_beyond(void **state)
{
	struct cutoff cutoff = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		cutoff_move(&cutoff, true, CODEL_LIGHT, 2 * CUTOFF_LUCKS);
	}
	assert_int_equal(passing(&cutoff, 7, false), CUTOFF_LUCKS);
	assert_false(cutoff_refuses_class(&cutoff, cutoff_rank(7, false, 0)));
	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		cutoff_move(&cutoff, true, CODEL_FULL, CUTOFF_LUCKS / 8);
	}
	assert_true(cutoff_refuses_class(&cutoff, cutoff_rank(7, false, 0)));
	assert_false(cutoff_refuses_class(&cutoff, cutoff_rank(3, false, 63)));
}

static void what_better_classes_leave_is_the_rest(void **state)
{
	struct cutoff cutoff = { 0 };

	for (int i = 0; i < 30; i++) {
		came(&cutoff, 3, false);
		came(&cutoff, 7, false);
		cutoff_move(&cutoff, true, CODEL_FULL, 1.25 * CUTOFF_LUCKS);
	}
	assert_in_range((int)(100 * cutoff.rest), 15, 25);
	for (int i = 0; i < 60; i++) {
		came(&cutoff, 3, false);
		cutoff_move(&cutoff, true, CODEL_FULL, CUTOFF_LUCKS / 2);
	}
	assert_int_equal((int)(100 * cutoff.rest), 100);
}

static void when_the_overload_is_over_everybody_passes(void **state)
{
	struct cutoff cutoff = { 0 };

	came(&cutoff, 3, false);
	cutoff_move(&cutoff, true, CODEL_HEAVY, 1);
	assert_int_not_equal(passing(&cutoff, 3, false), CUTOFF_LUCKS);
	cutoff_move(&cutoff, false, CODEL_LIGHT, 1);
	assert_int_equal(passing(&cutoff, 3, false), CUTOFF_LUCKS);
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
