/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* A loop and nodes that fail or fall silent: who is asked instead, and who is left alone. */
#include "scene.h"

#include "base/clock.h"
#include "router/task.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TICK_US (10 * US_PER_MS)

static const char row[] = "{\"id\":7}";

static void begin(struct scene *scene)
{
	scene_init(scene);
	scene->options.lag_poll_us = 100 * US_PER_MS;
}

/* The clock as a loop that is there sees it; the monitor has seen nothing in the meantime. */
static void pass_slowly(struct scene *scene, int64_t us)
{
	for (; us > 0; us -= TICK_US)
		scene_pass(scene, us < TICK_US ? us : TICK_US);
}

static void ask(struct scene *scene, struct asked *asked, const char *operation)
{
	scene_ask(scene, asked, REQUEST_QUERY, operation, NULL);
	asked->request->user = (struct text){ 0 };
	scene_take(scene, asked);
}

static unsigned asked_node(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (fake_call(i, CALL_QUERY))
			return i;
	return NODES_MAX;
}

static void answer(unsigned node)
{
	if (node)
		fake_answer(fake_call(node, CALL_QUERY), 1000, 1000, row, 1);
	else
		fake_answer_primary(fake_call(0, CALL_QUERY), 1000, row, 1);
}

/* Until the loop has had enough of node 1: each failure is paid for by the other nodes. */
static void break_replica(struct scene *scene, const char *sqlstate)
{
	for (unsigned bad = 0; bad < BREAKER_ROW_MAX;) {
		struct asked asked;

		scene_pass(scene, US_PER_S);
		ask(scene, &asked, "order");
		if (asked_node() == 1) {
			fake_error(fake_call(1, CALL_QUERY), sqlstate, "refused");
			bad++;
			if (!asked.done)
				scene_pass(scene, 5 * US_PER_MS);
		}
		if (!asked.done)
			answer(asked_node());
		asked_free(&asked);
	}
}

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
	struct scene scene;

	begin(&scene);
	break_replica(&scene, "53200");
	assert_true(opened() == 1);
	assert_int_equal(share_of_replica(&scene, 50), 0);
	scene_pass(&scene, US_PER_S - 10 * US_PER_MS);
	assert_null(fake_call(1, CALL_PROBE));

	scene_pass(&scene, 10 * US_PER_MS);

	/* Half open: the probe, and nobody else. */
	assert_non_null(fake_call(1, CALL_PROBE));
	assert_int_equal(share_of_replica(&scene, 50), 0);
	fake_answer(fake_call(1, CALL_PROBE), 1000, 1000, NULL, 0);
	assert_true(opened() == 0);
	assert_in_range(share_of_replica(&scene, 400), 1, 60);
	scene_pass(&scene, BREAKER_RAMP_US);
	assert_in_range(share_of_replica(&scene, 400), 120, 280);
	scene_fini(&scene);
}

static void a_probe_without_an_answer_is_given_up_by_its_own_deadline(void **state)
{
	struct scene scene;

	begin(&scene);
	break_replica(&scene, "53200");
	scene_pass(&scene, US_PER_S);
	assert_non_null(fake_call(1, CALL_PROBE));

	scene_pass(&scene, 500 * US_PER_MS);

	assert_null(fake_call(1, CALL_PROBE));
	assert_true(opened() == 1);
	scene_pass(&scene, 2 * US_PER_S);
	assert_non_null(fake_call(1, CALL_PROBE));
	fake_answer(fake_call(1, CALL_PROBE), 1000, 1000, NULL, 0);
	assert_true(opened() == 0);
	scene_fini(&scene);
}

/* All conns are with slow queries: the probe finds none, and the monitor has its own. */
static void break_and_leave_the_probe_no_conn(struct scene *scene)
{
	begin(scene);
	break_replica(scene, "53200");
	scene_pass(scene, US_PER_S);
	scene_pass(scene, 100 * US_PER_MS);
	fake_call(1, CALL_PROBE)->expired = true;
	fake_unsent(fake_call(1, CALL_PROBE), "waited too long for a connection");
}

static void a_probe_that_no_conn_takes_leaves_it_to_the_monitor(void **state)
{
	struct scene scene;

	break_and_leave_the_probe_no_conn(&scene);
	scene.topology.nodes[1].seen_us = loop_now(scene.loop);
	scene_publish_unseen(&scene);
	assert_true(opened() == 1);

	scene_pass(&scene, 400 * US_PER_MS);

	assert_true(opened() == 0);
	scene_fini(&scene);
}

static void a_probe_that_no_conn_takes_proves_nothing_of_a_node_the_monitor_misses(void **state)
{
	struct scene scene;

	break_and_leave_the_probe_no_conn(&scene);

	scene_pass(&scene, 400 * US_PER_MS);

	assert_true(opened() == 1);
	scene_pass(&scene, 2 * US_PER_S);
	assert_non_null(fake_call(1, CALL_PROBE));
	fake_answer(fake_call(1, CALL_PROBE), 1000, 1000, NULL, 0);
	scene_fini(&scene);
}

static void errors_of_the_application_never_count(void **state)
{
	static const char *const sqlstates[] = { "22012", "23505", "42P01",
						 "P0001", "57014", "40001" };

	for (size_t i = 0; i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++) {
		struct scene scene;

		begin(&scene);
		break_replica(&scene, sqlstates[i]);
		assert_true(opened() == 0);
		scene_fini(&scene);
	}
}

static void the_monitor_that_sees_a_node_return_closes_its_breaker(void **state)
{
	struct scene scene;

	begin(&scene);
	break_replica(&scene, "57P01");
	assert_true(opened() == 1);
	scene_lose(&scene, 1);
	scene_publish(&scene);

	scene_find(&scene, 1);
	scene_publish(&scene);

	assert_true(opened() == 0);
	assert_in_range(share_of_replica(&scene, 400), 1, 60);
	scene_pass(&scene, BREAKER_RAMP_US);
	assert_in_range(share_of_replica(&scene, 400), 120, 280);
	scene_fini(&scene);
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
		fake_commit(fake_call(0, CALL_COMMAND), 2000, true, row, 1);
	outcome = asked.request->outcome;
	*retry_after_us = asked.request->retry_after_us;
	asked_free(&asked);
	return outcome;
}

static void a_primary_that_loses_its_commands_is_left_alone_and_says_for_how_long(void **state)
{
	struct scene scene;
	int64_t retry_after_us;

	begin(&scene);
	for (unsigned i = 0; i < BREAKER_ROW_MAX; i++) {
		assert_int_equal(place(&scene, "the connection was lost", &retry_after_us),
				 OUTCOME_OUTCOME_UNKNOWN);
		scene_pass(&scene, US_PER_MS);
	}
	assert_int_equal(place(&scene, NULL, &retry_after_us), OUTCOME_BREAKER_OPEN);
	assert_int_equal(retry_after_us, US_PER_S - US_PER_MS);
	scene_pass(&scene, US_PER_S);

	fake_answer_primary(fake_call(0, CALL_PROBE), 1000, NULL, 0);

	assert_int_equal(place(&scene, NULL, &retry_after_us), OUTCOME_OK);
	scene_fini(&scene);
}

/* It has been admitted before, and waits for the primary when its breaker opens. */
static void no_refusal_asks_to_come_back_before_the_breaker_lets_a_request_through(void **state)
{
	struct scene scene;
	struct asked asked;
	int64_t retry_after_us;

	begin(&scene);
	scene_ask(&scene, &asked, REQUEST_COMMAND, "place", "bob");
	scene_take(&scene, &asked);
	for (unsigned readiness = 0; readiness < 2; readiness++) {
		for (unsigned i = 0; i < BREAKER_ROW_MAX; i++) {
			struct asked other;

			if (readiness)
				break;
			scene_ask(&scene, &other, REQUEST_COMMAND, "place", "ann");
			scene_take(&scene, &other);
			fake_lost(fake_last_call(0, CALL_COMMAND), CALL_LOST, "lost");
			asked_free(&other);
			scene_pass(&scene, US_PER_MS);
		}
		scene_pass(&scene, US_PER_S << readiness);
		assert_int_equal(place(&scene, NULL, &retry_after_us), OUTCOME_BREAKER_OPEN);
		fake_lost(fake_call(0, CALL_PROBE), CALL_LOST, "lost");
	}

	fake_unsent(fake_call(0, CALL_COMMAND), "waited too long for a connection");

	assert_int_equal(outcome_row(asked.request->outcome)->status, 503);
	assert_int_equal(asked.request->retry_after_us, 4 * US_PER_S);
	asked_free(&asked);
	scene_fini(&scene);
}

static void know(struct scene *scene, const char *operation, uint32_t running_us)
{
	for (unsigned i = 0; i < scene->catalog->count; i++)
		if (strcmp(scene->catalog->operations[i].name, operation) == 0)
			atomic_store(&scene->catalog->operations[i].statement.running_us,
				     running_us);
}

static void a_query_leaves_a_node_that_is_silent_for_long_compared_with_its_statement(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	begin(&scene);
	know(&scene, "order", 20 * US_PER_MS);
	ask(&scene, &asked, "order");
	node = asked_node();
	pass_slowly(&scene, 150 * US_PER_MS);
	assert_non_null(fake_call(node, CALL_QUERY));

	pass_slowly(&scene, 20 * US_PER_MS);

	assert_null(fake_call(node, CALL_QUERY));
	assert_int_equal(asked_node(), 3 - node);
	answer(3 - node);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_node_that_answers_others_is_not_silent(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	begin(&scene);
	know(&scene, "order", 10 * US_PER_MS);
	ask(&scene, &asked, "order");
	node = asked_node();
	for (unsigned i = 0; i < 8; i++) {
		pass_slowly(&scene, 30 * US_PER_MS);
		scene.topology.nodes[node].seen_us = loop_now(scene.loop);
		scene_publish(&scene);
	}

	assert_non_null(fake_call(node, CALL_QUERY));
	answer(node);
	asked_free(&asked);
	scene_fini(&scene);
}

/* A quiet loop: the monitor goes on hearing the node, and nothing makes the loop look at what it
 * publishes but the loop's own tick. */
static void a_node_that_the_monitor_hears_is_not_silent_because_the_loop_is_idle(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	begin(&scene);
	know(&scene, "order", 10 * US_PER_MS);
	ask(&scene, &asked, "order");
	node = asked_node();
	for (unsigned i = 0; i < 300; i++) {
		scene_pass(&scene, TICK_US);
		scene.topology.nodes[node].seen_us = loop_now(scene.loop);
		scene_publish_unseen(&scene);
	}

	assert_true(opened() == 0);
	assert_non_null(fake_call(node, CALL_QUERY));
	answer(node);
	asked_free(&asked);
	scene_fini(&scene);
}

static void of_a_new_statement_only_the_monitor_can_tell(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	begin(&scene);
	ask(&scene, &asked, "order");
	node = asked_node();
	pass_slowly(&scene, 300 * US_PER_MS);
	assert_non_null(fake_call(node, CALL_QUERY));

	scene_lose(&scene, node);
	scene_publish(&scene);
	scene_pass(&scene, 5 * US_PER_MS);

	assert_null(fake_call(node, CALL_QUERY));
	answer(3 - node);
	asked_free(&asked);
	scene_fini(&scene);
}

/* Its calls have left by then; it gets no new ones, before the monitor has spoken. */
static void a_silent_node_is_left_alone(void **state)
{
	struct scene scene;
	struct asked asked[20];

	begin(&scene);
	know(&scene, "order", 100);
	for (unsigned i = 0; i < 20; i++)
		ask(&scene, &asked[i], "order");
	for (unsigned i = 0; i < 100 && opened() == 0; i++) {
		pass_slowly(&scene, TICK_US);
		scene.topology.nodes[2].seen_us = scene.topology.nodes[0].seen_us =
			loop_now(scene.loop);
		scene_publish(&scene);
		while (fake_call(2, CALL_QUERY))
			answer(2);
		if (asked[i % 20].done) {
			asked_free(&asked[i % 20]);
			ask(&scene, &asked[i % 20], "order");
		}
	}

	assert_true(opened() == 1);
	while (asked_node() != NODES_MAX)
		answer(asked_node());
	for (unsigned i = 0; i < 20; i++)
		asked_free(&asked[i]);
	scene_fini(&scene);
}

static void a_query_is_tried_on_two_nodes_and_no_more(void **state)
{
	struct scene scene;
	struct asked asked;

	begin(&scene);
	ask(&scene, &asked, "order");
	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_LOST, "the connection was lost");
	scene_pass(&scene, 5 * US_PER_MS);

	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_LOST, "the connection was lost");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_NO_REPLICA);
	asked_free(&asked);
	scene_fini(&scene);
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
	struct scene scene;
	unsigned failed, count = 0;

	begin(&scene);
	failed = conflicts_refused(&scene, 100, &count);

	assert_in_range(100 - failed, count / 20, count / 11 + 6);
	assert_true(metrics_sum(METRIC_retries_refused_total) == failed);
	scene_fini(&scene);
}

/* Else an overload would feed on itself. */
static void what_is_refused_for_want_of_room_earns_no_retries(void **state)
{
	struct scene scene;
	unsigned failed, count = 0;

	begin(&scene);
	fake_full(1, true);
	fake_full(2, true);
	for (unsigned i = 0; i < 1000; i++) {
		struct asked asked;

		ask(&scene, &asked, "order");
		assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_FULL);
		asked_free(&asked);
	}
	fake_full(1, false);
	fake_full(2, false);
	failed = conflicts_refused(&scene, 100, &count);

	assert_in_range(100 - failed, count / 20, count / 11 + 6);
	scene_fini(&scene);
}

/* Where the other fails as well, a second pays for no more than its own part of the reserve. */
static void of_nodes_in_trouble_no_second_pays_for_ten(void **state)
{
	struct scene scene;

	begin(&scene);
	for (unsigned i = 0; i < 20; i++) {
		struct asked asked;

		ask(&scene, &asked, "order");
		for (unsigned tries = 0; tries < 2 && !asked.done; tries++) {
			fake_call(asked_node(), CALL_QUERY)->in_recovery = true;
			fake_error(fake_call(asked_node(), CALL_QUERY), "40001",
				   "conflict with recovery");
			scene_pass(&scene, 5 * US_PER_MS);
		}
		assert_true(asked.done);
		asked_free(&asked);
	}
	assert_in_range(20 - metrics_sum(METRIC_retries_refused_total), 1, 6);
	scene_fini(&scene);
}

static void what_never_left_or_came_too_early_is_no_retry(void **state)
{
	struct scene scene;

	begin(&scene);
	for (unsigned i = 0; i < 60; i++) {
		struct asked asked;

		ask(&scene, &asked, "order");
		fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_UNSENT, "no conn was there");
		answer(asked_node());
		assert_int_equal(asked.request->outcome, OUTCOME_OK);
		asked_free(&asked);
	}
	assert_true(metrics_sum(METRIC_retries_refused_total) == 0);
	scene_fini(&scene);
}

static void who_waited_for_a_conn_of_a_silent_node_is_answered_by_another_one(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	begin(&scene);
	scene_pass(&scene, US_PER_MS);
	ask(&scene, &asked, "order");
	node = asked_node();
	fake_call(node, CALL_QUERY)->expired = true;

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "waited too long for a connection");

	answer(3 - node);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	asked_free(&asked);
	scene_fini(&scene);
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
		atomic_store(&scene->catalog->operations[i].statement.late_us, 20 * US_PER_MS);
}

static void a_late_query_is_asked_of_a_second_replica_and_the_first_answer_counts(void **state)
{
	for (unsigned second = 0; second < 2; second++) {
		struct scene scene;
		struct asked asked;
		unsigned node;

		hedge(&scene, 200);
		ask(&scene, &asked, "order");
		node = asked_node();
		pass_slowly(&scene, 10 * US_PER_MS);
		assert_null(fake_call(3 - node, CALL_QUERY));
		pass_slowly(&scene, 10 * US_PER_MS);
		assert_non_null(fake_call(node, CALL_QUERY));
		assert_non_null(fake_call(3 - node, CALL_QUERY));

		answer(second ? 3 - node : node);

		assert_int_equal(asked.done, 1);
		assert_int_equal(asked.request->outcome, OUTCOME_OK);
		assert_int_equal(asked.request->out.len, strlen("{\"data\":{\"id\":7}}"));
		assert_string_equal(asked.request->node,
				    scene.nodes[second ? 3 - node : node].name);
		assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
		asked_free(&asked);
		scene_fini(&scene);
	}
}

static void the_second_replica_has_to_prove_as_the_first(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	hedge(&scene, 200);
	ask(&scene, &asked, "order");
	node = asked_node();
	pass_slowly(&scene, 20 * US_PER_MS);

	fake_answer(fake_call(3 - node, CALL_QUERY), 999, 999, "{\"id\":1}", 1);

	assert_int_equal(asked.done, 0);
	answer(node);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_int_equal(asked.request->out.len, strlen("{\"data\":{\"id\":7}}"));
	asked_free(&asked);
	scene_fini(&scene);
}

static void hedges_have_to_be_earned(void **state)
{
	struct scene scene;
	struct asked asked;

	hedge(&scene, 20);
	ask(&scene, &asked, "order");
	pass_slowly(&scene, 40 * US_PER_MS);

	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	answer(asked_node());
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_large_result_is_never_asked_for_twice(void **state)
{
	struct scene scene;
	struct asked asked;

	hedge(&scene, 200);
	scene.options.stream_conns = 1;
	scene.options.stream_bytes_max = 1 << 30;
	scene_ask(&scene, &asked, REQUEST_QUERY, "orders", NULL);
	asked.request->user = (struct text){ 0 };
	asked.request->may_stream = true;
	scene_take(&scene, &asked);
	fake_lost(fake_call(asked_node(), CALL_QUERY), CALL_TOO_LARGE, NULL);
	assert_non_null(fake_call(asked_node(), CALL_QUERY)->on_rows);
	assert_false(fake_call(asked_node(), CALL_QUERY)->cancels);

	pass_slowly(&scene, 40 * US_PER_MS);

	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	fake_answer(fake_call(asked_node(), CALL_QUERY), 1000, 1001, "{\"id\":1}", 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	asked_free(&asked);
	scene_fini(&scene);
}

static void without_the_option_nobody_is_asked_twice(void **state)
{
	struct scene scene;
	struct asked asked;

	hedge(&scene, 200);
	scene.options.hedge = 0;
	ask(&scene, &asked, "order");
	pass_slowly(&scene, 40 * US_PER_MS);

	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	answer(asked_node());
	asked_free(&asked);
	scene_fini(&scene);
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
		cmocka_unit_test(
			a_replica_that_refuses_five_times_is_left_alone_until_a_probe_is_answered),
		cmocka_unit_test(a_probe_without_an_answer_is_given_up_by_its_own_deadline),
		cmocka_unit_test(
			no_refusal_asks_to_come_back_before_the_breaker_lets_a_request_through),
		cmocka_unit_test(a_probe_that_no_conn_takes_leaves_it_to_the_monitor),
		cmocka_unit_test(
			a_probe_that_no_conn_takes_proves_nothing_of_a_node_the_monitor_misses),
		cmocka_unit_test(errors_of_the_application_never_count),
		cmocka_unit_test(the_monitor_that_sees_a_node_return_closes_its_breaker),
		cmocka_unit_test(
			a_primary_that_loses_its_commands_is_left_alone_and_says_for_how_long),
		cmocka_unit_test(
			a_query_leaves_a_node_that_is_silent_for_long_compared_with_its_statement),
		cmocka_unit_test(a_node_that_answers_others_is_not_silent),
		cmocka_unit_test(
			a_node_that_the_monitor_hears_is_not_silent_because_the_loop_is_idle),
		cmocka_unit_test(
			a_node_that_the_monitor_hears_is_not_silent_because_the_loop_is_idle),
		cmocka_unit_test(of_a_new_statement_only_the_monitor_can_tell),
		cmocka_unit_test(a_silent_node_is_left_alone),
		cmocka_unit_test(who_waited_for_a_conn_of_a_silent_node_is_answered_by_another_one),
		cmocka_unit_test(a_query_is_tried_on_two_nodes_and_no_more),
		cmocka_unit_test(retries_stop_where_the_budget_ends),
		cmocka_unit_test(what_is_refused_for_want_of_room_earns_no_retries),
		cmocka_unit_test(of_nodes_in_trouble_no_second_pays_for_ten),
		cmocka_unit_test(what_never_left_or_came_too_early_is_no_retry),
		cmocka_unit_test(
			a_late_query_is_asked_of_a_second_replica_and_the_first_answer_counts),
		cmocka_unit_test(the_second_replica_has_to_prove_as_the_first),
		cmocka_unit_test(hedges_have_to_be_earned),
		cmocka_unit_test(a_large_result_is_never_asked_for_twice),
		cmocka_unit_test(without_the_option_nobody_is_asked_twice),
		cmocka_unit_test(what_is_late_is_later_than_nineteen_of_twenty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
