/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c health_story.c */
/* What is asked of a second node: after the first has failed, or while it is late; and who pays. */
#include "health_story.h"

#include "base/clock.h"
#include "read/hedge.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void a_query_is_tried_on_two_nodes_and_no_more(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	begin(scene);
	ask(scene, &asked, "order");
	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_LOST, "the connection was lost");
	scene_pass(scene, 5 * US_PER_MS);

	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_LOST, "the connection was lost");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_NO_REPLICA);
}

/* Both replicas have answered something. Returns how many queries that took. */
static unsigned both_answer(struct scene *scene)
{
	unsigned asked_of = 0, count = 0;

	for (; asked_of != (1u << 1 | 1u << 2); count++) {
		struct asked asked;

		ask(scene, &asked, "order");
		asked_of |= 1u << asked_node();
		answer(asked_node());
		asked_free(&asked);
	}
	return count;
}

/* Of so many queries that fail at one replica, those that the other one is not asked for. Counts
 * all that were asked. */
static unsigned conflicts_refused(struct scene *scene, unsigned conflicts, unsigned *count)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < conflicts; i++) {
		struct asked asked;

		ask(scene, &asked, "order");
		fake_call(asked_node(), CALL_QUERY)->in_recovery = true;
		fake_error(fake_call(asked_node(), CALL_QUERY), "40001", "conflict with recovery");
		if (!asked.done)
			scene_pass(scene, 5 * US_PER_MS);
		failed += asked.done;
		if (!asked.done)
			answer(asked_node());
		asked_free(&asked);
		*count += 1 + both_answer(scene);
	}
	return failed;
}

/* Conflicts all the time, and answers in between: no more than a tenth of what was asked, and of
 * the reserves what a second or two give. Ten seconds' worth would be 20 more. */
static void retries_stop_where_the_budget_ends(void **state)
{
	struct scene *scene = *state;
	unsigned failed, count = 0;

	begin(scene);
	failed = conflicts_refused(scene, 100, &count);

	assert_in_range(100 - failed, count / 20, count / 11 + 6);
	assert_true(metrics_sum(METRIC_retries_refused_total) == failed);
}

/* Else an overload would feed on itself. */
static void what_is_refused_for_want_of_room_earns_no_retries(void **state)
{
	struct scene *scene = *state;
	unsigned failed, count = 0;

	begin(scene);
	fake_full(1, true);
	fake_full(2, true);
	for (unsigned i = 0; i < 1000; i++) {
		struct asked asked;

		ask(scene, &asked, "order");
		assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_FULL);
		asked_free(&asked);
	}
	fake_full(1, false);
	fake_full(2, false);
	failed = conflicts_refused(scene, 100, &count);

	assert_in_range(100 - failed, count / 20, count / 11 + 6);
}

/* Where the other fails as well, a second pays for no more than its own part of the reserve. */
static void of_nodes_in_trouble_no_second_pays_for_ten(void **state)
{
	struct scene *scene = *state;

	begin(scene);
	for (unsigned i = 0; i < 20; i++) {
		struct asked asked;

		ask(scene, &asked, "order");
		for (unsigned tries = 0; tries < 2 && !asked.done; tries++) {
			fake_call(asked_node(), CALL_QUERY)->in_recovery = true;
			fake_error(fake_call(asked_node(), CALL_QUERY), "40001",
				   "conflict with recovery");
			scene_pass(scene, 5 * US_PER_MS);
		}
		assert_true(asked.done);
		asked_free(&asked);
	}
	assert_in_range(20 - metrics_sum(METRIC_retries_refused_total), 1, 6);
}

static void what_never_left_or_came_too_early_is_no_retry(void **state)
{
	struct scene *scene = *state;

	begin(scene);
	for (unsigned i = 0; i < 60; i++) {
		struct asked asked;

		ask(scene, &asked, "order");
		fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_UNSENT, "no conn was there");
		answer(asked_node());
		assert_int_equal(asked.request->outcome, OUTCOME_OK);
		asked_free(&asked);
	}
	assert_true(metrics_sum(METRIC_retries_refused_total) == 0);
}

static void hedge(struct scene *scene, unsigned earned)
{
	begin(scene);
	scene->options.hedge = 1;
	while (earned--) {
		struct asked asked;

		ask(scene, &asked, "order");
		answer(asked_node());
		asked_free(&asked);
	}
	for (unsigned i = 0; i < scene->catalog->count; i++)
		atomic_store(&scene->catalog->operations[i].statement->late_us, 20 * US_PER_MS);
}

static void a_late_query_is_asked_of_a_second_replica_and_the_first_answer_counts(void **state)
{
	struct scene *scene = *state;

	for (unsigned second = 0; second < 2; second++) {
		struct asked asked;
		unsigned node;

		hedge(scene, 200);
		ask(scene, &asked, "order");
		node = asked_node();
		pass_slowly(scene, 10 * US_PER_MS);
		assert_null(fake_call(3 - node, CALL_QUERY));
		pass_slowly(scene, 10 * US_PER_MS);
		assert_non_null(fake_call(node, CALL_QUERY));
		assert_non_null(fake_call(3 - node, CALL_QUERY));

		answer(second ? 3 - node : node);

		assert_int_equal(asked.done, 1);
		assert_int_equal(asked.request->outcome, OUTCOME_OK);
		assert_int_equal(asked.request->out.len, strlen("{\"data\":{\"id\":7}}"));
		assert_string_equal(asked.request->node,
				    scene->nodes[second ? 3 - node : node].name);
		assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
		asked_free(&asked);
		scene_anew(scene);
	}
}

static void the_second_replica_has_to_prove_as_the_first(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	hedge(scene, 200);
	ask(scene, &asked, "order");
	node = asked_node();
	pass_slowly(scene, 20 * US_PER_MS);

	fake_answer(fake_call(3 - node, CALL_QUERY), 999, 999, "{\"id\":1}", 1);

	assert_int_equal(asked.done, 0);
	answer(node);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_int_equal(asked.request->out.len, strlen("{\"data\":{\"id\":7}}"));
}

static void hedges_have_to_be_earned(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	hedge(scene, 20);
	ask(scene, &asked, "order");
	pass_slowly(scene, 40 * US_PER_MS);

	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	answer(asked_node());
}

static void a_large_result_is_never_asked_for_twice(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	hedge(scene, 200);
	scene->options.stream_conns = 1;
	scene->options.stream_bytes_max = 1 << 30;
	scene_ask(scene, &asked, REQUEST_QUERY, "orders", NULL);
	asked.request->user = asked.request->user_key = (struct text){ 0 };
	asked.request->may_stream = true;
	scene_take(scene, &asked);
	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_TOO_LARGE, NULL);
	assert_non_null(fake_call(asked_node(), CALL_QUERY)->on_rows);
	assert_false(fake_call(asked_node(), CALL_QUERY)->cancels);

	pass_slowly(scene, 40 * US_PER_MS);

	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	fake_answer(fake_call(asked_node(), CALL_QUERY), SCENE_LSN, 1001, "{\"id\":1}", 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

static void without_the_option_nobody_is_asked_twice(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	hedge(scene, 200);
	scene->options.hedge = 0;
	ask(scene, &asked, "order");
	pass_slowly(scene, 40 * US_PER_MS);

	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	answer(asked_node());
}

static void what_is_late_is_later_than_nineteen_of_twenty(void **state)
{
	struct statement statement = { 0 };
	struct random random;

	random_init(&random, 1);
	assert_int_equal(hedge_due_us(&statement), 0);
	for (unsigned i = 0; i < 20000; i++)
		hedge_learn(&statement, (int64_t)random_below(&random, 1000 * US_PER_MS));
	assert_in_range(hedge_due_us(&statement), 850 * US_PER_MS, 1000 * US_PER_MS);
	/* Faster by now: found out, if slowly. */
	for (unsigned i = 0; i < 2000; i++)
		hedge_learn(&statement, (int64_t)random_below(&random, 10 * US_PER_MS));
	assert_in_range(hedge_due_us(&statement), 7 * US_PER_MS, 12 * US_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(a_query_is_tried_on_two_nodes_and_no_more),
		SCENE_STORY(retries_stop_where_the_budget_ends),
		SCENE_STORY(what_is_refused_for_want_of_room_earns_no_retries),
		SCENE_STORY(of_nodes_in_trouble_no_second_pays_for_ten),
		SCENE_STORY(what_never_left_or_came_too_early_is_no_retry),
		SCENE_STORY(a_late_query_is_asked_of_a_second_replica_and_the_first_answer_counts),
		SCENE_STORY(the_second_replica_has_to_prove_as_the_first),
		SCENE_STORY(hedges_have_to_be_earned),
		SCENE_STORY(a_large_result_is_never_asked_for_twice),
		SCENE_STORY(without_the_option_nobody_is_asked_twice),
		SCENE_STORY(what_is_late_is_later_than_nineteen_of_twenty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
