/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c health_story.c */
/* A loop and nodes that fail or fall silent: who is asked instead, and who is left alone. */
#include "health_story.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static double opened(void)
{
	return metrics_sum(METRIC_breaker_state);
}

/* Of so many queries, those that node 1 gets. */
static unsigned share_of_replica(struct scene *scene, unsigned count)
{
	unsigned got = 0;

	while (count--) {
		struct asked asked;

		ask(scene, &asked, "order");
		got += asked_node() == 1;
		answer(asked_node());
		asked_free(&asked);
	}
	return got;
}

static void a_replica_that_refuses_five_times_is_left_alone_until_a_probe_is_answered(void **state)
{
	struct scene *scene = *state;

	begin(scene);
	break_replica(scene, "53200");
	assert_true(opened() == 1);
	assert_int_equal(share_of_replica(scene, 50), 0);
	scene_pass(scene, US_PER_S - 10 * US_PER_MS);
	assert_null(fake_call(1, CALL_PROBE));

	scene_pass(scene, 10 * US_PER_MS);

	/* Half open: the probe, and nobody else. */
	assert_non_null(fake_call(1, CALL_PROBE));
	assert_int_equal(share_of_replica(scene, 50), 0);
	fake_answer(fake_call(1, CALL_PROBE), SCENE_LSN, SCENE_LSN, NULL, 0);
	assert_true(opened() == 0);
	assert_in_range(share_of_replica(scene, 400), 1, 60);
	scene_pass(scene, BREAKER_RAMP_US);
	assert_in_range(share_of_replica(scene, 400), 120, 280);
}

static void a_probe_without_an_answer_is_given_up_by_its_own_deadline(void **state)
{
	struct scene *scene = *state;

	begin(scene);
	break_replica(scene, "53200");
	scene_pass(scene, US_PER_S);
	assert_non_null(fake_call(1, CALL_PROBE));

	scene_pass(scene, 500 * US_PER_MS);

	assert_null(fake_call(1, CALL_PROBE));
	assert_true(opened() == 1);
	scene_pass(scene, 2 * US_PER_S);
	assert_non_null(fake_call(1, CALL_PROBE));
	fake_answer(fake_call(1, CALL_PROBE), SCENE_LSN, SCENE_LSN, NULL, 0);
	assert_true(opened() == 0);
}

/* All conns are with slow queries: the probe finds none, and the monitor has its own. */
static void break_and_leave_the_probe_no_conn(struct scene *scene)
{
	begin(scene);
	break_replica(scene, "53200");
	scene_pass(scene, US_PER_S);
	scene_pass(scene, 100 * US_PER_MS);
	fake_call(1, CALL_PROBE)->refusal = REFUSAL_EXPIRED;
	fake_unsent(fake_call(1, CALL_PROBE), "waited too long for a connection");
}

static void a_probe_that_no_conn_takes_leaves_it_to_the_monitor(void **state)
{
	struct scene *scene = *state;

	break_and_leave_the_probe_no_conn(scene);
	scene->topology.nodes[1].seen_us = loop_now(scene->loop);
	scene_publish_unseen(scene);
	assert_true(opened() == 1);

	scene_pass(scene, 400 * US_PER_MS);

	assert_true(opened() == 0);
}

static void a_probe_that_no_conn_takes_proves_nothing_of_a_node_the_monitor_misses(void **state)
{
	struct scene *scene = *state;

	break_and_leave_the_probe_no_conn(scene);

	scene_pass(scene, 400 * US_PER_MS);

	assert_true(opened() == 1);
	scene_pass(scene, 2 * US_PER_S);
	assert_non_null(fake_call(1, CALL_PROBE));
	fake_answer(fake_call(1, CALL_PROBE), SCENE_LSN, SCENE_LSN, NULL, 0);
}

static void errors_of_the_application_never_count(void **state)
{
	struct scene *scene = *state;
	static const char *const sqlstates[] = { "22012", "23505", "42P01",
						 "P0001", "57014", "40001" };

	for (size_t i = 0; i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++) {
		begin(scene);
		break_replica(scene, sqlstates[i]);
		assert_true(opened() == 0);
		scene_anew(scene);
	}
}

static void the_monitor_that_sees_a_node_return_closes_its_breaker(void **state)
{
	struct scene *scene = *state;

	begin(scene);
	break_replica(scene, "57P01");
	assert_true(opened() == 1);
	scene_lose(scene, 1);
	scene_publish(scene);

	scene_find(scene, 1);
	scene_publish(scene);

	assert_true(opened() == 0);
	assert_in_range(share_of_replica(scene, 400), 1, 60);
	scene_pass(scene, BREAKER_RAMP_US);
	assert_in_range(share_of_replica(scene, 400), 120, 280);
}

static enum outcome place(struct scene *scene, const char *lost, int64_t *retry_after_us)
{
	struct asked asked;
	enum outcome outcome;

	scene_ask(scene, &asked, REQUEST_COMMAND, "place", "ann");
	scene_take(scene, &asked);
	if (!asked.done && lost)
		fake_lost(fake_call(0, CALL_COMMAND), CALL_LOST, lost);
	else if (!asked.done)
		fake_commit(fake_call(0, CALL_COMMAND), 2000, true, health_row, 1);
	outcome = asked.request->outcome;
	*retry_after_us = asked.request->retry_after_us;
	asked_free(&asked);
	return outcome;
}

static void a_primary_that_loses_its_commands_is_left_alone_and_says_for_how_long(void **state)
{
	struct scene *scene = *state;
	int64_t retry_after_us;

	begin(scene);
	for (unsigned i = 0; i < BREAKER_ROW_MAX; i++) {
		assert_int_equal(place(scene, "the connection was lost", &retry_after_us),
				 OUTCOME_OUTCOME_UNKNOWN);
		scene_pass(scene, US_PER_MS);
	}
	assert_int_equal(place(scene, NULL, &retry_after_us), OUTCOME_BREAKER_OPEN);
	assert_int_equal(retry_after_us, US_PER_S - US_PER_MS);
	scene_pass(scene, US_PER_S);

	fake_answer_primary(fake_call(0, CALL_PROBE), SCENE_LSN, NULL, 0);

	assert_int_equal(place(scene, NULL, &retry_after_us), OUTCOME_OK);
}

/* It has been admitted before, and waits for the primary when its breaker opens. */
static void no_refusal_asks_to_come_back_before_the_breaker_lets_a_request_through(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	int64_t retry_after_us;

	begin(scene);
	scene_ask(scene, &asked, REQUEST_COMMAND, "place", "bob");
	scene_take(scene, &asked);
	for (unsigned readiness = 0; readiness < 2; readiness++) {
		for (unsigned i = 0; i < BREAKER_ROW_MAX; i++) {
			struct asked other;

			if (readiness)
				break;
			scene_ask(scene, &other, REQUEST_COMMAND, "place", "ann");
			scene_take(scene, &other);
			fake_lost(fake_last_call(0, CALL_COMMAND), CALL_LOST, "lost");
			asked_free(&other);
			scene_pass(scene, US_PER_MS);
		}
		scene_pass(scene, US_PER_S << readiness);
		assert_int_equal(place(scene, NULL, &retry_after_us), OUTCOME_BREAKER_OPEN);
		fake_lost(fake_call(0, CALL_PROBE), CALL_LOST, "lost");
	}

	fake_unsent(fake_call(0, CALL_COMMAND), "waited too long for a connection");

	assert_int_equal(outcome_row(asked.request->outcome)->status, 503);
	assert_int_equal(asked.request->retry_after_us, 4 * US_PER_S);
}

static void a_query_leaves_a_node_that_is_silent_for_long_compared_with_its_statement(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	begin(scene);
	know(scene, "order", 20 * US_PER_MS);
	ask(scene, &asked, "order");
	node = asked_node();
	pass_slowly(scene, 150 * US_PER_MS);
	assert_non_null(fake_call(node, CALL_QUERY));

	pass_slowly(scene, 20 * US_PER_MS);

	assert_null(fake_call(node, CALL_QUERY));
	assert_int_equal(asked_node(), 3 - node);
	answer(3 - node);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

static void a_node_that_answers_others_is_not_silent(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	begin(scene);
	know(scene, "order", 10 * US_PER_MS);
	ask(scene, &asked, "order");
	node = asked_node();
	for (unsigned i = 0; i < 8; i++) {
		pass_slowly(scene, 30 * US_PER_MS);
		scene->topology.nodes[node].seen_us = loop_now(scene->loop);
		scene_publish(scene);
	}

	assert_non_null(fake_call(node, CALL_QUERY));
	answer(node);
}

/* A quiet loop: the monitor goes on hearing the node, and nothing makes the loop look at what it
 * publishes but the loop's own tick. */
static void a_node_that_the_monitor_hears_is_not_silent_because_the_loop_is_idle(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	begin(scene);
	know(scene, "order", 10 * US_PER_MS);
	ask(scene, &asked, "order");
	node = asked_node();
	for (unsigned i = 0; i < 300; i++) {
		scene_pass(scene, TICK_US);
		scene->topology.nodes[node].seen_us = loop_now(scene->loop);
		scene_publish_unseen(scene);
	}

	assert_true(opened() == 0);
	assert_non_null(fake_call(node, CALL_QUERY));
	answer(node);
}

static void of_a_new_statement_only_the_monitor_can_tell(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	begin(scene);
	ask(scene, &asked, "order");
	node = asked_node();
	pass_slowly(scene, 300 * US_PER_MS);
	assert_non_null(fake_call(node, CALL_QUERY));

	scene_lose(scene, node);
	scene_publish(scene);
	scene_pass(scene, 5 * US_PER_MS);

	assert_null(fake_call(node, CALL_QUERY));
	answer(3 - node);
}

/* Its calls have left by then; it gets no new ones, before the monitor has spoken. */
static void a_silent_node_is_left_alone(void **state)
{
	struct scene *scene = *state;
	struct asked asked[20];

	begin(scene);
	know(scene, "order", 100);
	for (unsigned i = 0; i < 20; i++)
		ask(scene, &asked[i], "order");
	for (unsigned i = 0; i < 100 && opened() == 0; i++) {
		pass_slowly(scene, TICK_US);
		scene->topology.nodes[2].seen_us = scene->topology.nodes[0].seen_us =
			loop_now(scene->loop);
		scene_publish(scene);
		while (fake_call(2, CALL_QUERY))
			answer(2);
		if (asked[i % 20].done) {
			asked_free(&asked[i % 20]);
			ask(scene, &asked[i % 20], "order");
		}
	}

	assert_true(opened() == 1);
	while (asked_node() != NODES_MAX)
		answer(asked_node());
	for (unsigned i = 0; i < 20; i++)
		asked_free(&asked[i]);
}

static void who_waited_for_a_conn_of_a_silent_node_is_answered_by_another_one(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	begin(scene);
	scene_pass(scene, US_PER_MS);
	ask(scene, &asked, "order");
	node = asked_node();
	fake_call(node, CALL_QUERY)->refusal = REFUSAL_EXPIRED;

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "waited too long for a connection");

	answer(3 - node);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(
			a_replica_that_refuses_five_times_is_left_alone_until_a_probe_is_answered),
		SCENE_STORY(a_probe_without_an_answer_is_given_up_by_its_own_deadline),
		SCENE_STORY(no_refusal_asks_to_come_back_before_the_breaker_lets_a_request_through),
		SCENE_STORY(a_probe_that_no_conn_takes_leaves_it_to_the_monitor),
		SCENE_STORY(a_probe_that_no_conn_takes_proves_nothing_of_a_node_the_monitor_misses),
		SCENE_STORY(errors_of_the_application_never_count),
		SCENE_STORY(the_monitor_that_sees_a_node_return_closes_its_breaker),
		SCENE_STORY(a_primary_that_loses_its_commands_is_left_alone_and_says_for_how_long),
		SCENE_STORY(
			a_query_leaves_a_node_that_is_silent_for_long_compared_with_its_statement),
		SCENE_STORY(a_node_that_answers_others_is_not_silent),
		SCENE_STORY(a_node_that_the_monitor_hears_is_not_silent_because_the_loop_is_idle),
		SCENE_STORY(a_node_that_the_monitor_hears_is_not_silent_because_the_loop_is_idle),
		SCENE_STORY(of_a_new_statement_only_the_monitor_can_tell),
		SCENE_STORY(a_silent_node_is_left_alone),
		SCENE_STORY(who_waited_for_a_conn_of_a_silent_node_is_answered_by_another_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
