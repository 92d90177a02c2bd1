/* SPDX-License-Identifier: Apache-2.0 */
/* A primary that has flushed half a record and stays there is nudged, once. */
#include "router/nudge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static enum nudge_advice look(struct nudge *nudge, uint64_t lsn, bool amid)
{
	const struct look seen = { .lsn = lsn, .amid = amid };

	return nudge_look(nudge, &seen);
}

static void test_a_position_between_records_needs_none(void **state)
{
	struct nudge nudge = { 0 };

	assert_int_equal(look(&nudge, 8192, false), NUDGE_NOT);
	assert_int_equal(look(&nudge, 8192, false), NUDGE_NOT);
}

static void test_one_that_stays_amid_a_record_is_nudged_once(void **state)
{
	struct nudge nudge = { 0 };

	assert_int_equal(look(&nudge, 8192, true), NUDGE_LOOK_SOON);
	assert_int_equal(look(&nudge, 8192, true), NUDGE_NOW);
	assert_int_equal(look(&nudge, 8192, true), NUDGE_NOT);
	assert_int_equal(look(&nudge, 8192, true), NUDGE_NOT);
}

static void test_one_that_goes_on_by_itself_is_left_alone(void **state)
{
	struct nudge nudge = { 0 };

	assert_int_equal(look(&nudge, 8192, true), NUDGE_LOOK_SOON);
	assert_int_equal(look(&nudge, 9000, false), NUDGE_NOT);
	assert_int_equal(look(&nudge, 16384, true), NUDGE_LOOK_SOON);
	assert_int_equal(look(&nudge, 24576, true), NUDGE_NOT);
	assert_int_equal(look(&nudge, 32768, true), NUDGE_NOT);
}

static void test_the_next_place_is_another_matter(void **state)
{
	struct nudge nudge = { 0 };

	assert_int_equal(look(&nudge, 8192, true), NUDGE_LOOK_SOON);
	assert_int_equal(look(&nudge, 8192, true), NUDGE_NOW);
	assert_int_equal(look(&nudge, 8400, false), NUDGE_NOT);
	assert_int_equal(look(&nudge, 16384, true), NUDGE_LOOK_SOON);
	assert_int_equal(look(&nudge, 16384, true), NUDGE_NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_position_between_records_needs_none),
		cmocka_unit_test(test_one_that_stays_amid_a_record_is_nudged_once),
		cmocka_unit_test(test_one_that_goes_on_by_itself_is_left_alone),
		cmocka_unit_test(test_the_next_place_is_another_matter),
	};

	return cmocka_run_group_tests_name("nudge", tests, NULL, NULL);
}
