/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c */
/* Which node is asked for the feed, what its answers count for, and that marks go on. */
#include "router/feed/marker.h"
#include "router/feed/reader.h"

#include "base/clock.h"
#include "fake_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOTHING_NEW "{\"line\":\"700|700|0|699|9|%s\"}"
#define SHAPE 77

static const uint64_t ids[] = { 20001 };

struct feed_story {
	struct loop *loop;
	struct topology topology;
	struct metrics *metrics;
	struct feed_shared shared;
	struct feed_env env;
	struct feed_reader reader;
	struct feed_marker marker;
	unsigned as_found, others;
};

static struct pool *story_pool_of(void *arg, unsigned node)
{
	(void)arg;
	return fake_pool(node);
}

static void story_refresh(void *arg)
{
	(void)arg;
}

static void story_on_shape(void *arg, bool as_found)
{
	struct feed_story *story = arg;

	if (as_found)
		story->as_found++;
	else
		story->others++;
}

static void story_topology(struct topology *topology)
{
	topology->count = 3;
	topology->primary = 0;
	topology->primary_position = (struct position){ 1, 1000 };
	for (unsigned i = 0; i < 3; i++) {
		struct node_view *view = &topology->nodes[i];

		view->contact = NODE_REACHED;
		view->role = i ? NODE_REPLICA : NODE_PRIMARY;
		view->in_rotation = i != 0;
		view->position = (struct position){ 1, 1000 };
	}
}

static int begin(void **state)
{
	struct feed_story *story = calloc(1, sizeof(*story));
	static const struct node node;

	assert_non_null(story);
	story->loop = loop_new("story");
	loop_fake_clock(story->loop, US_PER_S);
	story->metrics = metrics_new();
	story_topology(&story->topology);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(pool_new(story->loop, &node, story->metrics, NULL));
	story->env = (struct feed_env){
		.loop = story->loop,
		.topology = &story->topology,
		.metrics = story->metrics,
		.shared = &story->shared,
		.pause_us = 100 * US_PER_MS,
		.pool_of = story_pool_of,
		.refresh = story_refresh,
		.on_shape = story_on_shape,
		.arg = story,
	};
	feed_reader_init(&story->reader, &story->env);
	feed_marker_init(&story->marker, &story->env);
	*state = story;
	return 0;
}

static int end(void **state)
{
	struct feed_story *story = *state;

	feed_reader_fini(&story->reader);
	feed_marker_fini(&story->marker);
	for (unsigned i = 3; i > 0; i--)
		pool_free(fake_pool(i - 1));
	metrics_free(story->metrics);
	loop_free(story->loop);
	free(story);
	return 0;
}

static void pass(struct feed_story *story, int64_t us)
{
	loop_fake_clock(story->loop, loop_now(story->loop) + us);
	loop_turn(story->loop, 0);
}

static void run(struct feed_story *story, uint32_t version)
{
	const struct feed_relations relations = { ids, 1, SHAPE, version };

	feed_reader_run(&story->reader, &relations);
}

/* The node that is asked now. */
static unsigned asked(void)
{
	for (unsigned node = 1; node < 3; node++)
		if (fake_call_of(node, feed_question()))
			return node;
	return 0;
}

static void answer(uint64_t lsn, const char *shape)
{
	char line[80];

	snprintf(line, sizeof(line), NOTHING_NEW, shape);
	assert_true(asked() > 0);
	fake_answer(fake_call_of(asked(), feed_question()), lsn, lsn, line, 1);
}

static void replay(struct feed_story *story, unsigned node, uint64_t lsn)
{
	story->topology.nodes[node].position.lsn = lsn;
}

/* The replica that is read stands still. The other one is a few bytes ahead of it. */
static void a_replica_that_stands_still_is_left(void **state)
{
	struct feed_story *story = *state;

	replay(story, 1, 1100);
	run(story, 1);
	assert_int_equal(asked(), 1);
	answer(1100, "77");
	assert_int_equal(asked(), 1);
	answer(1100, "77");
	pass(story, 100 * US_PER_MS);
	assert_int_equal(asked(), 1);
	replay(story, 2, 1108);
	answer(1100, "77");
	pass(story, 100 * US_PER_MS);
	assert_int_equal(asked(), 2);
}

/* What it has answered itself is newer than what is known of the other. */
static void one_that_keeps_up_stays(void **state)
{
	struct feed_story *story = *state;

	replay(story, 1, 1100);
	run(story, 1);
	answer(1200, "77");
	answer(1200, "77");
	replay(story, 2, 1150);
	pass(story, 100 * US_PER_MS);
	assert_int_equal(asked(), 1);
}

/* Sessions require what the primary had when the process began: no stripe lies below that. */
static void it_begins_no_lower_than_the_primary_was(void **state)
{
	struct feed_story *story = *state;

	replay(story, 1, 700);
	replay(story, 2, 700);
	run(story, 1);
	answer(700, "77");
	assert_int_equal(stripes_state(&story->shared.stripes, ids, 1).timeline, 1);
	assert_int_equal(stripes_state(&story->shared.stripes, ids, 1).touched, 1000);
}

static uint32_t kept_by(const struct feed_story *story)
{
	return atomic_load(&story->shared.version);
}

static void sets_count_while_the_shape_is_theirs(void **state)
{
	struct feed_story *story = *state;

	run(story, 5);
	answer(1000, "77");
	answer(1010, "77");
	assert_int_equal(kept_by(story), 5);
	pass(story, 100 * US_PER_MS);
	answer(1020, "78");
	assert_int_equal(kept_by(story), 0);
	assert_int_equal(story->others, 1);
	assert_int_equal(
		stripes_required(&story->shared.stripes, (struct position){ 1, 1020 }, ids, 1),
		1020);
}

static void an_answer_about_other_relations_says_nothing_of_these(void **state)
{
	struct feed_story *story = *state;

	run(story, 5);
	answer(1000, "77");
	answer(1010, "77");
	pass(story, 100 * US_PER_MS);
	run(story, 6);
	answer(1020, "12345");
	assert_int_equal(story->others, 0);
	pass(story, 100 * US_PER_MS);
	answer(1030, "77");
	assert_int_equal(kept_by(story), 6);
}

/* --- a primary that is started anew ----------------------------------------------------------- */

static void lead_in(struct feed_story *story, uint32_t life)
{
	story->topology.lives =
		(struct lives){ .count = 1, .items = { { .mark = life, .began = 900 } } };
}

/* What was known may be of WAL that an older copy lacks, on the same timeline. */
static void with_another_life_of_the_log_all_begins_anew(void **state)
{
	struct feed_story *story = *state;

	lead_in(story, 5);
	run(story, 5);
	answer(1000, "77");
	answer(1010, "77");
	assert_int_equal(stripes_known(&story->shared.stripes).lsn, 1010);
	assert_int_equal(stripes_life(&story->shared.stripes), 5);
	lead_in(story, 6);
	pass(story, 100 * US_PER_MS);
	assert_false(position_known(stripes_known(&story->shared.stripes)));
	answer(950, "77");
	answer(960, "77");
	assert_int_equal(stripes_known(&story->shared.stripes).lsn, 960);
	assert_int_equal(stripes_life(&story->shared.stripes), 6);
}

/* It was sent in the life before. */
static void an_answer_of_the_life_before_counts_for_nothing(void **state)
{
	struct feed_story *story = *state;

	lead_in(story, 5);
	run(story, 5);
	answer(1000, "77");
	answer(1010, "77");
	pass(story, 100 * US_PER_MS);
	lead_in(story, 6);
	answer(1020, "77");
	assert_int_equal(stripes_known(&story->shared.stripes).lsn, 1010);
}

/* --- the primary ------------------------------------------------------------------------------ */

#define TOUCHED "{\"line\":\"700|700|0|699|9|77|10:20001\"}"

static void answer_of_primary(uint64_t flush, const char *line)
{
	struct call *call = fake_call_of(0, feed_question());

	assert_non_null(call);
	assert_int_equal(asked(), 0);
	fake_answer_primary(call, flush, line, 1);
}

/*
 * No replica can be asked. A commit that the primary has flushed may not be visible yet: so A does
 * not rise, and an answer whose lower bound was where these rows were read may lack them.
 */
static void without_replicas_the_primary_says_what_was_touched(void **state)
{
	struct feed_story *story = *state;

	story->topology.nodes[1].in_rotation = story->topology.nodes[2].in_rotation = false;
	run(story, 5);
	answer_of_primary(1000, "{\"line\":\"700|700|0|699|9|77\"}");
	answer_of_primary(1010, TOUCHED);
	assert_int_equal(stripes_state(&story->shared.stripes, ids, 1).touched, 1011);
	assert_false(position_known(stripes_known(&story->shared.stripes)));
	assert_int_equal(kept_by(story), 5);
}

/* Though it has flushed nothing since: what it had flushed by then is visible now. */
static void rows_that_the_primary_shows_later_are_told_apart(void **state)
{
	struct feed_story *story = *state;

	story->topology.nodes[1].in_rotation = story->topology.nodes[2].in_rotation = false;
	run(story, 5);
	answer_of_primary(1000, "{\"line\":\"700|700|0|699|9|77\"}");
	answer_of_primary(1010, TOUCHED);
	pass(story, 100 * US_PER_MS);
	answer_of_primary(1010, "{\"line\":\"700|700|0|699|9|77|11:20001\"}");
	assert_int_equal(stripes_state(&story->shared.stripes, ids, 1).touched, 1012);
	pass(story, 100 * US_PER_MS);
	answer_of_primary(1010, "{\"line\":\"700|700|0|699|9|77\"}");
	assert_int_equal(stripes_state(&story->shared.stripes, ids, 1).touched, 1012);
}

static void a_replica_that_comes_back_is_asked(void **state)
{
	struct feed_story *story = *state;

	story->topology.nodes[1].in_rotation = story->topology.nodes[2].in_rotation = false;
	run(story, 5);
	answer_of_primary(1000, "{\"line\":\"700|700|0|699|9|77\"}");
	answer_of_primary(1010, TOUCHED);
	story->topology.nodes[2].in_rotation = true;
	pass(story, 100 * US_PER_MS);
	assert_int_equal(asked(), 2);
	answer(1005, "77");
	assert_int_equal(stripes_known(&story->shared.stripes).lsn, 1005);
	assert_int_equal(stripes_state(&story->shared.stripes, ids, 1).touched, 1011);
}

/* --- marks ------------------------------------------------------------------------------------ */

/* The statement of ours that waits at the primary, by its name; it is answered. */
static const char *kept(uint64_t deleted)
{
	struct call *call = fake_call(0, CALL_COMMAND);
	const char *name;
	char row[40];

	if (!call)
		return "nothing";
	name = call->statement->name;
	snprintf(row, sizeof(row), "{\"deleted\":%u}", (unsigned)deleted);
	fake_commit(call, 1000, true, strcmp(name, "feed.mark") ? row : "{\"marked\":true}", 1);
	return name;
}

struct sent {
	unsigned marks, sweeps;
};

/* What the marker sends in so many rounds with that pause; each sweep deletes so many rows. */
static struct sent mark(struct feed_story *story, unsigned rounds, int64_t pause_us,
			uint64_t deleted)
{
	struct sent sent = { 0, 0 };

	feed_marker_run(&story->marker);
	for (unsigned i = 0; i < rounds; i++) {
		const char *name;

		pass(story, pause_us);
		name = kept(deleted);
		sent.marks += strcmp(name, "feed.mark") == 0;
		sent.sweeps += strcmp(name, "feed.sweep") == 0;
	}
	return sent;
}

static void marks_are_written_while_a_backlog_is_deleted(void **state)
{
	struct sent sent = mark(*state, 1000, 10 * US_PER_MS, 10000);

	/* Ten seconds. */
	assert_in_range(sent.marks, 9, 11);
	assert_in_range(sent.sweeps, 100, 1000);
}

static void without_one_rows_are_deleted_once_a_minute(void **state)
{
	struct sent sent = mark(*state, 1200, 100 * US_PER_MS, 9999);

	assert_in_range(sent.marks, 100, 120);
	assert_in_range(sent.sweeps, 2, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_replica_that_stands_still_is_left),
		TEST(it_begins_no_lower_than_the_primary_was),
		TEST(one_that_keeps_up_stays),
		TEST(sets_count_while_the_shape_is_theirs),
		TEST(an_answer_about_other_relations_says_nothing_of_these),
		TEST(with_another_life_of_the_log_all_begins_anew),
		TEST(an_answer_of_the_life_before_counts_for_nothing),
		TEST(without_replicas_the_primary_says_what_was_touched),
		TEST(rows_that_the_primary_shows_later_are_told_apart),
		TEST(a_replica_that_comes_back_is_asked),
		TEST(marks_are_written_while_a_backlog_is_deleted),
		TEST(without_one_rows_are_deleted_once_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
