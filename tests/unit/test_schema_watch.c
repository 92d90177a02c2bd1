/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c */
/* Stamps of the schema: what is kept behind a change, and from when on. */
#include "router/schema_watch.h"

#include "base/clock.h"
#include "fake_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ONE "{\"stamp\":-71}"
#define OTHER "{\"stamp\":35}"
#define OF_ROLES "{\"stamp\":35,\"roles\":1}"
#define OTHER_BUT_ROLES "{\"stamp\":36,\"roles\":1}"
#define OF_OTHER_ROLES "{\"stamp\":37,\"roles\":12}"
#define TICK_US (2 * US_PER_S)

static const uint64_t tag = 20001;

struct schema_story {
	struct loop *loop;
	struct topology topology;
	struct metrics *metrics;
	struct feed_shared shared;
	struct feed_env env;
	struct schema_watch watch;
	unsigned changes;
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

static void story_on_change(void *arg)
{
	struct schema_story *story = arg;

	story->changes++;
}

static void pass(struct schema_story *story, int64_t us)
{
	loop_fake_clock(story->loop, loop_now(story->loop) + us);
	loop_turn(story->loop, 0);
}

static int begin(void **state)
{
	struct schema_story *story = calloc(1, sizeof(*story));
	static const struct node node;

	assert_non_null(story);
	story->loop = loop_new("story");
	loop_fake_clock(story->loop, US_PER_S);
	story->metrics = metrics_new();
	story->topology.count = 2;
	story->topology.primary_position = (struct position){ 1, 900 };
	for (unsigned i = 0; i < 2; i++)
		assert_non_null(pool_new(story->loop, &node, story->metrics, NULL));
	story->env = (struct feed_env){
		.loop = story->loop,
		.topology = &story->topology,
		.metrics = story->metrics,
		.shared = &story->shared,
		.pool_of = story_pool_of,
		.refresh = story_refresh,
	};
	story->watch = (struct schema_watch){ .env = &story->env,
					      .on_change = story_on_change,
					      .arg = story };
	schema_watch_init(&story->watch);
	stripes_begin(&story->shared.stripes, (struct position){ 1, 100 });
	schema_watch_run(&story->watch);
	pass(story, 0);
	*state = story;
	return 0;
}

static int end(void **state)
{
	struct schema_story *story = *state;

	schema_watch_fini(&story->watch);
	assert_false(stripes_in_doubt(&story->shared.stripes, tag));
	for (unsigned i = 2; i > 0; i--)
		pool_free(fake_pool(i - 1));
	metrics_free(story->metrics);
	loop_free(story->loop);
	free(story);
	return 0;
}

static struct call *question(unsigned node)
{
	return fake_call_of(node, schema_stamp());
}

static void answer(const char *stamp, uint64_t lsn)
{
	struct call *call = question(0);

	assert_non_null(call);
	fake_answer_primary(call, lsn, stamp, 1);
}

static bool in_doubt(const struct schema_story *story)
{
	return stripes_in_doubt(&story->shared.stripes, tag);
}

static uint64_t touched(const struct schema_story *story)
{
	return stripes_state(&story->shared.stripes, &tag, 1).touched;
}

/* Until it is sure of that stamp. */
static void know(struct schema_story *story, const char *stamp, uint64_t lsn)
{
	answer(stamp, lsn);
	schema_watch_asked(&story->watch);
	pass(story, 0);
	answer(stamp, lsn);
	assert_false(in_doubt(story));
}

static void changes_of_roles_are_told_apart(void **state)
{
	struct schema_story *story = *state;
	struct feed_shared *shared = &story->shared;

	assert_int_equal(shared->roles, 0);
	know(story, OF_ROLES, 300);
	assert_int_equal(shared->roles, 1);
	assert_int_equal(shared->roles_timeline, 1);
	pass(story, TICK_US);
	know(story, OTHER_BUT_ROLES, 400);
	assert_int_equal(shared->roles, 1);
	assert_int_equal(shared->roles_lsn, 300);
	pass(story, TICK_US);
	know(story, OF_OTHER_ROLES, 500);
	assert_int_equal(shared->roles, 2);
	assert_int_equal(shared->roles_lsn, 500);
}

static void nothing_is_kept_before_the_stamp_is_known(void **state)
{
	struct schema_story *story = *state;

	assert_true(in_doubt(story));
	assert_true(schema_watch_waits(&story->watch));
	answer(ONE, 1000);
	assert_false(schema_watch_waits(&story->watch));
	assert_int_equal(story->changes, 1);
	assert_true(in_doubt(story));
	schema_watch_asked(&story->watch);
	assert_true(in_doubt(story));
	pass(story, 0);
	answer(ONE, 1100);
	assert_false(in_doubt(story));
	assert_int_equal(touched(story), 1100);
}

static void as_long_as_it_is_the_same_nothing_is_touched(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	for (unsigned i = 0; i < 10; i++) {
		pass(story, TICK_US);
		answer(ONE, 2000 + i);
		assert_false(in_doubt(story));
	}
	assert_int_equal(touched(story), 1000);
	assert_int_equal(story->changes, 1);
}

static void another_one_touches_all_up_to_where_the_next_was_read(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	pass(story, TICK_US);
	answer(OTHER, 2000);
	assert_true(in_doubt(story));
	assert_int_equal(story->changes, 2);
	/* What statements read is not known yet. */
	pass(story, TICK_US);
	answer(OTHER, 2100);
	assert_true(in_doubt(story));
	schema_watch_asked(&story->watch);
	pass(story, 0);
	answer(OTHER, 2200);
	assert_false(in_doubt(story));
	assert_int_equal(touched(story), 2200);
}

static void a_change_meanwhile_is_another_one(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	pass(story, TICK_US);
	answer(OTHER, 2000);
	schema_watch_asked(&story->watch);
	pass(story, 0);
	answer(ONE, 2200);
	assert_true(in_doubt(story));
	assert_int_equal(story->changes, 3);
	schema_watch_asked(&story->watch);
	pass(story, 0);
	answer(ONE, 2300);
	assert_false(in_doubt(story));
	assert_int_equal(touched(story), 2300);
}

static void a_stamp_that_was_on_its_way_proves_nothing(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	pass(story, TICK_US);
	answer(OTHER, 2000);
	pass(story, TICK_US);
	assert_non_null(question(0));
	schema_watch_asked(&story->watch);
	answer(OTHER, 2100);
	assert_true(in_doubt(story));
	pass(story, 0);
	answer(OTHER, 2200);
	assert_false(in_doubt(story));
	assert_int_equal(touched(story), 2200);
}

static void what_statements_read_may_be_asked_without_a_change(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	schema_watch_asked(&story->watch);
	pass(story, 0);
	assert_null(question(0));
	assert_false(in_doubt(story));
}

static void on_another_timeline_it_is_another_one(void **state)
{
	struct schema_story *story = *state;

	know(story, OF_ROLES, 1000);
	pass(story, TICK_US);
	story->topology.primary_position = (struct position){ 2, 1500 };
	answer(OF_ROLES, 1600);
	assert_true(in_doubt(story));
	assert_int_equal(story->changes, 2);
	stripes_begin(&story->shared.stripes, (struct position){ 2, 1400 });
	schema_watch_asked(&story->watch);
	pass(story, 0);
	answer(OF_ROLES, 1700);
	assert_false(in_doubt(story));
	assert_int_equal(touched(story), 1700);
	assert_int_equal(story->shared.roles, 1);
}

/* Tags that begin later have their base where it was read. */
static void a_change_counts_though_nothing_was_known_then(void **state)
{
	struct schema_story *story = *state;

	stripes_forget(&story->shared.stripes);
	know(story, ONE, 1000);
	stripes_begin(&story->shared.stripes, (struct position){ 1, 800 });
	assert_int_equal(touched(story), 1000);
}

static void an_answer_of_who_is_no_primary_any_more_is_none(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	pass(story, TICK_US);
	story->topology.primary = 1;
	answer(OTHER, 2000);
	assert_int_equal(story->changes, 1);
	assert_false(in_doubt(story));
	pass(story, US_PER_S);
	assert_null(question(0));
	assert_non_null(question(1));
	fake_answer_primary(question(1), 2000, OTHER, 1);
	assert_int_equal(story->changes, 2);
}

static void what_is_lost_is_asked_again(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	pass(story, TICK_US);
	fake_lost(question(0), CALL_LOST, "connection lost");
	assert_false(in_doubt(story));
	story->topology.primary = -1;
	pass(story, US_PER_S);
	assert_null(question(0));
	story->topology.primary = 0;
	pass(story, US_PER_S);
	answer(OTHER, 2000);
	assert_true(in_doubt(story));
}

/* Answers are kept all the same: what is said in the log is what remains. */
static void where_it_may_not_be_read_answers_are_kept_without(void **state)
{
	struct schema_story *story = *state;

	for (unsigned i = 0; i < 3; i++) {
		assert_true(in_doubt(story));
		assert_true(schema_watch_waits(&story->watch));
		fake_error(question(0), "42501", "permission denied for table pg_policy");
		pass(story, US_PER_S);
	}
	assert_false(in_doubt(story));
	assert_false(schema_watch_waits(&story->watch));
	assert_int_equal(story->changes, 1);
	assert_int_equal(touched(story), 900);
	assert_null(question(0));
	pass(story, 60 * US_PER_S);
	fake_error(question(0), "42501", "permission denied for table pg_policy");
	assert_false(in_doubt(story));
	pass(story, 60 * US_PER_S);
	know(story, ONE, 1000);
	assert_int_equal(touched(story), 1000);
}

static void an_error_that_passes_is_none(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	for (unsigned i = 0; i < 4; i++) {
		pass(story, TICK_US);
		fake_error(question(0), "57014", "canceling statement due to statement timeout");
		pass(story, US_PER_S);
		answer(ONE, 1100);
		assert_false(in_doubt(story));
	}
	assert_int_equal(story->changes, 1);
	assert_int_equal(touched(story), 1000);
}

/* Of the time of the connections it takes a fiftieth at most. */
static void a_stamp_that_takes_long_is_read_more_rarely(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	pass(story, TICK_US);
	question(0)->sent_us = loop_now(story->loop);
	pass(story, 100 * US_PER_MS);
	answer(ONE, 1000);
	pass(story, 4 * US_PER_S);
	assert_null(question(0));
	pass(story, US_PER_S);
	assert_non_null(question(0));
}

static void it_is_stopped_and_begins_anew(void **state)
{
	struct schema_story *story = *state;

	know(story, ONE, 1000);
	pass(story, TICK_US);
	schema_watch_stop(&story->watch);
	pass(story, TICK_US);
	assert_null(question(0));
	assert_false(in_doubt(story));
	schema_watch_run(&story->watch);
	assert_true(in_doubt(story));
	pass(story, 0);
	know(story, ONE, 3000);
	assert_int_equal(touched(story), 3000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(changes_of_roles_are_told_apart),
		TEST(nothing_is_kept_before_the_stamp_is_known),
		TEST(as_long_as_it_is_the_same_nothing_is_touched),
		TEST(another_one_touches_all_up_to_where_the_next_was_read),
		TEST(a_change_meanwhile_is_another_one),
		TEST(a_stamp_that_was_on_its_way_proves_nothing),
		TEST(what_statements_read_may_be_asked_without_a_change),
		TEST(on_another_timeline_it_is_another_one),
		TEST(a_change_counts_though_nothing_was_known_then),
		TEST(an_answer_of_who_is_no_primary_any_more_is_none),
		TEST(what_is_lost_is_asked_again),
		TEST(where_it_may_not_be_read_answers_are_kept_without),
		TEST(an_error_that_passes_is_none),
		TEST(a_stamp_that_takes_long_is_read_more_rarely),
		TEST(it_is_stopped_and_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
