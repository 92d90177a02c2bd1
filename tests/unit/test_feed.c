/* SPDX-License-Identifier: Apache-2.0 */
/* links: feed_model.c feed_xmax.c */
/* The feed: rows out of order, rollbacks, marks, deletions and promotions, against a model. */
#include "feed_model.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL 1000

static struct model model;
static struct stripes stripes;
static struct feed feed;

static int set_up(void **state)
{
	(void)state;
	model_init(&model);
	memset(&stripes, 0, sizeof(stripes));
	feed_init(&feed, &stripes);
	return 0;
}

static enum feed_next take_of(const struct feed_build *build, uint64_t at, unsigned rows_max,
			      enum feed_loss *loss)
{
	struct feed_answer answer;

	model_answer(&model, &feed, at, at, at, rows_max, &answer);
	return build->take(&feed, &answer, loss);
}

static const struct feed_build right = { feed_init, feed_take };

/* All that there is now. */
static enum feed_loss take(void)
{
	enum feed_loss loss;

	(void)take_of(&right, model.lsn, ALL, &loss);
	return loss;
}

static void begin(void)
{
	(void)model_mark(&model, true);
	(void)take();
	assert_int_equal(feed.state, FEED_FOLLOWING);
	(void)take();
}

static struct model_transaction *write_row(uint64_t tag)
{
	struct model_transaction *transaction = model_begin(&model, tag);

	model_take_id(&model, transaction);
	return transaction;
}

static void commit_row(uint64_t tag)
{
	model_end(&model, write_row(tag), true);
}

static uint64_t required(uint64_t tag)
{
	return stripes_required(&stripes, stripes_known(&stripes), &tag, 1);
}

static void assert_nothing_missed(void)
{
	assert_null(model_missed(&model, &stripes));
}

/* --- one thing each --------------------------------------------------------------------------- */

static void nothing_is_known_before_there_is_a_mark(void **state)
{
	enum feed_loss loss;

	(void)state;
	commit_row(5);
	assert_int_equal(take_of(&right, model.lsn, ALL, &loss), FEED_NEXT_MARK);
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
	assert_int_equal(take_of(&right, model.lsn, ALL, &loss), FEED_NEXT_MARK);
	model_end(&model, old, true);
	assert_int_equal(take_of(&right, model.lsn, ALL, &loss), FEED_NEXT_MORE);
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
	assert_int_equal(set_up(NULL), 0);
	(void)model_mark(&model, true);
	model.transactions[0].mark_id = 1;
	(void)take();
	first = write_row(7);
	model_end(&model, first, true);
	model_answer(&model, &feed, model.lsn, model.lsn, model.lsn, ALL, &answer);
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
	assert_int_equal(take_of(&right, model.lsn, 2, &loss), FEED_NEXT_MORE);
	assert_int_equal(stripes_known(&stripes).lsn, before);
	assert_int_equal(take_of(&right, model.lsn, 2, &loss), FEED_NEXT_MORE);
	assert_int_equal(take_of(&right, model.lsn, 2, &loss), FEED_NEXT_WAIT);
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
	assert_int_equal(take_of(&right, behind, ALL, &loss), FEED_NEXT_WAIT);
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

static void too_many_gaps_empty_it(void **state)
{
	(void)state;
	begin();
	model.last_id += FEED_GAPS_MAX;
	commit_row(7);
	assert_int_equal(take(), FEED_KEPT);
	assert_int_equal(feed.gaps_count, FEED_GAPS_MAX);
	model.last_id++;
	commit_row(7);
	assert_int_equal(take(), FEED_GAPS);
	(void)model_mark(&model, true);
	(void)take();
	(void)take();
	assert_int_equal(feed.gaps_count, 0);
	assert_nothing_missed();
}

static void a_row_without_tags_touches_all(void **state)
{
	struct feed_row row = { .id = 1 };
	struct feed_answer answer;
	enum feed_loss loss;

	(void)state;
	begin();
	commit_row(7);
	model_answer(&model, &feed, model.lsn, model.lsn, model.lsn, ALL, &answer);
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
	(void)take_of(build, model.lsn, ALL, &loss);
	(void)take_of(build, model.lsn, ALL, &loss);
	a = model_begin(&model, 8);
	b = model_begin(&model, 7);
	model_take_id(&model, b);
	model_take_id(&model, a);
	model_end(&model, a, true);
	(void)take_of(build, model.lsn, ALL, &loss);
	(void)take_of(build, model.lsn, ALL, &loss);
	model_end(&model, b, true);
	(void)take_of(build, model.lsn, ALL, &loss);
}

static void a_gap_stays_open_for_an_xid_at_the_xmax_of_its_snapshot(void **state)
{
	(void)state;
	commit_a_beside_b(&right);
	assert_nothing_missed();
	assert_int_equal(required(7), model.lsn);
}

static void closed_by_xmax_a_row_is_never_seen(void **state)
{
	(void)state;
	commit_a_beside_b(&feed_xmax);
	assert_non_null(model_missed(&model, &stripes));
}

/* --- everything at once ----------------------------------------------------------------------- */

enum { RUNNING_MAX = 12, STEPS = 1500, TAGS = 40 };

struct walk {
	struct random random;
	struct model_transaction *running[RUNNING_MAX];
	unsigned running_count;
	uint64_t replayed[2]; /* by two standbys */
	unsigned losses[FEED_LOSSES];
};

static unsigned below(struct walk *walk, unsigned limit)
{
	return (unsigned)random_below(&walk->random, limit);
}

static void walk_begin_one(struct walk *walk)
{
	struct model_transaction *transaction;

	if (walk->running_count == RUNNING_MAX)
		return;
	transaction = below(walk, 6) == 0 ? model_mark(&model, false)
					  : model_begin(&model, 1 + below(walk, TAGS));
	walk->running[walk->running_count++] = transaction;
}

static void walk_move_one(struct walk *walk)
{
	struct model_transaction *transaction;
	unsigned which;

	if (!walk->running_count)
		return;
	which = below(walk, walk->running_count);
	transaction = walk->running[which];
	if (transaction->mark_id < 0 && !transaction->id && below(walk, 4)) {
		model_take_id(&model, transaction);
		return;
	}
	model_end(&model, transaction, below(walk, 5) != 0);
	walk->running[which] = walk->running[--walk->running_count];
}

static void walk_promote(struct walk *walk)
{
	uint64_t fork = model.lsn - below(walk, 20);

	if (fork < model_swept_at(&model) || fork <= 1000)
		return;
	model_promote(&model, fork);
	walk->running_count = 0;
	walk->replayed[0] = walk->replayed[1] = model.lsn;
}

/* A standby that is restarted shows less than it did. */
static void walk_replay(struct walk *walk)
{
	uint64_t *replayed = &walk->replayed[below(walk, 2)];
	uint64_t ahead = model.lsn - *replayed;

	if (below(walk, 30) == 0 && *replayed > 1010)
		*replayed -= below(walk, 10);
	else if (ahead)
		*replayed += 1 + random_below(&walk->random, ahead);
}

static void walk_take(struct walk *walk, const struct feed_build *build)
{
	uint64_t lower = walk->replayed[below(walk, 2)], at = lower, upper;
	struct feed_answer answer;
	enum feed_loss loss;

	if (at < model.lsn)
		at += below(walk, 2);
	upper = at + below(walk, 2);
	model_answer(&model, &feed, lower, at, upper, below(walk, 3) ? ALL : 2, &answer);
	(void)build->take(&feed, &answer, &loss);
	walk->losses[loss]++;
}

static void walk_step(struct walk *walk, const struct feed_build *build)
{
	unsigned what = below(walk, 100);

	if (what < 25)
		walk_begin_one(walk);
	else if (what < 60)
		walk_move_one(walk);
	else if (what < 75)
		walk_replay(walk);
	else if (what < 98)
		walk_take(walk, build);
	else if (below(walk, 4))
		model_sweep(&model);
	else if (below(walk, 4) == 0)
		walk_promote(walk);
}

/* The step at which a row was missed; STEPS: none was. */
static unsigned walk_by(struct walk *walk, const struct feed_build *build, uint64_t seed)
{
	(void)set_up(NULL);
	*walk = (struct walk){ .replayed = { 1000, 1000 } };
	random_init(&walk->random, seed);
	for (unsigned step = 0; step < STEPS; step++) {
		walk_step(walk, build);
		if (model_missed(&model, &stripes))
			return step;
	}
	return STEPS;
}

static void walk_to_rest(struct walk *walk)
{
	enum feed_loss loss;

	while (walk->running_count)
		model_end(&model, walk->running[--walk->running_count], true);
	(void)model_mark(&model, true);
	for (unsigned i = 0; i < 3; i++)
		(void)take_of(&right, model.lsn, ALL, &loss);
	assert_int_equal(stripes_known(&stripes).lsn, model.lsn);
	assert_int_equal(feed.gaps_count, 0);
	assert_nothing_missed();
}

static void whatever_happens_no_row_is_missed(void **state)
{
	unsigned losses[FEED_LOSSES] = { 0 };
	uint64_t by_row = 0, by_mark = 0;
	struct walk walk;

	(void)state;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		assert_int_equal(walk_by(&walk, &right, seed), STEPS);
		walk_to_rest(&walk);
		for (unsigned i = 0; i < FEED_LOSSES; i++)
			losses[i] += walk.losses[i];
		by_row += feed.closed_by_row;
		by_mark += feed.closed_by_mark;
	}
	/* It has met what it is to be tried by. */
	assert_true(losses[FEED_TIMELINE] > 10);
	assert_true(losses[FEED_FLOOR] > 10);
	assert_true(by_row > 1000);
	assert_true(by_mark > 1000);
}

static void closed_by_xmax_the_same_walks_miss_rows(void **state)
{
	struct walk walk;
	unsigned missed = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		missed += walk_by(&walk, &feed_xmax, seed) < STEPS;
	assert_true(missed > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
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
		TEST(too_many_gaps_empty_it),
		TEST(a_row_without_tags_touches_all),
		TEST(a_gap_stays_open_for_an_xid_at_the_xmax_of_its_snapshot),
		TEST(closed_by_xmax_a_row_is_never_seen),
		TEST(whatever_happens_no_row_is_missed),
		TEST(closed_by_xmax_the_same_walks_miss_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
