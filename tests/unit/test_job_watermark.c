/* SPDX-License-Identifier: Apache-2.0 */
/* Where claims of a queue begin. */
#include "write/jobs/watermark.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WALL_US (1000 * US_PER_S)
#define EVERY_US WATERMARK_SWEEP_US_MIN

static void claims_begin_behind_what_was_claimed(void **state)
{
	struct watermark watermark = { 0 };

	assert_true(watermark_begin(&watermark, 1, EVERY_US));
	watermark_pass(&watermark, 5 * US_PER_S, 7, WALL_US);
	assert_false(watermark_begin(&watermark, 2, EVERY_US));
	assert_int_equal(watermark.run_us, 5 * US_PER_S);
	assert_int_equal(watermark.n, 7);
}

static void it_never_goes_back_by_itself(void **state)
{
	struct watermark watermark = { 0 };

	assert_true(watermark_begin(&watermark, 1, EVERY_US));
	watermark_pass(&watermark, 5, 7, WALL_US);
	watermark_pass(&watermark, 5, 6, WALL_US);
	watermark_pass(&watermark, 4, 9, WALL_US);
	assert_int_equal(watermark.run_us, 5);
	assert_int_equal(watermark.n, 7);
}

static void it_stays_behind_the_time_for_those_that_commit_late(void **state)
{
	struct watermark watermark = { 0 };

	assert_true(watermark_begin(&watermark, 1, EVERY_US));
	watermark_pass(&watermark, WALL_US - 1, 7, WALL_US);
	assert_true(watermark.run_us < WALL_US - US_PER_MS);
	assert_int_equal(watermark.n, 0);
}

static void now_and_then_a_claim_begins_at_the_beginning(void **state)
{
	struct watermark watermark = { 0 };

	assert_true(watermark_begin(&watermark, 1, EVERY_US));
	watermark_pass(&watermark, 5, 7, WALL_US);
	assert_false(watermark_begin(&watermark, EVERY_US, EVERY_US));
	assert_int_equal(watermark.n, 7);
	assert_true(watermark_begin(&watermark, EVERY_US + 1, EVERY_US));
	assert_int_equal(watermark.run_us, 0);
	assert_int_equal(watermark.n, 0);
}

static void what_was_rolled_back_is_found_at_once(void **state)
{
	struct watermark watermark = { 0 };

	assert_true(watermark_begin(&watermark, 1, EVERY_US));
	watermark_pass(&watermark, 5, 7, WALL_US);
	watermark_rewind(&watermark);
	assert_true(watermark_begin(&watermark, 2, EVERY_US));
	assert_int_equal(watermark.run_us, 0);
}

static void a_dear_sweep_is_a_rarer_one(void **state)
{
	assert_int_equal(watermark_every_us(0), WATERMARK_SWEEP_US_MIN);
	assert_int_equal(watermark_every_us(5 * US_PER_MS), WATERMARK_SWEEP_US_MIN);
	assert_int_equal(watermark_every_us(20 * US_PER_MS), 400 * US_PER_MS);
	assert_int_equal(watermark_every_us(US_PER_S), WATERMARK_SWEEP_US_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_begin_behind_what_was_claimed),
		cmocka_unit_test(it_never_goes_back_by_itself),
		cmocka_unit_test(it_stays_behind_the_time_for_those_that_commit_late),
		cmocka_unit_test(now_and_then_a_claim_begins_at_the_beginning),
		cmocka_unit_test(a_dear_sweep_is_a_rarer_one),
		cmocka_unit_test(what_was_rolled_back_is_found_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
