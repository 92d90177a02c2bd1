/* SPDX-License-Identifier: Apache-2.0 */
/* links: feed_story.c feed_model.c feed_xmax.c */
/* The feed, while anything may happen to the transactions that it reads of. */
#include "feed_story.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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
	model_answer(&model, &feed, lower, at, upper, below(walk, 3) ? FEED_ALL : 2, &answer);
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
	(void)feed_set_up(NULL);
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
		(void)take_of(&feed_right, model.lsn, FEED_ALL, &loss);
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
		assert_int_equal(walk_by(&walk, &feed_right, seed), STEPS);
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
#define TEST(name) cmocka_unit_test_setup(name, feed_set_up)
	const struct CMUnitTest tests[] = {
		TEST(whatever_happens_no_row_is_missed),
		TEST(closed_by_xmax_the_same_walks_miss_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
