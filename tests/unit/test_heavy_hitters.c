/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes the load, seen in bounded memory. */
#include "router/heavy_hitters.h"

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

static struct heavy_hitters *hitters;
static struct heavy_hitters_sum sum;

static int setup(void **state)
{
	hitters = malloc(sizeof(*hitters));
	heavy_hitters_init(hitters, 0);
	heavy_hitters_sum_init(&sum);
	return 0;
}

static int teardown(void **state)
{
	heavy_hitters_sum_fini(&sum);
	free(hitters);
	return 0;
}

static void charge(int64_t now_us, const char *user, int64_t db_us)
{
	const struct text names[HEAVY_HITTERS_KINDS] = {
		[HEAVY_HITTERS_OPERATIONS] = TEXT("orders"),
		[HEAVY_HITTERS_USERS] = text_of(user),
		[HEAVY_HITTERS_CALLERS] = TEXT("10.0.0.1"),
	};

	heavy_hitters_charge(hitters, now_us, names, db_us);
}

static const struct heavy_hitters_entry *heaviest_user(void)
{
	heavy_hitters_sum_add(&sum, hitters);
	heavy_hitters_sum_sort(&sum);
	assert_true(sum.counts[HEAVY_HITTERS_USERS] > 0);
	return &sum.lines[HEAVY_HITTERS_USERS][0].entry;
}

static void is_about(double is, double should)
{
	if (fabs(is - should) > should / 20)
		fail_msg("%f, and not about %f", is, should);
}

/* A hundred requests a second for two minutes: some of the hot user, the rest of 10,000 others. */
static void one_of_many(unsigned percent, int64_t heavy_hitters_db_us, int64_t other_db_us)
{
	struct random random;
	char user[32];

	random_init(&random, 5);
	for (int64_t now_us = 0; now_us < 120 * US_PER_S; now_us += 10 * US_PER_MS) {
		bool is_hot = random_below(&random, 100) < percent;

		snprintf(user, sizeof(user), "user-%u", (unsigned)random_below(&random, 10000));
		charge(now_us, is_hot ? "hot" : user, is_hot ? heavy_hitters_db_us : other_db_us);
	}
	heavy_hitters_decay(hitters, 120 * US_PER_S);
	assert_true(hitters->tops[HEAVY_HITTERS_USERS].count <= HEAVY_HITTERS_KEYS_MAX);
}

static void a_user_with_80_percent_of_the_requests_is_seen_among_ten_thousand(void **state)
{
	one_of_many(80, 1000, 1000);

	assert_string_equal(heaviest_user()->name, "hot");
	is_about(sum.requests, 100);
	is_about(sum.lines[HEAVY_HITTERS_USERS][0].entry.requests, 80);
	is_about(sum.lines[HEAVY_HITTERS_USERS][0].entry.db_s, 0.08);
	is_about(sum.lines[HEAVY_HITTERS_OPERATIONS][0].entry.requests, 100);
	is_about(sum.lines[HEAVY_HITTERS_CALLERS][0].entry.requests, 100);
}

static void few_requests_that_take_the_database_are_seen_as_well(void **state)
{
	/* Too few to be among the heaviest by their number. */
	one_of_many(1, 200 * US_PER_MS, 100);

	assert_string_equal(heaviest_user()->name, "hot");
	is_about(sum.lines[HEAVY_HITTERS_USERS][0].entry.db_s / sum.db_s, 0.953);
}

static void what_was_counted_halves_each_minute(void **state)
{
	for (int64_t i = 0; i < 60; i++)
		charge(i * US_PER_S, "ann", 0);
	heavy_hitters_decay(hitters, 60 * US_PER_S);
	is_about(hitters->requests / hitters->window_s, 1);
	heavy_hitters_decay(hitters, 120 * US_PER_S);
	is_about(hitters->requests / hitters->window_s, 0.33);
	heavy_hitters_decay(hitters, 3600 * US_PER_S);
	assert_int_equal(hitters->tops[HEAVY_HITTERS_USERS].count, 0);
}

static void the_sum_over_loops_puts_the_same_names_together(void **state)
{
	for (int64_t second = 0; second < 10; second++) {
		charge(second * US_PER_S, "ann", 1000);
		charge(second * US_PER_S, "bob", 2000);
	}
	heavy_hitters_decay(hitters, 10 * US_PER_S);
	heavy_hitters_sum_add(&sum, hitters);
	heavy_hitters_init(hitters, 0);
	for (int64_t i = 0; i < 30; i++)
		charge(i * US_PER_S / 3, "bob", 1000);
	charge(9 * US_PER_S, NULL, 0);
	heavy_hitters_decay(hitters, 10 * US_PER_S);
	heavy_hitters_sum_add(&sum, hitters);
	heavy_hitters_sum_sort(&sum);

	assert_int_equal(sum.counts[HEAVY_HITTERS_USERS], 2);
	assert_string_equal(sum.lines[HEAVY_HITTERS_USERS][0].entry.name, "bob");
	is_about(sum.lines[HEAVY_HITTERS_USERS][0].entry.requests, 4);
	is_about(sum.lines[HEAVY_HITTERS_USERS][0].entry.db_s, 0.005);
	is_about(sum.lines[HEAVY_HITTERS_USERS][1].entry.requests, 1);
	assert_int_equal(sum.counts[HEAVY_HITTERS_OPERATIONS], 1);
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
