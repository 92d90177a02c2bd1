/* SPDX-License-Identifier: Apache-2.0 */
/* links: feed_story.c feed_model.c feed_xmax.c */
/* The feed: rows out of order, rollbacks, marks, deletions and promotions, against a model. */
#include "feed_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* --- one thing each --------------------------------------------------------------------------- */

static void nothing_is_known_before_there_is_a_mark(void **state)
{
	enum feed_loss loss;

	(void)state;
	commit_row(5);
	assert_int_equal(take_of(&feed_right, model.lsn, FEED_ALL, &loss), FEED_NEXT_MARK);
	assert_false(position_known(stripes_known(&stripes)));
	assert_int_equal(required(5), 0);
}

static void it_begins_at_a_mark_with_all_at_the_upper_bound(void **state)
{
	uint64_t base;

	(void)state;
	commit_row(5);
	(void)model_mark(&model, true);
	base = model.lsn;
	assert_int_equal(take(), FEED_KEPT);
	assert_false(position_known(stripes_known(&stripes)));
	commit_row(6);
	(void)take();
	assert_int_equal(required(5), base);
	assert_int_equal(required(6), model.lsn);
	assert_int_equal(stripes_known(&stripes).lsn, model.lsn);
}

static void a_mark_beside_a_running_transaction_begins_nothing(void **state)
{
	struct model_transaction *old;
	enum feed_loss loss;

	(void)state;
	old = write_row(5);
	(void)model_mark(&model, true);
	assert_int_equal(take_of(&feed_right, model.lsn, FEED_ALL, &loss), FEED_NEXT_MARK);
	model_end(&model, old, true);
	assert_int_equal(take_of(&feed_right, model.lsn, FEED_ALL, &loss), FEED_NEXT_MORE);
}

static void a_row_that_comes_late_is_seen(void **state)
{
	struct model_transaction *late;

	(void)state;
	begin();
	late = write_row(7);
	commit_row(8);
	(void)take();
	assert_int_equal(feed.gaps_count, 1);
	commit_row(9);
	(void)take();
	assert_int_equal(feed.gaps_count, 1);
	model_end(&model, late, true);
	(void)take();
	assert_int_equal(feed.gaps_count, 0);
	assert_int_equal(required(7), model.lsn);
	assert_int_equal(feed.closed_by_row, 1);
}

static void what_was_rolled_back_is_closed_by_a_mark(void **state)
{
	(void)state;
	begin();
	model_end(&model, write_row(7), false);
	commit_row(8);
	(void)take();
	assert_int_equal(feed.gaps_count, 1);
	(void)model_mark(&model, true);
	(void)take();
	assert_int_equal(feed.gaps_count, 0);
	assert_int_equal(feed.closed_by_mark, 1);
}

static void a_mark_closes_nothing_while_an_older_transaction_runs(void **state)
{
	struct model_transaction *late;

	(void)state;
	begin();
	late = write_row(7);
	commit_row(8);
	(void)model_mark(&model, true);
	(void)take();
	assert_int_equal(feed.gaps_count, 1);
	model_end(&model, late, true);
	(void)take();
	assert_int_equal(required(7), late->ended);
	assert_nothing_missed();
}

/* A fresh sequence has last_value 1 and is_called false: its mark is 0, not 1. */
static void a_mark_of_a_fresh_sequence_decides_nothing(void **state)
{
	struct model_transaction *first;
	struct feed_answer answer;
	enum feed_loss loss;

	(void)state;
	begin();
	assert_int_equal(feed.greatest, 0);
	first = write_row(7);
	commit_row(8);
	(void)take();
	assert_int_equal(feed.gaps_count, 1);
	model_end(&model, first, true);
	(void)take();
	assert_int_equal(required(7), first->ended);

	/* The same, where it is taken for 1: the row is never seen. */
	assert_int_equal(feed_set_up(NULL), 0);
	(void)model_mark(&model, true);
	model.transactions[0].mark_id = 1;
	(void)take();
	first = write_row(7);
	model_end(&model, first, true);
	model_answer(&model, &feed, model.lsn, model.lsn, model.lsn, FEED_ALL, &answer);
	(void)feed_take(&feed, &answer, &loss);
	assert_non_null(model_missed(&model, &stripes));
}

static void a_bounded_answer_makes_nothing_known(void **state)
{
	enum feed_loss loss;
	uint64_t before;

	(void)state;
	begin();
	before = stripes_known(&stripes).lsn;
	for (unsigned i = 0; i < 5; i++)
		commit_row(10 + i);
	assert_int_equal(take_of(&feed_right, model.lsn, 2, &loss), FEED_NEXT_MORE);
	assert_int_equal(stripes_known(&stripes).lsn, before);
	assert_int_equal(take_of(&feed_right, model.lsn, 2, &loss), FEED_NEXT_MORE);
	assert_int_equal(take_of(&feed_right, model.lsn, 2, &loss), FEED_NEXT_WAIT);
	assert_int_equal(stripes_known(&stripes).lsn, model.lsn);
	assert_nothing_missed();
}

static void a_node_that_is_behind_takes_nothing_back(void **state)
{
	uint64_t behind, known;
	enum feed_loss loss;

	(void)state;
	begin();
	commit_row(7);
	behind = model.lsn;
	(void)write_row(8);
	commit_row(9);
	(void)take();
	known = model.lsn;
	assert_int_equal(take_of(&feed_right, behind, FEED_ALL, &loss), FEED_NEXT_WAIT);
	assert_int_equal(loss, FEED_KEPT);
	assert_int_equal(stripes_known(&stripes).lsn, known);
	assert_int_equal(feed.gaps_count, 1);
	assert_nothing_missed();
}

static void rows_that_were_deleted_unseen_empty_it(void **state)
{
	(void)state;
	begin();
	commit_row(7);
	(void)model_mark(&model, true);
	model_sweep(&model);
	assert_int_equal(take(), FEED_FLOOR);
	assert_false(position_known(stripes_known(&stripes)));
	(void)take();
	(void)take();
	assert_int_equal(feed.state, FEED_FOLLOWING);
	assert_nothing_missed();
}

static void rows_that_were_deleted_when_seen_empty_nothing(void **state)
{
	(void)state;
	begin();
	commit_row(7);
	model_end(&model, write_row(8), false);
	(void)model_mark(&model, true);
	(void)take();
	model_sweep(&model);
	assert_int_equal(take(), FEED_KEPT);
	assert_int_equal(feed.greatest, 2);
}

static void a_gap_at_the_floor_empties_it(void **state)
{
	struct model_transaction *late;

	(void)state;
	begin();
	late = write_row(7);
	commit_row(8);
	(void)take();
	model_end(&model, late, true);
	(void)model_mark(&model, true);
	model_sweep(&model);
	assert_int_equal(take(), FEED_FLOOR);
}

static void another_timeline_empties_it(void **state)
{
	struct position old;
	uint64_t tag = 7, fork;

	(void)state;
	begin();
	commit_row(6);
	fork = model.lsn;
	commit_row(7);
	(void)take();
	old = stripes_known(&stripes);
	model_promote(&model, fork);
	commit_row(8);
	assert_int_equal(take(), FEED_TIMELINE);
	(void)take();
	(void)take();
	assert_int_equal(stripes_required(&stripes, old, &tag, 1), 0);
	assert_true(required(7) <= model.lsn);
	assert_nothing_missed();
}

/* --- more ids than a writer commonly takes ---------------------------------------------------- */

/* By one that goes on, or is rolled back. */
static void take_ids(int64_t count)
{
	model.last_id += count;
}

static void many_ids_of_one_transaction_are_one_gap(void **state)
{
	struct model_transaction *late;

	(void)state;
	begin();
	late = write_row(7);
	take_ids(1000 * FEED_GAPS_MAX);
	commit_row(8);
	assert_int_equal(take(), FEED_KEPT);
	assert_int_equal(feed.gaps_count, 1);
	assert_int_equal(stripes_known(&stripes).lsn, model.lsn);
	model_end(&model, late, true);
	(void)take();
	assert_int_equal(required(7), model.lsn);
	assert_int_equal(feed.gaps_count, 1);
	(void)model_mark(&model, true);
	(void)take();
	assert_int_equal(feed.gaps_count, 0);
	assert_int_equal(feed.closed_by_mark, 1000 * FEED_GAPS_MAX);
}

static void a_row_amid_a_gap_parts_it(void **state)
{
	struct model_transaction *late[5];

	(void)state;
	begin();
	for (unsigned i = 0; i < 5; i++)
		late[i] = write_row(10 + i);
	commit_row(8);
	(void)take();
	assert_int_equal(feed.gaps_count, 1);
	model_end(&model, late[2], true);
	(void)take();
	assert_int_equal(feed.gaps_count, 2);
	assert_int_equal(required(12), model.lsn);
	model_end(&model, late[0], true);
	model_end(&model, late[4], true);
	(void)take();
	assert_int_equal(feed.gaps_count, 2);
	model_end(&model, late[1], true);
	model_end(&model, late[3], true);
	(void)take();
	assert_int_equal(feed.gaps_count, 0);
	assert_nothing_missed();
}

/* A mark decides the lower part of it. */
static void a_mark_amid_a_gap_leaves_what_lies_beyond(void **state)
{
	struct model_transaction *late;
	uint64_t marked;

	(void)state;
	begin();
	model_end(&model, write_row(7), false);
	(void)model_mark(&model, true);
	marked = model.lsn;
	late = write_row(8);
	commit_row(9);
	(void)take();
	assert_int_equal(feed.gaps_count, 1);
	assert_int_equal(feed.gaps[0].first, late->id);
	assert_int_equal(feed.gaps[0].last, late->id);
	assert_true(stripes_known(&stripes).lsn > marked);
	model_end(&model, late, true);
	(void)take();
	assert_int_equal(required(8), model.lsn);
}

static void rows_of_a_gap_that_come_piece_by_piece_are_all_seen(void **state)
{
	struct model_transaction *late[7];
	enum feed_loss loss;
	uint64_t before;
	unsigned pieces = 0;

	(void)state;
	begin();
	for (unsigned i = 0; i < 7; i++)
		late[i] = write_row(10 + i);
	commit_row(8);
	(void)take();
	before = stripes_known(&stripes).lsn;
	for (unsigned i = 0; i < 7; i++)
		model_end(&model, late[i], true);
	/* It decides all of them: none that is still to come may be closed by it. */
	(void)model_mark(&model, true);
	while (take_of(&feed_right, model.lsn, 2, &loss) == FEED_NEXT_MORE) {
		assert_int_equal(stripes_known(&stripes).lsn, before);
		pieces++;
	}
	assert_int_equal(pieces, 3);
	assert_int_equal(feed.closed_by_row, 7);
	assert_nothing_missed();
}

/* Two of whom one commits beside each id of the other. */
static enum feed_loss pass_by(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		take_ids(1);
		commit_row(7);
	}
	return take();
}

static void too_many_gaps_empty_it_until_all_of_them_are_decided(void **state)
{
	struct model_transaction *open;
	enum feed_loss loss;

	(void)state;
	begin();
	open = model_begin(&model, 5);
	assert_int_equal(pass_by(FEED_GAPS_MAX), FEED_KEPT);
	assert_int_equal(feed.gaps_count, FEED_GAPS_MAX);
	assert_int_equal(pass_by(1), FEED_GAPS);
	assert_false(position_known(stripes_known(&stripes)));
	/* Marks do not decide them while it is open: nothing is asked for, however often. */
	for (unsigned i = 0; i < 5; i++) {
		(void)model_mark(&model, true);
		assert_int_equal(take_of(&feed_right, model.lsn, FEED_ALL, &loss), FEED_NEXT_MARK);
		assert_int_equal(loss, FEED_KEPT);
	}
	model_end(&model, open, true);
	assert_int_equal(take_of(&feed_right, model.lsn, FEED_ALL, &loss), FEED_NEXT_MORE);
	(void)take();
	assert_int_equal(feed.gaps_count, 0);
	assert_int_equal(stripes_known(&stripes).lsn, model.lsn);
	assert_nothing_missed();
}

static void after_too_many_gaps_another_timeline_is_begun_on(void **state)
{
	(void)state;
	begin();
	(void)model_begin(&model, 5);
	assert_int_equal(pass_by(FEED_GAPS_MAX + 1), FEED_GAPS);
	/* All of those ids are lost. */
	model_promote(&model, 1001);
	(void)model_mark(&model, true);
	(void)take();
	(void)take();
	assert_int_equal(stripes_known(&stripes).lsn, model.lsn);
}

static void a_row_without_tags_touches_all(void **state)
{
	struct feed_row row = { .id = 1 };
	struct feed_answer answer;
	enum feed_loss loss;

	(void)state;
	begin();
	commit_row(7);
	model_answer(&model, &feed, model.lsn, model.lsn, model.lsn, FEED_ALL, &answer);
	answer.rows = &row;
	(void)feed_take(&feed, &answer, &loss);
	assert_int_equal(required(99), model.lsn);
}

/* --- why not by xmax -------------------------------------------------------------------------- */

/*
 * a takes the smaller xid and b the smaller id; a commits. The snapshot then has b's xid for its
 * xmax, and so has the xmin of the next one, while b goes on.
 */
static void commit_a_beside_b(const struct feed_build *build)
{
	struct model_transaction *a, *b;
	enum feed_loss loss;

	(void)model_mark(&model, true);
	(void)take_of(build, model.lsn, FEED_ALL, &loss);
	(void)take_of(build, model.lsn, FEED_ALL, &loss);
	a = model_begin(&model, 8);
	b = model_begin(&model, 7);
	model_take_id(&model, b);
	model_take_id(&model, a);
	model_end(&model, a, true);
	(void)take_of(build, model.lsn, FEED_ALL, &loss);
	(void)take_of(build, model.lsn, FEED_ALL, &loss);
	model_end(&model, b, true);
	(void)take_of(build, model.lsn, FEED_ALL, &loss);
}

static void a_gap_stays_open_for_an_xid_at_the_xmax_of_its_snapshot(void **state)
{
	(void)state;
	commit_a_beside_b(&feed_right);
	assert_nothing_missed();
	assert_int_equal(required(7), model.lsn);
}

static void closed_by_xmax_a_row_is_never_seen(void **state)
{
	(void)state;
	commit_a_beside_b(&feed_xmax);
	assert_non_null(model_missed(&model, &stripes));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, feed_set_up)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_known_before_there_is_a_mark),
		TEST(it_begins_at_a_mark_with_all_at_the_upper_bound),
		TEST(a_mark_beside_a_running_transaction_begins_nothing),
		TEST(a_row_that_comes_late_is_seen),
		TEST(what_was_rolled_back_is_closed_by_a_mark),
		TEST(a_mark_closes_nothing_while_an_older_transaction_runs),
		TEST(a_mark_of_a_fresh_sequence_decides_nothing),
		TEST(a_bounded_answer_makes_nothing_known),
		TEST(a_node_that_is_behind_takes_nothing_back),
		TEST(rows_that_were_deleted_unseen_empty_it),
		TEST(rows_that_were_deleted_when_seen_empty_nothing),
		TEST(a_gap_at_the_floor_empties_it),
		TEST(another_timeline_empties_it),
		TEST(many_ids_of_one_transaction_are_one_gap),
		TEST(a_row_amid_a_gap_parts_it),
		TEST(a_mark_amid_a_gap_leaves_what_lies_beyond),
		TEST(rows_of_a_gap_that_come_piece_by_piece_are_all_seen),
		TEST(too_many_gaps_empty_it_until_all_of_them_are_decided),
		TEST(after_too_many_gaps_another_timeline_is_begun_on),
		TEST(a_row_without_tags_touches_all),
		TEST(a_gap_stays_open_for_an_xid_at_the_xmax_of_its_snapshot),
		TEST(closed_by_xmax_a_row_is_never_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
