/* SPDX-License-Identifier: Apache-2.0 */
/* The lives of a log: as a node tells them, and what they tell of a place in it. */
#include "router/cluster/lives.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { A = 11, B = 22, C = 33 };

static void is_lives(struct lives *lives, const char *text)
{
	struct buf buf;

	buf_init(&buf);
	buf_printf(&buf, "{\"lives\":\"%s\"}", text);
	assert_true(lives_read(lives, (struct text){ buf.ptr, buf.len }));
	buf_fini(&buf);
}

static bool reads(const char *text)
{
	struct lives lives;
	struct buf buf;
	bool read;

	buf_init(&buf);
	buf_printf(&buf, "{\"lives\":\"%s\"}", text);
	read = lives_read(&lives, (struct text){ buf.ptr, buf.len });
	buf_fini(&buf);
	return read;
}

/* --- as told ---------------------------------------------------------------------------------- */

static void what_a_node_tells_is_read(void **state)
{
	struct lives lives;

	is_lives(&lives, "11 1 1700000000000001 0/100;4294967295 2 1700000000000002 1/0");
	assert_int_equal(lives.count, 2);
	assert_true(lives.whole);
	assert_int_equal(lives.items[0].mark, A);
	assert_int_equal(lives.items[0].timeline, 1);
	assert_true(lives.items[0].started_us == 1700000000000001);
	assert_true(lives.items[0].began == 0x100);
	assert_int_equal(lives.items[1].mark, UINT32_MAX);
	assert_true(lives.items[1].began == UINT64_C(1) << 32);
	assert_true(lives_end_with(&lives, 2, 1700000000000002));
	assert_false(lives_end_with(&lives, 1, 1700000000000002));
	assert_false(lives_end_with(&lives, 2, 1700000000000001));
}

static void a_log_without_lives_has_none(void **state)
{
	struct lives lives;

	is_lives(&lives, "");
	assert_int_equal(lives.count, 0);
	assert_true(lives.whole);
	assert_false(lives_end_with(&lives, 0, 0));
	assert_int_equal(lives_mark(&lives, 5), 0);
	assert_int_equal(lives_fate(&lives, A, 5), FATE_UNKNOWN);
	assert_false(lives_should_have(&lives, A, 5));
}

static void what_is_no_life_is_refused(void **state)
{
	static const char *const wrong[] = {
		"11",
		"11 1 1700",
		"0 1 1700 0/1",
		"4294967296 1 1700 0/1",
		"11 x 1700 0/1",
		"11 4294967296 1700 0/1",
		"11 1 -1 0/1",
		"11 1 99999999999999999999 0/1",
		"11 1 1700 1",
		"11 1 1700 0/1 2",
		"11  1 1700 0/1",
		"11 1 1700 0/1;",
		";11 1 1700 0/1",
	};
	struct lives lives;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(reads(wrong[i]));
	assert_false(lives_read(&lives, (struct text){ NULL, 0 }));
	assert_false(lives_read(&lives, TEXT("{\"live\":\"\"}")));
	assert_false(lives_read(&lives, TEXT("{\"lives\":\"\"")));
}

static void of_more_than_are_held_the_oldest_are_forgotten(void **state)
{
	struct lives lives;
	struct buf buf;

	buf_init(&buf);
	for (unsigned i = 1; i <= LIVES_MAX + 1; i++)
		buf_printf(&buf, "%s%u 1 %u 0/%X", i > 1 ? ";" : "", i, i, 16 * i);
	buf_byte(&buf, 0);
	is_lives(&lives, buf.ptr);
	buf_fini(&buf);
	assert_int_equal(lives.count, LIVES_MAX);
	assert_false(lives.whole);
	assert_int_equal(lives_find(&lives, 1), -1);
	assert_int_equal(lives_find(&lives, 2), 0);
	assert_int_equal(lives_find(&lives, LIVES_MAX + 1), LIVES_MAX - 1);
	/* It may be of the one that was forgotten. */
	assert_false(lives_should_have(&lives, 1, 0x20));
	assert_true(lives_should_have(&lives, 999, 0x21));
}

/* --- what became of a place ------------------------------------------------------------------- */

/* A from 0x100, C from 0x600: a copy of A, taken there. */
static struct lives a_and_c(void)
{
	struct lives lives;

	is_lives(&lives, "11 1 1 0/100;33 1 3 0/600");
	return lives;
}

static struct lives a_and_b(void)
{
	struct lives lives;

	is_lives(&lives, "11 1 1 0/100;22 1 2 0/800");
	return lives;
}

static void a_place_belongs_to_the_life_that_had_begun_before_it(void **state)
{
	struct lives lives = a_and_c();

	assert_int_equal(lives_mark(&lives, 0x100), 0);
	assert_int_equal(lives_mark(&lives, 0x101), A);
	assert_int_equal(lives_mark(&lives, 0x600), A);
	assert_int_equal(lives_mark(&lives, 0x601), C);
}

static void what_is_behind_the_next_beginning_is_lost(void **state)
{
	struct lives lives = a_and_c();

	assert_int_equal(lives_fate(&lives, A, 0x600), FATE_SURVIVED);
	assert_int_equal(lives_fate(&lives, A, 0x601), FATE_LOST);
	assert_int_equal(lives_fate(&lives, C, 0x601), FATE_SURVIVED);
	assert_int_equal(lives_fate(&lives, C, UINT64_MAX), FATE_SURVIVED);
	assert_int_equal(lives_fate(&lives, B, 0x500), FATE_UNKNOWN);
	assert_true(lives_should_have(&lives, B, 0x500));
	assert_false(lives_should_have(&lives, 0, 0x500));
}

/* --- two logs --------------------------------------------------------------------------------- */

static void two_logs_part_where_the_first_of_their_own_lives_begins(void **state)
{
	struct lives before = a_and_b(), after = a_and_c();
	struct lives_parting parting;

	assert_true(lives_part(&before, &after, &parting));
	assert_true(parting.lsn == 0x600);
	assert_true(parting.went_on);
	assert_int_equal(parting.timeline, 1);
	assert_true(lives_part(&after, &before, &parting));
	assert_true(parting.lsn == 0x600);
}

static void a_log_that_only_went_on_parts_where_its_next_life_begins(void **state)
{
	struct lives before = a_and_b(), after = a_and_b();
	struct lives_parting parting;

	assert_true(lives_part(&before, &after, &parting));
	assert_true(parting.lsn == UINT64_MAX);
	assert_false(parting.went_on);
	assert_int_equal(parting.timeline, 0);
	before.count = 1;
	assert_true(lives_part(&before, &after, &parting));
	assert_true(parting.lsn == 0x800);
	assert_false(parting.went_on);
	assert_int_equal(parting.timeline, 1);
}

static void logs_without_a_common_life_tell_nothing(void **state)
{
	struct lives before = a_and_b(), none, other;
	struct lives_parting parting;

	is_lives(&none, "");
	is_lives(&other, "44 1 4 0/100");
	assert_false(lives_part(&before, &none, &parting));
	assert_false(lives_part(&none, &before, &parting));
	assert_false(lives_part(&before, &other, &parting));
}

static void a_life_that_the_next_log_lacks_is_gone_until_it_comes_back(void **state)
{
	struct lives before = a_and_b(), after = a_and_c();
	struct lives_gone gone = { 0 };

	lives_follow(&gone, &before, &after);
	assert_true(lives_are_gone(&gone, B));
	assert_false(lives_are_gone(&gone, A));
	assert_false(lives_are_gone(&gone, C));
	assert_false(lives_are_gone(&gone, 0));
	lives_follow(&gone, &after, &before);
	assert_false(lives_are_gone(&gone, B));
	assert_true(lives_are_gone(&gone, C));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_node_tells_is_read),
		cmocka_unit_test(a_log_without_lives_has_none),
		cmocka_unit_test(what_is_no_life_is_refused),
		cmocka_unit_test(of_more_than_are_held_the_oldest_are_forgotten),
		cmocka_unit_test(a_place_belongs_to_the_life_that_had_begun_before_it),
		cmocka_unit_test(what_is_behind_the_next_beginning_is_lost),
		cmocka_unit_test(two_logs_part_where_the_first_of_their_own_lives_begins),
		cmocka_unit_test(a_log_that_only_went_on_parts_where_its_next_life_begins),
		cmocka_unit_test(logs_without_a_common_life_tell_nothing),
		cmocka_unit_test(a_life_that_the_next_log_lacks_is_gone_until_it_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
