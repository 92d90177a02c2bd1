/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes the load, seen in bounded memory. */
#include "router/hot.h"

#include "base/clock.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hot *hot;
static struct hot_sum sum;

static int setup(void **state)
{
	hot = malloc(sizeof(*hot));
	hot_init(hot, 0);
	hot_sum_init(&sum);
	return 0;
}

static int teardown(void **state)
{
	hot_sum_fini(&sum);
	free(hot);
	return 0;
}

static void charge(int64_t now_us, const char *user, int64_t db_us)
{
	const struct text names[HOT_KINDS] = {
		[HOT_OPERATIONS] = TEXT("orders"),
		[HOT_USERS] = text_of(user),
		[HOT_CALLERS] = TEXT("10.0.0.1"),
	};

	hot_charge(hot, now_us, names, db_us);
}

static const struct hot_entry *heaviest_user(void)
{
	hot_sum_add(&sum, hot);
	hot_sum_sort(&sum);
	assert_true(sum.counts[HOT_USERS] > 0);
	return &sum.lines[HOT_USERS][0].entry;
}

static void is_about(double is, double should)
{
	if (fabs(is - should) > should / 20)
		fail_msg("%f, and not about %f", is, should);
}

/* A hundred requests a second for two minutes: some of the hot user, the rest of 10,000 others. */
static void one_of_many(unsigned percent, int64_t hot_db_us, int64_t other_db_us)
{
	struct random random;
	char user[32];

	random_init(&random, 5);
	for (int64_t now_us = 0; now_us < 120 * US_PER_S; now_us += 10 * US_PER_MS) {
		bool is_hot = random_below(&random, 100) < percent;

		snprintf(user, sizeof(user), "user-%u", (unsigned)random_below(&random, 10000));
		charge(now_us, is_hot ? "hot" : user, is_hot ? hot_db_us : other_db_us);
	}
	hot_decay(hot, 120 * US_PER_S);
	assert_true(hot->tops[HOT_USERS].count <= HOT_KEYS_MAX);
}

static void a_user_with_80_percent_of_the_requests_is_seen_among_ten_thousand(void **state)
{
	one_of_many(80, 1000, 1000);

	assert_string_equal(heaviest_user()->name, "hot");
	is_about(sum.requests, 100);
	is_about(sum.lines[HOT_USERS][0].entry.requests, 80);
	is_about(sum.lines[HOT_USERS][0].entry.db_s, 0.08);
	is_about(sum.lines[HOT_OPERATIONS][0].entry.requests, 100);
	is_about(sum.lines[HOT_CALLERS][0].entry.requests, 100);
}

static void few_requests_that_take_the_database_are_seen_as_well(void **state)
{
	/* Too few to be among the heaviest by their number. */
	one_of_many(1, 200 * US_PER_MS, 100);

	assert_string_equal(heaviest_user()->name, "hot");
	is_about(sum.lines[HOT_USERS][0].entry.db_s / sum.db_s, 0.953);
}

static void what_was_counted_halves_each_minute(void **state)
{
	for (int64_t i = 0; i < 60; i++)
		charge(i * US_PER_S, "ann", 0);
	hot_decay(hot, 60 * US_PER_S);
	is_about(hot->requests / hot->window_s, 1);
	hot_decay(hot, 120 * US_PER_S);
	is_about(hot->requests / hot->window_s, 0.33);
	hot_decay(hot, 3600 * US_PER_S);
	assert_int_equal(hot->tops[HOT_USERS].count, 0);
}

static void the_sum_over_loops_puts_the_same_names_together(void **state)
{
	for (int64_t second = 0; second < 10; second++) {
		charge(second * US_PER_S, "ann", 1000);
		charge(second * US_PER_S, "bob", 2000);
	}
	hot_decay(hot, 10 * US_PER_S);
	hot_sum_add(&sum, hot);
	hot_init(hot, 0);
	for (int64_t i = 0; i < 30; i++)
		charge(i * US_PER_S / 3, "bob", 1000);
	charge(9 * US_PER_S, NULL, 0);
	hot_decay(hot, 10 * US_PER_S);
	hot_sum_add(&sum, hot);
	hot_sum_sort(&sum);

	assert_int_equal(sum.counts[HOT_USERS], 2);
	assert_string_equal(sum.lines[HOT_USERS][0].entry.name, "bob");
	is_about(sum.lines[HOT_USERS][0].entry.requests, 4);
	is_about(sum.lines[HOT_USERS][0].entry.db_s, 0.005);
	is_about(sum.lines[HOT_USERS][1].entry.requests, 1);
	assert_int_equal(sum.counts[HOT_OPERATIONS], 1);
	is_about(sum.requests, 5.1);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(a_user_with_80_percent_of_the_requests_is_seen_among_ten_thousand),
		STORY(few_requests_that_take_the_database_are_seen_as_well),
		STORY(what_was_counted_halves_each_minute),
		STORY(the_sum_over_loops_puts_the_same_names_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
