/* SPDX-License-Identifier: Apache-2.0 */
/* Lag in time from positions: what a replica at some lsn is known to show. */
#include "router/cluster/lag_history.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct lag_history ring;

static void an_empty_ring_knows_nothing(void **state)
{
	lag_history_init(&ring);
	assert_int_equal(lag_history_seen_us(&ring, UINT64_MAX), 0);
	assert_int_equal(lag_history_last_us(&ring), 0);
}

static void a_replica_is_as_recent_as_the_newest_sample_it_has_reached(void **state)
{
	static const struct {
		uint64_t lsn;
		int64_t seen_us;
	} cases[] = {
		{ 99, 0 },     { 100, 1000 }, { 199, 1000 },        { 200, 2000 },
		{ 299, 2000 }, { 300, 3000 }, { UINT64_MAX, 3000 },
	};

	lag_history_init(&ring);
	lag_history_add(&ring, 1000, 100);
	lag_history_add(&ring, 2000, 200);
	lag_history_add(&ring, 3000, 300);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(lag_history_seen_us(&ring, cases[i].lsn), cases[i].seen_us);
	assert_int_equal(lag_history_last_us(&ring), 3000);
}

static void an_idle_primary_needs_no_room_and_its_replicas_stay_recent(void **state)
{
	lag_history_init(&ring);
	for (int64_t us = 1; us <= 10 * LAG_RING_SLOTS; us++)
		lag_history_add(&ring, us, 100);
	assert_int_equal(ring.count, 1);
	assert_int_equal(lag_history_seen_us(&ring, 100), 10 * LAG_RING_SLOTS);
	assert_int_equal(lag_history_seen_us(&ring, 99), 0);
}

static void a_sample_that_goes_back_starts_all_over(void **state)
{
	lag_history_init(&ring);
	lag_history_add(&ring, 1000, 100);
	lag_history_add(&ring, 2000, 200);
	lag_history_add(&ring, 3000, 150);
	assert_int_equal(lag_history_seen_us(&ring, 149), 0);
	assert_int_equal(lag_history_seen_us(&ring, 200), 3000);
	lag_history_add(&ring, 2500, 160);
	assert_int_equal(ring.count, 1);
	assert_int_equal(lag_history_last_us(&ring), 2500);
}

/* Sample n is (n ms, n * 10): the exact answer is known for every lsn. */
static void a_long_history_gets_coarser_but_never_shows_less_lag_than_there_is(void **state)
{
	const uint64_t samples = 1000 * LAG_RING_SLOTS;

	lag_history_init(&ring);
	for (uint64_t n = 1; n <= samples; n++) {
		lag_history_add(&ring, (int64_t)n * 1000, n * 10);
		assert_true(ring.count <= LAG_RING_SLOTS);
	}
	for (uint64_t n = 1; n <= samples; n += 97) {
		int64_t seen_us = lag_history_seen_us(&ring, n * 10 + 9);
		int64_t lag_us = (int64_t)(samples - n) * 1000;

		assert_true(seen_us > 0);
		assert_true(seen_us <= (int64_t)n * 1000);
		assert_true((int64_t)n * 1000 - seen_us <= lag_us / 16 + 1000);
	}
	assert_int_equal(lag_history_seen_us(&ring, samples * 10), (int64_t)samples * 1000);
	assert_int_equal(lag_history_seen_us(&ring, 10), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_ring_knows_nothing),
		cmocka_unit_test(a_replica_is_as_recent_as_the_newest_sample_it_has_reached),
		cmocka_unit_test(an_idle_primary_needs_no_room_and_its_replicas_stay_recent),
		cmocka_unit_test(a_sample_that_goes_back_starts_all_over),
		cmocka_unit_test(
			a_long_history_gets_coarser_but_never_shows_less_lag_than_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
