/* SPDX-License-Identifier: Apache-2.0 */
/* How fast keys are asked again beside clients who miss them. */
#include "read/warm_pace.h"

#include "base/clock.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define STEP_US (5 * US_PER_MS)
#define START_US (7 * US_PER_S + 3)
#define SECONDS 20
#define STEPS (SECONDS * US_PER_S / STEP_US)
#define STEPS_OF_SECOND (US_PER_S / STEP_US)
#define KEYS 16000 /* as many as clients ask for in eight seconds */
#define RATE 2000
#define QUICK_US 20

/* Clients ask for keys at random; those that are not kept are asked of the nodes, and are kept. */
static struct {
	struct warm_pace pace;
	struct random random;
	struct misses_sum clients;
	int64_t now_us;
	bool kept[KEYS];
	unsigned kept_count, next;
	unsigned nodes[STEPS], asked[STEPS], hits[STEPS]; /* in each step */
	unsigned step;
} at;

static int begin(void **state)
{
	(void)state;
	memset(&at, 0, sizeof(at));
	random_init(&at.random, 7);
	at.now_us = START_US;
	warm_pace_begin(&at.pace, at.clients, at.now_us);
	return 0;
}

static void clients_miss(uint64_t queries, uint64_t us)
{
	at.clients.queries += queries;
	at.clients.us += queries * us;
	warm_pace_sample(&at.pace, at.clients, at.now_us);
}

static unsigned allowed_now(int64_t expected_us)
{
	unsigned count = 0;

	while (count < 100000 && warm_pace_allows(&at.pace)) {
		warm_pace_asked(&at.pace, expected_us);
		count++;
	}
	return count;
}

/* Within the second to come, in which clients miss nothing. */
static unsigned allowed(int64_t expected_us)
{
	unsigned count = allowed_now(expected_us);

	for (unsigned i = 1; i < WARM_PACE_SLOTS; i++) {
		at.now_us += WARM_PACE_SAMPLE_US;
		clients_miss(0, 0);
		count += allowed_now(expected_us);
	}
	return count;
}

static void keep(unsigned key)
{
	at.kept_count += !at.kept[key];
	at.kept[key] = true;
}

static void clients_ask(void)
{
	unsigned missed = 0;

	for (unsigned i = 0; i < RATE / STEPS_OF_SECOND; i++) {
		unsigned key = (unsigned)random_below(&at.random, KEYS);

		missed += !at.kept[key];
		keep(key);
	}
	at.nodes[at.step] += missed;
	at.hits[at.step] = RATE / STEPS_OF_SECOND - missed;
	clients_miss(missed, QUICK_US);
}

static void list_asks(void)
{
	while (at.next < KEYS && warm_pace_allows(&at.pace)) {
		unsigned key = at.next++;

		if (at.kept[key])
			continue;
		keep(key);
		warm_pace_asked(&at.pace, QUICK_US);
		at.asked[at.step]++;
	}
	at.nodes[at.step] += at.asked[at.step];
}

static void runs(bool warm)
{
	for (at.step = 0; at.step < STEPS; at.step++) {
		clients_ask();
		if (warm && at.pace.kind == WARM_PACE_FILLS)
			list_asks();
		at.now_us += STEP_US;
	}
}

/* The most of any second. */
static unsigned most_of(const unsigned *steps)
{
	unsigned sum = 0, most = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		sum += steps[i];
		if (i >= STEPS_OF_SECOND)
			sum -= steps[i - STEPS_OF_SECOND];
		if (sum > most)
			most = sum;
	}
	return most;
}

/* When nine of ten are hits, over a second, in steps. */
static unsigned back_at(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		sum += at.hits[i];
		if (i >= STEPS_OF_SECOND)
			sum -= at.hits[i - STEPS_OF_SECOND];
		if (sum >= RATE * 9 / 10)
			return i;
	}
	return STEPS;
}

static void test_the_list_takes_the_place_of_what_clients_miss_less(void **state)
{
	unsigned cold_most, cold_back;

	(void)state;
	runs(false);
	cold_most = most_of(at.nodes);
	cold_back = back_at();
	begin(NULL);

	runs(true);

	/* Control: make VARIANT=warm-no-pace. */
	assert_true(most_of(at.nodes) <= cold_most * 6 / 5);
	assert_true(back_at() < 9 * STEPS_OF_SECOND);
	assert_true(cold_back > 16 * STEPS_OF_SECOND);
}

static void test_while_all_is_missing_it_gets_a_twentieth(void **state)
{
	(void)state;
	clients_miss(2000, QUICK_US);
	assert_int_equal(allowed(QUICK_US), 100);

	at.now_us += WARM_PACE_SAMPLE_US;
	clients_miss(2000, QUICK_US);
	assert_int_equal(allowed(QUICK_US), 100);
}

static void test_what_clients_miss_no_more_is_asked_in_their_stead(void **state)
{
	(void)state;
	clients_miss(2000, QUICK_US);

	at.now_us += US_PER_S + WARM_PACE_SAMPLE_US;
	clients_miss(100, QUICK_US);

	assert_int_equal(allowed(QUICK_US), 2000);
}

static void test_a_second_with_more_misses_leaves_more(void **state)
{
	(void)state;
	clients_miss(1000, QUICK_US);
	at.now_us += US_PER_S + WARM_PACE_SAMPLE_US;
	clients_miss(3000, QUICK_US);
	at.now_us += US_PER_S + WARM_PACE_SAMPLE_US;
	clients_miss(0, QUICK_US);

	assert_int_equal(allowed(QUICK_US), 3150);
}

static void test_it_comes_in_no_bursts(void **state)
{
	(void)state;
	clients_miss(2000, QUICK_US);
	at.now_us += US_PER_S + WARM_PACE_SAMPLE_US;
	clients_miss(37, QUICK_US);

	/* 105 in each of twenty slots, and a quarter of that. */
	assert_int_equal(allowed_now(QUICK_US), 94);
}

static void test_keys_that_cost_more_are_fewer(void **state)
{
	(void)state;
	clients_miss(2000, QUICK_US);
	at.now_us += US_PER_S + WARM_PACE_SAMPLE_US;
	clients_miss(0, QUICK_US);

	/* 48 ms, and the one that goes beyond. */
	assert_int_equal(allowed(1000), 49);
}

static void test_a_key_that_has_never_run_may_be_a_slow_one(void **state)
{
	(void)state;
	clients_miss(2000, QUICK_US);

	assert_int_equal(allowed(0), 1);
}

static void test_beside_few_misses_keys_go_in_groups(void **state)
{
	(void)state;
	clients_miss(953, QUICK_US);
	assert_int_equal(at.pace.kind, WARM_PACE_GROUPS);

	clients_miss(1, QUICK_US);
	assert_int_equal(at.pace.kind, WARM_PACE_FILLS);
}

static void test_in_groups_too_the_nodes_get_no_more(void **state)
{
	(void)state;
	clients_miss(30, QUICK_US);
	for (unsigned i = 0; i < 17; i++)
		warm_pace_asked(&at.pace, QUICK_US);
	at.pace.group = 8;

	/* 50 in 50 ms. */
	assert_int_equal(warm_pace_group(&at.pace, at.now_us), 3);

	for (unsigned i = 0; i < 3; i++)
		warm_pace_asked(&at.pace, QUICK_US);
	assert_int_equal(warm_pace_group(&at.pace, at.now_us), 0);

	at.now_us += WARM_PACE_SAMPLE_US;
	clients_miss(0, 0);
	assert_int_equal(warm_pace_group(&at.pace, at.now_us), 8);
}

static void test_misses_before_the_list_are_none_of_its_load(void **state)
{
	(void)state;
	at.clients = (struct misses_sum){ 100000, 100000 * QUICK_US };
	warm_pace_begin(&at.pace, at.clients, at.now_us);

	clients_miss(10, QUICK_US);

	assert_int_equal(at.pace.kind, WARM_PACE_GROUPS);
	assert_int_equal(at.pace.most.queries, 10);
}

static void test_behind_a_group_is_a_rest_of_four_times_its_time(void **state)
{
	unsigned size;

	(void)state;
	for (unsigned i = 1; i <= 12; i++) {
		size = warm_pace_group(&at.pace, at.now_us);
		assert_int_equal(size, i < 8 ? i : 8);
		at.now_us += 3 * US_PER_MS;
		warm_pace_group_over(&at.pace, 3 * US_PER_MS, at.now_us);
		assert_int_equal(warm_pace_group(&at.pace, at.now_us + 12 * US_PER_MS - 1), 0);
		at.now_us += 12 * US_PER_MS;
	}
	warm_pace_group_over(&at.pace, 11 * US_PER_MS, at.now_us);
	assert_int_equal(warm_pace_group(&at.pace, at.now_us + 44 * US_PER_MS), 1);
}

static void test_a_sample_that_comes_late_is_of_one_moment(void **state)
{
	(void)state;
	clients_miss(2000, QUICK_US);
	at.now_us += 3600 * US_PER_S;
	clients_miss(5, QUICK_US);

	assert_int_equal(at.pace.of_clients.queries, 5);
	assert_int_equal(at.pace.all.queries, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_list_takes_the_place_of_what_clients_miss_less,
				       begin),
		cmocka_unit_test_setup(test_while_all_is_missing_it_gets_a_twentieth, begin),
		cmocka_unit_test_setup(test_what_clients_miss_no_more_is_asked_in_their_stead,
				       begin),
		cmocka_unit_test_setup(test_a_second_with_more_misses_leaves_more, begin),
		cmocka_unit_test_setup(test_keys_that_cost_more_are_fewer, begin),
		cmocka_unit_test_setup(test_a_key_that_has_never_run_may_be_a_slow_one, begin),
		cmocka_unit_test_setup(test_beside_few_misses_keys_go_in_groups, begin),
		cmocka_unit_test_setup(test_it_comes_in_no_bursts, begin),
		cmocka_unit_test_setup(test_in_groups_too_the_nodes_get_no_more, begin),
		cmocka_unit_test_setup(test_misses_before_the_list_are_none_of_its_load, begin),
		cmocka_unit_test_setup(test_behind_a_group_is_a_rest_of_four_times_its_time, begin),
		cmocka_unit_test_setup(test_a_sample_that_comes_late_is_of_one_moment, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
