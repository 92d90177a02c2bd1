/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a position when the primary went on to another timeline. */
#include "router/cluster/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct history third = {
	.timeline = 3,
	.complete = true,
	.count = 2,
	.switches = { { 1, 1000 }, { 2, 2000 } },
};

static const struct {
	const char *what;
	struct position position;
	enum fate fate;
} fates[] = {
	{ "of the primary's own timeline", { 3, 5000 }, FATE_CURRENT },
	{ "its very beginning", { 3, 1 }, FATE_CURRENT },
	{ "of a promotion not seen yet", { 4, 1 }, FATE_NEWER },
	{ "the last one before the switch", { 2, 2000 }, FATE_SURVIVED },
	{ "one byte past it", { 2, 2001 }, FATE_LOST },
	{ "past the first switch, before the second", { 1, 1500 }, FATE_LOST },
	{ "before both switches", { 1, 1000 }, FATE_SURVIVED },
	{ "of no timeline", { 0, 10 }, FATE_UNKNOWN },
};

static void each_position_has_its_fate(void **state)
{
	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++)
		if (history_fate(&third, fates[i].position) != fates[i].fate)
			fail_msg("%s", fates[i].what);
	assert_int_equal(history_translate(&third, (struct position){ 1, 900 }).timeline, 3);
	assert_int_equal(history_translate(&third, (struct position){ 1, 900 }).lsn, 900);
}

/* Timeline 1 was left for 3 at 1000; 2 was another child of 1 that nobody followed. */
static void a_branch_that_was_given_up_is_lost_where_it_is_provable(void **state)
{
	const struct history history = { 3, true, 1, { { 1, 1000 } } };

	assert_int_equal(history_fate(&history, (struct position){ 2, 1001 }), FATE_LOST);
	assert_int_equal(history_fate(&history, (struct position){ 2, 1000 }), FATE_UNKNOWN);
}

/* A later promotion went back to before an earlier switch point: the lesser one counts. */
static void every_switch_point_between_counts(void **state)
{
	const struct history history = { 3, true, 2, { { 1, 1000 }, { 2, 700 } } };

	assert_int_equal(history_fate(&history, (struct position){ 1, 700 }), FATE_SURVIVED);
	assert_int_equal(history_fate(&history, (struct position){ 1, 701 }), FATE_LOST);
}

static void a_history_that_ends_too_early_tells_losses_only(void **state)
{
	const struct history last = { 5, false, 1, { { 4, 4000 } } };
	const struct history none = { 5, false, 0, { { 0 } } };

	assert_int_equal(history_fate(&last, (struct position){ 4, 4000 }), FATE_SURVIVED);
	assert_int_equal(history_fate(&last, (struct position){ 3, 4001 }), FATE_LOST);
	assert_int_equal(history_fate(&last, (struct position){ 3, 3000 }), FATE_UNKNOWN);
	assert_int_equal(history_fate(&none, (struct position){ 4, 1 }), FATE_UNKNOWN);
	assert_int_equal(history_fate(&(struct history){ 0 }, (struct position){ 1, 1 }),
			 FATE_UNKNOWN);
}

static void a_history_file_is_read(void **state)
{
	struct history history;

	assert_true(history_read(&history, 3,
				 text_of("1\t0/3E8\tno recovery target specified\n\n"
					 "# a comment\n2\t1/0\tbefore 2000-01-01 00:00:00+00\n")));
	assert_int_equal(history.timeline, 3);
	assert_true(history.complete);
	assert_int_equal(history.count, 2);
	assert_int_equal(history.switches[0].timeline, 1);
	assert_int_equal(history.switches[0].lsn, 1000);
	assert_int_equal(history.switches[1].lsn, 1ull << 32);
	assert_true(history_read(&history, 1, text_of("")));
	assert_true(history.complete);
}

static void what_is_no_history_is_refused(void **state)
{
	static const char *const files[] = {
		"",        "1\n",          "1 0-3E8 x\n",      "x 0/3E8 y\n",
		"0 0/1 z", "3 0/1 itself", "2 0/1 a\n1 0/2 b", "1 0/1 a\n1 0/2 b",
		"1 0/0 a",
	};
	struct history history;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (history_read(&history, 3, text_of(files[i])))
			fail_msg("\"%s\" was read", files[i]);
}

static void of_too_many_promotions_the_newest_are_kept(void **state)
{
	struct history history;
	char file[64 * 20];
	size_t at = 0;

	for (unsigned i = 1; i <= HISTORY_SWITCHES_MAX + 2; i++)
		at += (size_t)snprintf(file + at, sizeof(file) - at, "%u\t0/%X\tx\n", i, i * 16);
	assert_true(history_read(&history, HISTORY_SWITCHES_MAX + 3, (struct text){ file, at }));
	assert_int_equal(history.count, HISTORY_SWITCHES_MAX);
	assert_int_equal(history.switches[0].timeline, 3);
	assert_false(history.complete);
	assert_int_equal(history_fate(&history, (struct position){ 2, 1 }), FATE_UNKNOWN);
}

static void two_promotions_to_one_number_disagree(void **state)
{
	const struct history a = { 2, true, 1, { { 1, 1000 } } };
	const struct history b = { 2, true, 1, { { 1, 1008 } } };
	const struct history longer = { 3, true, 2, { { 1, 1000 }, { 2, 2000 } } };
	const struct history tail = { 3, false, 1, { { 2, 2000 } } };
	const struct history other = { 3, true, 1, { { 2, 2000 } } };

	assert_true(history_agrees(&a, &a));
	assert_false(history_agrees(&a, &b));
	assert_false(history_agrees(&a, &longer));
	assert_true(history_agrees(&longer, &tail));
	assert_true(history_agrees(&tail, &longer));
	assert_false(history_agrees(&longer, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_position_has_its_fate),
		cmocka_unit_test(a_branch_that_was_given_up_is_lost_where_it_is_provable),
		cmocka_unit_test(every_switch_point_between_counts),
		cmocka_unit_test(a_history_that_ends_too_early_tells_losses_only),
		cmocka_unit_test(a_history_file_is_read),
		cmocka_unit_test(what_is_no_history_is_refused),
		cmocka_unit_test(of_too_many_promotions_the_newest_are_kept),
		cmocka_unit_test(two_promotions_to_one_number_disagree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
