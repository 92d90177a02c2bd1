/* SPDX-License-Identifier: Apache-2.0 */
/* Branches that were given up: positions and tokens of theirs, judged by lineage, cut and mark. */
#include "router/cluster/branches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct history first = { .timeline = 1, .complete = true };
static const struct history second = { 2, true, 1, { { 1, 1200 } } };
/* Promoted from the same timeline, later: another one of the same number. */
static const struct history other = { 2, true, 1, { { 1, 1400 } } };

static struct position at(unsigned era, uint32_t number, uint64_t lsn)
{
	return (struct position){ era << BRANCH_NUMBER_BITS | number, lsn };
}

/* P was left at 1200, R1's timeline 2 came to 1500; back to P, which ended at 1300. */
static struct branches back(void)
{
	struct branches branches = { 0 };

	assert_true(branches_leave(&branches, &second, 1500, 1300));
	return branches;
}

static void while_nothing_was_given_up_a_timeline_is_its_number(void **state)
{
	struct branches none = { 0 };

	assert_int_equal(branches_timeline(&none, 7), 7);
	assert_int_equal(branches_timeline(&none, 0), 0);
	assert_int_equal(branches_fate(&none, &second, at(0, 1, 1200)), FATE_SURVIVED);
	assert_int_equal(branches_fate(&none, &second, at(0, 1, 1201)), FATE_LOST);
	assert_int_equal(branches_fate(&none, &second, at(0, 3, 1)), FATE_NEWER);
}

static void back_on_the_lower_timeline_the_higher_ones_are_lost(void **state)
{
	struct branches branches = back();

	assert_true(branches_timeline(&branches, 1) > 2);
	assert_int_equal(branches_fate(&branches, &first, at(0, 2, 1201)), FATE_LOST);
	assert_int_equal(branches_fate(&branches, &first, at(0, 2, 1500)), FATE_LOST);
	assert_int_equal(branches_fate(&branches, &first, at(1, 1, 1350)), FATE_CURRENT);
	assert_int_equal(branches_fate(&branches, &first, at(2, 1, 1350)), FATE_NEWER);
}

/* What the promotion had lost is there again, and what it had seen of timeline 1 still is. */
static void back_on_the_lower_timeline_its_own_writes_survived(void **state)
{
	struct branches branches = back();

	assert_int_equal(branches_fate(&branches, &first, at(0, 1, 1100)), FATE_SURVIVED);
	assert_int_equal(branches_fate(&branches, &first, at(0, 1, 1300)), FATE_SURVIVED);
	assert_int_equal(branches_fate(&branches, &first, at(0, 2, 1200)), FATE_SURVIVED);
}

static void with_less_wal_too_what_is_behind_the_cut_is_lost(void **state)
{
	struct branches branches = { 0 };

	assert_true(branches_leave(&branches, &second, 1500, 1000));
	assert_int_equal(branches_fate(&branches, &first, at(0, 1, 1000)), FATE_SURVIVED);
	assert_int_equal(branches_fate(&branches, &first, at(0, 1, 1001)), FATE_LOST);
}

static void a_second_timeline_of_one_number_is_another_one(void **state)
{
	struct branches branches = back();

	assert_int_equal(branches_fate(&branches, &other, at(0, 2, 1250)), FATE_LOST);
	assert_int_equal(branches_fate(&branches, &other, at(0, 2, 1500)), FATE_LOST);
	assert_int_equal(branches_fate(&branches, &other, at(1, 2, 1500)), FATE_CURRENT);
	assert_int_equal(branches_fate(&branches, &other, at(0, 1, 1300)), FATE_SURVIVED);
	assert_int_equal(branches_fate(&branches, &other, at(1, 1, 1400)), FATE_SURVIVED);
	assert_int_equal(branches_fate(&branches, &other, at(1, 1, 1401)), FATE_LOST);
}

static void what_was_given_up_twice_is_judged_by_the_least_cut(void **state)
{
	struct branches branches = back();

	assert_true(branches_leave(&branches, &other, 1600, 1250));
	assert_int_equal(branches_fate(&branches, &first, at(0, 1, 1250)), FATE_SURVIVED);
	assert_int_equal(branches_fate(&branches, &first, at(0, 1, 1290)), FATE_LOST);
	assert_int_equal(branches_fate(&branches, &first, at(1, 2, 1500)), FATE_LOST);
}

static void of_more_than_are_remembered_nothing_is_known(void **state)
{
	struct branches branches = { 0 };

	for (unsigned i = 0; i <= BRANCHES_MAX; i++)
		assert_true(branches_leave(&branches, &first, 5000, 1000 + i));
	assert_int_equal(branches_fate(&branches, &first, at(0, 1, 10)), FATE_UNKNOWN);
	assert_int_equal(branches_fate(&branches, &first, at(1, 1, 10)), FATE_SURVIVED);
}

static void when_the_number_of_eras_is_used_up_nothing_is_given_up(void **state)
{
	struct branches branches = { .era = BRANCH_ERA_MAX };

	assert_false(branches_leave(&branches, &first, 5000, 1000));
}

/* Where timeline 5 parted is not known: nothing of it can be shown to be there. */
static void without_histories_a_higher_timeline_that_was_given_up_is_lost(void **state)
{
	const struct history hidden = { .timeline = 5 }, lower = { .timeline = 4 };
	struct branches branches = { 0 };

	assert_true(branches_leave(&branches, &hidden, 1500, 1300));
	assert_int_equal(branches_fate(&branches, &lower, at(0, 5, 1301)), FATE_LOST);
	assert_int_equal(branches_fate(&branches, &lower, at(0, 5, 1299)), FATE_LOST);
	assert_int_equal(branches_fate(&branches, &lower, at(0, 4, 1299)), FATE_UNKNOWN);
}

/* --- tokens ----------------------------------------------------------------------------------- */

static enum fate find(const struct branches *branches, const struct history *now,
		      struct branch_position token, struct position expected)
{
	struct position position;
	enum fate fate = branches_find(branches, now, token, &position);

	if (expected.lsn) {
		assert_int_equal(position.timeline, expected.timeline);
		assert_int_equal(position.lsn, expected.lsn);
	}
	return fate;
}

static void a_token_finds_its_way_back(void **state)
{
	struct branches none = { 0 }, branches = back();
	struct branch_position before = branches_position(&none, &second, at(0, 2, 1450));
	struct branch_position lower = branches_position(&none, &second, at(0, 1, 1100));
	struct branch_position now = branches_position(&branches, &first, at(1, 1, 1450));

	assert_int_equal(find(&none, &second, before, at(0, 2, 1450)), FATE_CURRENT);
	assert_int_equal(find(&none, &second, lower, at(0, 1, 1100)), FATE_SURVIVED);
	assert_int_equal(find(&branches, &first, before, at(0, 2, 1450)), FATE_LOST);
	assert_int_equal(find(&branches, &first, lower, at(0, 1, 1100)), FATE_SURVIVED);
	assert_int_equal(find(&branches, &first, now, at(1, 1, 1450)), FATE_CURRENT);
}

static void a_token_of_a_lost_timeline_is_not_taken_for_the_next_one(void **state)
{
	struct branches none = { 0 }, branches = back();
	struct branch_position lost = branches_position(&none, &second, at(0, 2, 1450));
	struct branch_position now = branches_position(&branches, &other, at(1, 2, 1450));

	assert_int_equal(find(&branches, &other, lost, at(0, 2, 1450)), FATE_LOST);
	assert_int_equal(find(&branches, &other, now, at(1, 2, 1450)), FATE_CURRENT);
	/* One that was started since knows of one timeline 2 only: others may have gone back
	 * to the one of the token by now. */
	assert_int_equal(find(&none, &other, lost, POSITION_NONE), FATE_NEWER);
	assert_int_equal(find(&none, &other, now, at(0, 2, 1450)), FATE_CURRENT);
}

static void a_token_of_a_timeline_that_was_never_seen_is_newer(void **state)
{
	struct branches none = { 0 };
	struct branch_position token = branches_position(&none, &second, at(0, 2, 1450));

	assert_int_equal(find(&none, &first, token, at(0, 2, 1450)), FATE_NEWER);
}

/* The same timeline, less WAL: a history says nothing of it, the mark does. */
static void a_token_from_before_wal_was_lost_is_lost_and_one_since_is_not(void **state)
{
	struct branches none = { 0 }, branches = { 0 };
	struct branch_position before = branches_position(&none, &first, at(0, 1, 1400)), since;

	assert_true(branches_leave(&branches, &first, 1500, 1000));
	since = branches_position(&branches, &first, at(1, 1, 1400));
	assert_int_equal(find(&branches, &first, before, at(0, 1, 1400)), FATE_LOST);
	assert_int_equal(find(&branches, &first, since, at(1, 1, 1400)), FATE_CURRENT);
	before.lsn = 1000;
	assert_int_equal(find(&branches, &first, before, at(0, 1, 1000)), FATE_SURVIVED);
	/* Of an instance that never heard of the loss, once the log is past all that was lost. */
	before.lsn = UINT64_C(1) << 40;
	assert_int_equal(find(&branches, &first, before, at(1, 1, UINT64_C(1) << 40)),
			 FATE_CURRENT);
}

static void a_mark_that_is_not_ours_means_what_is_followed_now(void **state)
{
	struct branches ours = { 0 }, theirs = { 0 };
	struct branch_position token;

	assert_true(branches_leave(&ours, &first, 1500, 1000));
	assert_true(branches_leave(&theirs, &first, 1500, 1001));
	token = branches_position(&theirs, &first, at(1, 1, 1400));
	assert_int_equal(find(&ours, &first, token, at(1, 1, 1400)), FATE_CURRENT);
}

static void a_token_that_knows_no_history_is_judged_by_its_number(void **state)
{
	struct branches none = { 0 }, branches = back();
	const struct branch_position old = { .timeline = 2, .lsn = 1450 };

	assert_int_equal(find(&none, &second, old, at(0, 2, 1450)), FATE_CURRENT);
	assert_int_equal(find(&branches, &first, old, at(0, 2, 1450)), FATE_LOST);
}

static void what_was_given_up_is_known_by_number_and_history(void **state)
{
	struct branches branches = back();
	const struct history none = { 0 };

	assert_true(branches_gave_up(&branches, &first, 2, &second));
	assert_true(branches_gave_up(&branches, &first, 2, &none));
	assert_false(branches_gave_up(&branches, &first, 2, &other));
	assert_false(branches_gave_up(&branches, &first, 1, &none));
	assert_true(branches_gave_up(&branches, &other, 2, &second));
	assert_false(branches_gave_up(&branches, &other, 2, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_nothing_was_given_up_a_timeline_is_its_number),
		cmocka_unit_test(back_on_the_lower_timeline_the_higher_ones_are_lost),
		cmocka_unit_test(back_on_the_lower_timeline_its_own_writes_survived),
		cmocka_unit_test(with_less_wal_too_what_is_behind_the_cut_is_lost),
		cmocka_unit_test(a_second_timeline_of_one_number_is_another_one),
		cmocka_unit_test(what_was_given_up_twice_is_judged_by_the_least_cut),
		cmocka_unit_test(of_more_than_are_remembered_nothing_is_known),
		cmocka_unit_test(when_the_number_of_eras_is_used_up_nothing_is_given_up),
		cmocka_unit_test(without_histories_a_higher_timeline_that_was_given_up_is_lost),
		cmocka_unit_test(a_token_finds_its_way_back),
		cmocka_unit_test(a_token_of_a_lost_timeline_is_not_taken_for_the_next_one),
		cmocka_unit_test(a_token_of_a_timeline_that_was_never_seen_is_newer),
		cmocka_unit_test(a_token_from_before_wal_was_lost_is_lost_and_one_since_is_not),
		cmocka_unit_test(a_mark_that_is_not_ours_means_what_is_followed_now),
		cmocka_unit_test(a_token_that_knows_no_history_is_judged_by_its_number),
		cmocka_unit_test(what_was_given_up_is_known_by_number_and_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
