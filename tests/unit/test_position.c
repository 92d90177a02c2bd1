/* SPDX-License-Identifier: Apache-2.0 */
/* Positions of the write-ahead log: text, order. */
#include "base/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_lsn_reads_as_postgresql_prints_it(void **state)
{
	uint64_t lsn;

	assert_true(lsn_parse(TEXT("0/0"), &lsn));
	assert_true(lsn == 0);
	assert_true(lsn_parse(TEXT("16/B374D848"), &lsn));
	assert_true(lsn == UINT64_C(0x16B374D848));
	assert_true(lsn_parse(TEXT("a/0000000f"), &lsn));
	assert_true(lsn == UINT64_C(0xA0000000F));
	assert_true(lsn_parse(TEXT("FFFFFFFF/FFFFFFFF"), &lsn));
	assert_true(lsn == UINT64_MAX);
}

static void what_is_no_lsn_is_refused(void **state)
{
	static const char *const wrong[] = { "",      "/",           "1",           "1/",  "/1",
					     "1/2/3", "123456789/0", "0/123456789", "g/0", "0/-1",
					     " 0/1",  "0/1 ",        "0x1/0" };
	uint64_t lsn;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(lsn_parse(text_of(wrong[i]), &lsn));
	assert_false(lsn_parse((struct text){ NULL, 0 }, &lsn));
}

static void an_lsn_is_written_as_postgresql_reads_it(void **state)
{
	char out[POSITION_TEXT_MAX];
	uint64_t lsn;

	assert_string_equal(lsn_format(0, out), "0/0");
	assert_string_equal(lsn_format(UINT64_C(0x16B374D848), out), "16/B374D848");
	assert_string_equal(lsn_format(UINT64_MAX, out), "FFFFFFFF/FFFFFFFF");
	assert_true(lsn_parse(text_of(out), &lsn));
	assert_true(lsn == UINT64_MAX);
}

static void a_position_orders_by_timeline_before_lsn(void **state)
{
	struct position old = { 1, 900 }, young = { 2, 100 }, later = { 2, 101 };

	assert_true(position_compare(old, young) < 0);
	assert_true(position_compare(later, young) > 0);
	assert_int_equal(position_compare(young, young), 0);
	assert_true(position_max(old, young).timeline == 2);
	assert_true(position_max(later, young).lsn == 101);
	assert_true(position_known(young));
	assert_false(position_known(POSITION_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_lsn_reads_as_postgresql_prints_it),
		cmocka_unit_test(what_is_no_lsn_is_refused),
		cmocka_unit_test(an_lsn_is_written_as_postgresql_reads_it),
		cmocka_unit_test(a_position_orders_by_timeline_before_lsn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
