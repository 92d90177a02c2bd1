/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c query_story.c */
/* Queries that no replica can answer yet: how long they wait, where, and what ends the wait. */
#include "query_story.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void a_parked_query_is_woken_by_the_position_it_waits_for(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	park(scene, &asked, "order");
	node = probed_replica();
	fake_answer(fake_call(node, CALL_PROBE), NEARER_LSN, NEARER_LSN, NULL, 0);
	assert_null(fake_call(node, CALL_QUERY));
	scene_pass(scene, 2 * US_PER_MS);

	fake_answer(fake_call(node, CALL_PROBE), REQUIRED_LSN, REQUIRED_LSN, NULL, 0);

	fake_answer(fake_call(asked_replica(), CALL_QUERY), REQUIRED_LSN, REQUIRED_LSN, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_WAITED);
	assert_int_equal(asked.request->wait_us, 2 * US_PER_MS);
}

static void a_node_is_asked_by_one_probe_at_a_time_while_someone_waits_there(void **state)
{
	struct scene *scene = *state;
	struct asked ann, bob;
	unsigned node;

	park(scene, &ann, "order");
	node = probed_replica();
	wrote(scene, "ann", REQUIRED_LSN);
	scene_ask(scene, &bob, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &bob);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), EARLY_LSN, EARLY_LSN + 1, row, 1);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), EARLY_LSN, EARLY_LSN + 1, row, 1);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	fake_answer(fake_call(node, CALL_PROBE), NEARER_LSN, NEARER_LSN, NULL, 0);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
	scene_pass(scene, US_PER_MS);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);

	fake_answer(fake_call(node, CALL_PROBE), REQUIRED_LSN, REQUIRED_LSN, NULL, 0);
	scene_pass(scene, 5 * US_PER_MS);

	/* Nobody waits there any more: their queries are all that is asked. */
	assert_null(fake_call(1, CALL_PROBE));
	assert_null(fake_call(2, CALL_PROBE));
	fake_answer(fake_call(asked_replica(), CALL_QUERY), REQUIRED_LSN, REQUIRED_LSN, row, 1);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), REQUIRED_LSN, REQUIRED_LSN, row, 1);
	assert_int_equal(ann.request->reason, REASON_WAITED);
	assert_int_equal(bob.request->reason, REASON_WAITED);
}

/* Both were early, and the monitor has found meanwhile how fast they are. */
static struct call *early_at_rates(struct scene *scene, struct asked *asked, const char *operation,
				   double first, double second)
{
	wrote(scene, "ann", REQUIRED_LSN);
	scene_ask(scene, asked, REQUEST_QUERY, operation, "ann");
	scene_take(scene, asked);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), EARLY_LSN, EARLY_LSN + 1, row, 1);
	scene->topology.nodes[1].replay_rate = first;
	scene->topology.nodes[2].replay_rate = second;
	scene_publish(scene);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), EARLY_LSN, EARLY_LSN + 1, row, 1);
	return fake_call(0, CALL_QUERY);
}

static void replicas_that_will_be_late_for_sure_are_not_waited_for(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_answer_primary(early_at_rates(scene, &asked, "order", 0.001, 0.001), REQUIRED_LSN, row,
			    1);

	assert_int_equal(asked.request->reason, REASON_SPILL_LAG);
	assert_int_equal(asked.request->wait_us, 0);
}

static void replicas_that_will_be_late_are_told_as_when_to_come_back(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	assert_null(early_at_rates(scene, &asked, "fresh", 0.0001, 0.0002));

	assert_int_equal(asked.request->outcome, OUTCOME_CONSISTENCY_TIMEOUT);
	assert_in_range(asked.request->retry_after_us, 2490 * US_PER_MS, 2510 * US_PER_MS);
}

static void who_waits_waits_at_the_replica_that_is_there_first(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	assert_null(early_at_rates(scene, &asked, "order", 0.001, 0.05));

	assert_non_null(fake_call(2, CALL_PROBE));
	assert_null(fake_call(1, CALL_PROBE));
	fake_answer(fake_call(2, CALL_PROBE), REQUIRED_LSN, REQUIRED_LSN, NULL, 0);
	fake_answer(fake_call(2, CALL_QUERY), REQUIRED_LSN, REQUIRED_LSN, row, 1);
	assert_int_equal(asked.request->reason, REASON_WAITED);
}

static void a_parked_query_spills_when_the_wait_limit_is_over(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	park(scene, &asked, "order");
	scene_pass(scene, 29 * US_PER_MS);
	assert_null(fake_call(0, CALL_QUERY));

	scene_pass(scene, 2 * US_PER_MS);

	fake_answer_primary(fake_call(0, CALL_QUERY), REQUIRED_LSN, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_SPILL_LAG);
	assert_int_equal(asked.request->served_by, SERVED_BY_PRIMARY);
	asked_free(&asked);
	scene_pass(scene, 0);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), EARLY_LSN, EARLY_LSN, NULL, 0);
}

static void a_query_that_declares_stale_is_answered_late_and_marked(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	park(scene, &asked, "orders");

	scene_pass(scene, 31 * US_PER_MS);

	if (fake_call(0, CALL_QUERY))
		fail_msg("the primary was asked though a stale answer is declared acceptable");
	node = fake_call(1, CALL_QUERY) ? 1 : 2;
	fake_answer(fake_call(node, CALL_QUERY), EARLY_LSN, EARLY_LSN + 1, row, 1);
	assert_document(&asked, "{\"data\":[{\"id\":7}]}");
	assert_int_equal(asked.request->reason, REASON_STALE);
	asked_free(&asked);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), EARLY_LSN, EARLY_LSN, NULL, 0);
}

static void a_query_that_declares_fail_never_burdens_the_primary(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	park(scene, &asked, "fresh");

	scene_pass(scene, 31 * US_PER_MS);

	assert_null(fake_call(0, CALL_QUERY));
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_CONSISTENCY_TIMEOUT);
	asked_free(&asked);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), EARLY_LSN, EARLY_LSN, NULL, 0);
}

static void a_client_that_went_away_leaves_nothing_behind(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	park(scene, &asked, "order");

	asked.request->on_client_gone(asked.request);

	assert_int_equal(asked.done, 1);
	asked_free(&asked);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), LATER_LSN, LATER_LSN, NULL, 0);
	assert_int_equal(fake_waiting(0) + fake_waiting(1) + fake_waiting(2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(a_parked_query_is_woken_by_the_position_it_waits_for),
		SCENE_STORY(a_node_is_asked_by_one_probe_at_a_time_while_someone_waits_there),
		SCENE_STORY(replicas_that_will_be_late_for_sure_are_not_waited_for),
		SCENE_STORY(replicas_that_will_be_late_are_told_as_when_to_come_back),
		SCENE_STORY(who_waits_waits_at_the_replica_that_is_there_first),
		SCENE_STORY(a_parked_query_spills_when_the_wait_limit_is_over),
		SCENE_STORY(a_query_that_declares_stale_is_answered_late_and_marked),
		SCENE_STORY(a_query_that_declares_fail_never_burdens_the_primary),
		SCENE_STORY(a_client_that_went_away_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("waiting queries", tests, NULL, NULL);
}
