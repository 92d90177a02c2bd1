/* SPDX-License-Identifier: Apache-2.0 */
/* A primary that has flushed half a record and stays there is nudged, once. */
#include "router/cluster/wal_flush.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static enum wal_flush_advice status(struct wal_flush *wal_flush, uint64_t lsn, bool amid)
{
	const struct node_status seen = { .lsn = lsn, .amid = amid };

	return wal_flush_advise(wal_flush, &seen);
}

static void test_a_position_between_records_needs_none(void **state)
{
	struct wal_flush wal_flush = { 0 };

	assert_int_equal(status(&wal_flush, 8192, false), WAL_FLUSH_NOT_DUE);
	assert_int_equal(status(&wal_flush, 8192, false), WAL_FLUSH_NOT_DUE);
}

static void test_one_that_stays_amid_a_record_is_nudged_once(void **state)
{
	struct wal_flush wal_flush = { 0 };

	assert_int_equal(status(&wal_flush, 8192, true), WAL_FLUSH_ASK_SOON);
	assert_int_equal(status(&wal_flush, 8192, true), WAL_FLUSH_NOW);
	assert_int_equal(status(&wal_flush, 8192, true), WAL_FLUSH_NOT_DUE);
	assert_int_equal(status(&wal_flush, 8192, true), WAL_FLUSH_NOT_DUE);
}

static void test_one_that_goes_on_by_itself_is_left_alone(void **state)
{
	struct wal_flush wal_flush = { 0 };

	assert_int_equal(status(&wal_flush, 8192, true), WAL_FLUSH_ASK_SOON);
	assert_int_equal(status(&wal_flush, 9000, false), WAL_FLUSH_NOT_DUE);
	assert_int_equal(status(&wal_flush, 16384, true), WAL_FLUSH_ASK_SOON);
	assert_int_equal(status(&wal_flush, 24576, true), WAL_FLUSH_NOT_DUE);
	assert_int_equal(status(&wal_flush, 32768, true), WAL_FLUSH_NOT_DUE);
}

static void test_the_next_place_is_another_matter(void **state)
{
	struct wal_flush wal_flush = { 0 };

	assert_int_equal(status(&wal_flush, 8192, true), WAL_FLUSH_ASK_SOON);
	assert_int_equal(status(&wal_flush, 8192, true), WAL_FLUSH_NOW);
	assert_int_equal(status(&wal_flush, 8400, false), WAL_FLUSH_NOT_DUE);
	assert_int_equal(status(&wal_flush, 16384, true), WAL_FLUSH_ASK_SOON);
	assert_int_equal(status(&wal_flush, 16384, true), WAL_FLUSH_NOW);
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
