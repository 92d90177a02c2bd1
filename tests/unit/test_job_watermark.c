/* SPDX-License-Identifier: Apache-2.0 */
/* Where claims of a queue begin. */
#include "write/jobs/watermark.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WALL_US (1000 * US_PER_S)
#define EVERY_US WATERMARK_FULL_US_MIN
#define SELDOM_US WATERMARK_FULL_US_MAX

static struct watermark watermark;
static struct watermark_place begin;

static int open_anew(void **state)
{
	watermark = (struct watermark){ 0 };
	return 0;
}

static enum watermark_sweep begins(int64_t now_us, int64_t every_us)
{
	return watermark_begin(&watermark, now_us, every_us, &begin);
}

static void assert_begin(int64_t run_us, int64_t n)
{
	assert_int_equal(begin.run_us, run_us);
	assert_int_equal(begin.n, n);
}

static void claims_begin_behind_what_was_claimed(void **state)
{
	assert_int_equal(begins(1, EVERY_US), WATERMARK_FULL);
	assert_begin(0, 0);
	watermark_pass(&watermark, 5 * US_PER_S, 7, WALL_US);
	assert_int_equal(begins(2, EVERY_US), WATERMARK_CLAIM);
	assert_begin(5 * US_PER_S, 7);
}

static void it_never_goes_back_by_itself(void **state)
{
	assert_int_equal(begins(1, EVERY_US), WATERMARK_FULL);
	watermark_pass(&watermark, 5, 7, WALL_US);
	watermark_pass(&watermark, 5, 6, WALL_US);
	watermark_pass(&watermark, 4, 9, WALL_US);
	assert_int_equal(begins(2, EVERY_US), WATERMARK_CLAIM);
	assert_begin(5, 7);
}

static void it_stays_behind_the_time_for_those_that_commit_late(void **state)
{
	watermark_pass(&watermark, WALL_US - 1, 7, WALL_US);
	assert_true(watermark.top.run_us < WALL_US - US_PER_MS);
	assert_int_equal(watermark.top.n, 0);
}

static void now_and_then_a_claim_begins_at_the_beginning(void **state)
{
	assert_int_equal(begins(1, EVERY_US), WATERMARK_FULL);
	watermark_pass(&watermark, 5, 7, WALL_US);
	assert_int_equal(begins(EVERY_US, EVERY_US), WATERMARK_CLAIM);
	assert_begin(5, 7);
	assert_int_equal(begins(EVERY_US + 1, EVERY_US), WATERMARK_FULL);
	assert_begin(0, 0);
}

/* All that is gone would be read once more by each claim, until a row is found. */
static void a_sweep_that_finds_nothing_costs_once(void **state)
{
	watermark_pass(&watermark, 5, 7, WALL_US);
	assert_int_equal(begins(1, EVERY_US), WATERMARK_FULL);
	assert_int_equal(begins(2, EVERY_US), WATERMARK_CLAIM);
	assert_begin(5, 7);
}

static void behind_a_sweep_that_found_all_it_may_the_rest_is_claimed(void **state)
{
	watermark_pass(&watermark, 50, 7, WALL_US);
	assert_int_equal(begins(1, EVERY_US), WATERMARK_FULL);
	watermark_go_back(&watermark, 20, 3);
	assert_int_equal(begins(2, EVERY_US), WATERMARK_CLAIM);
	assert_begin(20, 3);
	watermark_go_back(&watermark, 50, 7);
	assert_int_equal(begins(3, EVERY_US), WATERMARK_CLAIM);
	assert_begin(20, 3);
}

static void what_was_not_come_to_is_swept_by_the_next_claim(void **state)
{
	assert_int_equal(begins(1, EVERY_US), WATERMARK_FULL);
	watermark_again(&watermark, WATERMARK_CLAIM);
	assert_int_equal(begins(2, EVERY_US), WATERMARK_CLAIM);
	watermark_again(&watermark, WATERMARK_FULL);
	assert_int_equal(begins(3, EVERY_US), WATERMARK_FULL);
}

static void what_was_rolled_back_is_found_at_once(void **state)
{
	assert_int_equal(begins(1, EVERY_US), WATERMARK_FULL);
	watermark_pass(&watermark, 5, 7, WALL_US);
	watermark_rewind(&watermark);
	assert_int_equal(begins(2, EVERY_US), WATERMARK_FULL);
	assert_begin(0, 0);
}

/* While full sweeps are dear, what came lately is swept each second. */
static void what_came_lately_is_swept_more_often(void **state)
{
	int64_t now_us = US_PER_S, row = 1;
	unsigned full = 0, near = 0;

	for (int64_t end_us = now_us + SELDOM_US; now_us < end_us; now_us += 10 * US_PER_MS) {
		enum watermark_sweep sweep = begins(now_us, SELDOM_US);

		full += sweep == WATERMARK_FULL;
		near += sweep == WATERMARK_NEAR;
		if (sweep == WATERMARK_NEAR) {
			assert_true(begin.run_us > 0);
			assert_true(begin.run_us <= now_us - WATERMARK_TRAIL_US);
			assert_true(begin.run_us >= now_us - 3 * WATERMARK_TRAIL_US);
		}
		watermark_pass(&watermark, now_us, row++, WALL_US);
	}
	assert_int_equal(full, 1);
	assert_in_range(near, 7, 11);
	watermark_again(&watermark, WATERMARK_NEAR);
	assert_int_equal(begins(now_us - 1, SELDOM_US), WATERMARK_NEAR);
}

static void nothing_came_lately_that_is_to_be_swept_again(void **state)
{
	assert_int_equal(begins(1, SELDOM_US), WATERMARK_FULL);
	watermark_pass(&watermark, 5, 7, WALL_US);
	for (int64_t now_us = US_PER_S; now_us < SELDOM_US; now_us += US_PER_S)
		if (now_us > 3 * WATERMARK_TRAIL_US)
			assert_int_equal(begins(now_us, SELDOM_US), WATERMARK_CLAIM);
		else
			(void)begins(now_us, SELDOM_US);
}

static void a_dear_sweep_is_a_rarer_one(void **state)
{
	assert_int_equal(watermark_every_us(0), WATERMARK_FULL_US_MIN);
	assert_int_equal(watermark_every_us(5 * US_PER_MS), WATERMARK_FULL_US_MIN);
	assert_int_equal(watermark_every_us(20 * US_PER_MS), 400 * US_PER_MS);
	assert_int_equal(watermark_every_us(US_PER_S), WATERMARK_FULL_US_MAX);
}

#define STORY(name) cmocka_unit_test_setup(name, open_anew)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(claims_begin_behind_what_was_claimed),
		STORY(it_never_goes_back_by_itself),
		STORY(it_stays_behind_the_time_for_those_that_commit_late),
		STORY(now_and_then_a_claim_begins_at_the_beginning),
		STORY(a_sweep_that_finds_nothing_costs_once),
		STORY(behind_a_sweep_that_found_all_it_may_the_rest_is_claimed),
		STORY(what_was_not_come_to_is_swept_by_the_next_claim),
		STORY(what_was_rolled_back_is_found_at_once),
		STORY(what_came_lately_is_swept_more_often),
		STORY(nothing_came_lately_that_is_to_be_swept_again),
		STORY(a_dear_sweep_is_a_rarer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
