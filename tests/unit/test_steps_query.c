/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Queries: who answers, what is thrown away, how long anybody waits. */
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char row[] = "{\"id\":7}";

/* The replica that was asked; fails when none or both were. */
static unsigned asked_replica(void)
{
	unsigned first = fake_call(1, CALL_QUERY) ? 1 : 0,
		 second = fake_call(2, CALL_QUERY) ? 2 : 0;

	assert_true((first != 0) != (second != 0));
	assert_null(fake_call(0, CALL_QUERY));
	return first + second;
}

static void assert_document(const struct asked *asked, const char *document)
{
	assert_int_equal(asked->done, 1);
	assert_int_equal(asked->request->outcome, OUTCOME_OK);
	assert_int_equal(asked->request->out.len, strlen(document));
	assert_memory_equal(asked->request->out.ptr, document, strlen(document));
}

static void wrote(struct scene *scene, const char *user, uint64_t lsn)
{
	assert_true(sessions_wrote(scene->sessions, text_of(user), (struct position){ 1, lsn }));
}

static void a_query_of_a_user_who_wrote_nothing_is_answered_by_a_replica(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);

	node = asked_replica();
	fake_answer(fake_call(node, CALL_QUERY), 1000, 1000, row, 1);

	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_FRESH);
	assert_string_equal(asked.request->node, scene.nodes[node].name);
	assert_true(asked.request->token[0] != '\0');
	asked_free(&asked);
	scene_fini(&scene);
}

static void rows_that_came_too_early_are_thrown_away_and_the_other_replica_is_asked(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	wrote(&scene, "ann", 2000);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();

	fake_answer(fake_call(node, CALL_QUERY), 1999, 2001, "{\"id\":1}", 1);

	assert_int_equal(asked.done, 0);
	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), 2000, 2001, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_VERIFIED_LATE);
	asked_free(&asked);
	scene_fini(&scene);
}

/* Both replicas were asked and had not replayed enough: the query is parked now. */
static void park(struct scene *scene, struct asked *asked, const char *operation)
{
	wrote(scene, "ann", 2000);
	scene_ask(scene, asked, REQUEST_QUERY, operation, "ann");
	scene_take(scene, asked);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1500, 1501, row, 1);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1500, 1501, row, 1);
	assert_int_equal(asked->done, 0);
	assert_null(fake_call(0, CALL_QUERY));
}

static unsigned probed_replica(void)
{
	assert_true(fake_call(1, CALL_PROBE) || fake_call(2, CALL_PROBE));
	return fake_call(1, CALL_PROBE) ? 1 : 2;
}

static void a_parked_query_is_woken_by_the_position_it_waits_for(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	park(&scene, &asked, "order");
	node = probed_replica();
	fake_answer(fake_call(node, CALL_PROBE), 1800, 1800, NULL, 0);
	assert_null(fake_call(node, CALL_QUERY));
	scene_pass(&scene, 2 * US_PER_MS);

	fake_answer(fake_call(node, CALL_PROBE), 2000, 2000, NULL, 0);

	fake_answer(fake_call(asked_replica(), CALL_QUERY), 2000, 2000, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_WAITED);
	assert_int_equal(asked.request->wait_us, 2 * US_PER_MS);
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_node_is_asked_by_one_probe_at_a_time_while_someone_waits_there(void **state)
{
	struct scene scene;
	struct asked ann, bob;
	unsigned node;

	(void)state;
	scene_init(&scene);
	park(&scene, &ann, "order");
	node = probed_replica();
	wrote(&scene, "ann", 2000);
	scene_ask(&scene, &bob, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &bob);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1500, 1501, row, 1);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1500, 1501, row, 1);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	fake_answer(fake_call(node, CALL_PROBE), 1600, 1600, NULL, 0);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
	scene_pass(&scene, US_PER_MS);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);

	fake_answer(fake_call(node, CALL_PROBE), 2000, 2000, NULL, 0);
	scene_pass(&scene, 5 * US_PER_MS);

	/* Nobody waits there any more: their queries are all that is asked. */
	assert_null(fake_call(1, CALL_PROBE));
	assert_null(fake_call(2, CALL_PROBE));
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 2000, 2000, row, 1);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 2000, 2000, row, 1);
	assert_int_equal(ann.request->reason, REASON_WAITED);
	assert_int_equal(bob.request->reason, REASON_WAITED);
	asked_free(&ann);
	asked_free(&bob);
	scene_fini(&scene);
}

/* Both were early, and the monitor has found meanwhile how fast they are. */
static struct call *early_at_rates(struct scene *scene, struct asked *asked, const char *operation,
				   double first, double second)
{
	wrote(scene, "ann", 2000);
	scene_ask(scene, asked, REQUEST_QUERY, operation, "ann");
	scene_take(scene, asked);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1500, 1501, row, 1);
	scene->topology.nodes[1].replay_rate = first;
	scene->topology.nodes[2].replay_rate = second;
	scene_publish(scene);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1500, 1501, row, 1);
	return fake_call(0, CALL_QUERY);
}

static void replicas_that_will_be_late_for_sure_are_not_waited_for(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);

	fake_answer_primary(early_at_rates(&scene, &asked, "order", 0.001, 0.001), 2000, row, 1);

	assert_int_equal(asked.request->reason, REASON_SPILL_LAG);
	assert_int_equal(asked.request->wait_us, 0);
	asked_free(&asked);
	scene_fini(&scene);
}

static void replicas_that_will_be_late_are_told_as_when_to_come_back(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);

	assert_null(early_at_rates(&scene, &asked, "fresh", 0.0001, 0.0002));

	assert_int_equal(asked.request->outcome, OUTCOME_CONSISTENCY_TIMEOUT);
	assert_in_range(asked.request->retry_after_us, 2490 * US_PER_MS, 2510 * US_PER_MS);
	asked_free(&asked);
	scene_fini(&scene);
}

static void who_waits_waits_at_the_replica_that_is_there_first(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);

	assert_null(early_at_rates(&scene, &asked, "order", 0.001, 0.05));

	assert_non_null(fake_call(2, CALL_PROBE));
	assert_null(fake_call(1, CALL_PROBE));
	fake_answer(fake_call(2, CALL_PROBE), 2000, 2000, NULL, 0);
	fake_answer(fake_call(2, CALL_QUERY), 2000, 2000, row, 1);
	assert_int_equal(asked.request->reason, REASON_WAITED);
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_parked_query_spills_when_the_wait_limit_is_over(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	park(&scene, &asked, "order");
	scene_pass(&scene, 29 * US_PER_MS);
	assert_null(fake_call(0, CALL_QUERY));

	scene_pass(&scene, 2 * US_PER_MS);

	fake_answer_primary(fake_call(0, CALL_QUERY), 2000, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_SPILL_LAG);
	assert_int_equal(asked.request->served_by, SERVED_BY_PRIMARY);
	asked_free(&asked);
	scene_pass(&scene, 0);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), 1500, 1500, NULL, 0);
	scene_fini(&scene);
}

static void a_query_that_declares_stale_is_answered_late_and_marked(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	park(&scene, &asked, "orders");

	scene_pass(&scene, 31 * US_PER_MS);

	if (fake_call(0, CALL_QUERY))
		fail_msg("the primary was asked though a stale answer is declared acceptable");
	node = fake_call(1, CALL_QUERY) ? 1 : 2;
	fake_answer(fake_call(node, CALL_QUERY), 1500, 1501, row, 1);
	assert_document(&asked, "{\"data\":[{\"id\":7}]}");
	assert_int_equal(asked.request->reason, REASON_STALE);
	asked_free(&asked);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), 1500, 1500, NULL, 0);
	scene_fini(&scene);
}

static void a_query_that_declares_fail_never_burdens_the_primary(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	park(&scene, &asked, "fresh");

	scene_pass(&scene, 31 * US_PER_MS);

	assert_null(fake_call(0, CALL_QUERY));
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_CONSISTENCY_TIMEOUT);
	asked_free(&asked);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), 1500, 1500, NULL, 0);
	scene_fini(&scene);
}

static void the_spill_budget_protects_the_primary(void **state)
{
	struct scene scene;
	struct asked first, second;

	(void)state;
	scene_init(&scene);
	scene.options.queue_max = 4; /* a quarter of it: one */
	scene.topology.nodes[1].paused = scene.topology.nodes[2].paused = true;
	scene_publish(&scene);
	wrote(&scene, "ann", 2000);
	scene_ask(&scene, &first, REQUEST_QUERY, "order", "ann");
	scene_ask(&scene, &second, REQUEST_QUERY, "order", "ann");

	scene_take(&scene, &first);
	scene_take(&scene, &second);

	assert_int_equal(fake_waiting(0), 1);
	assert_int_equal(second.done, 1);
	assert_int_equal(second.request->outcome, OUTCOME_SPILL_LIMIT);
	fake_answer_primary(fake_call(0, CALL_QUERY), 2000, row, 1);
	assert_document(&first, "{\"data\":{\"id\":7}}");
	asked_free(&first);
	asked_free(&second);
	scene_fini(&scene);
}

static void what_one_replica_has_no_room_for_is_answered_by_the_other(void **state)
{
	struct scene scene;
	struct asked first, second;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &first, REQUEST_QUERY, "order", "ann");
	scene_ask(&scene, &second, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &first);
	node = asked_replica();
	fake_answer(fake_call(node, CALL_QUERY), 1000, 1000, row, 1);
	fake_full(node, true);

	scene_take(&scene, &second);

	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), 1000, 1000, row, 1);
	assert_document(&second, "{\"data\":{\"id\":7}}");
	asked_free(&first);
	asked_free(&second);
	scene_fini(&scene);
}

static void who_lost_its_place_at_one_replica_is_answered_by_the_other(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->refusal = REFUSAL_SHED;

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "it waited too long to be served");

	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), 1000, 1000, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	asked_free(&asked);
	scene_fini(&scene);
}

static void who_lost_its_place_with_no_time_left_is_told_at_once(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->refusal = REFUSAL_SHED;
	asked.request->deadline_us = loop_now(scene.loop);

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "it waited too long to be served");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_SHED);
	asked_free(&asked);
	scene_fini(&scene);
}

static void what_no_replica_has_room_for_does_not_burden_the_primary(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	fake_full(1, true);
	fake_full(2, true);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");

	scene_take(&scene, &asked);

	assert_int_equal(fake_waiting(0), 0);
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_FULL);
	asked_free(&asked);
	scene_fini(&scene);
}

static void the_primary_answers_for_a_missing_replica_what_the_other_refuses(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	scene.topology.nodes[2].in_rotation = false;
	scene_publish(&scene);
	fake_full(1, true);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");

	scene_take(&scene, &asked);

	fake_answer_primary(fake_call(0, CALL_QUERY), 2000, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_SPILL_NO_REPLICA);
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_conflict_with_recovery_is_answered_by_another_node(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->in_recovery = true;

	fake_error(fake_call(node, CALL_QUERY), "40001", "conflict with recovery");
	scene_pass(&scene, 5 * US_PER_MS);

	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), 1000, 1000, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_node_that_stops_answering_gives_its_queries_to_the_others(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();
	scene_lose(&scene, node);

	scene_publish(&scene);

	assert_non_null(fake_abandoned(node));
	scene_pass(&scene, 5 * US_PER_MS);
	fake_answer(fake_call(3 - node, CALL_QUERY), 1000, 1000, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_node_that_is_back_is_dialed_at_once(void **state)
{
	struct scene scene;
	unsigned dials;

	(void)state;
	scene_init(&scene);
	scene_lose(&scene, 1);
	scene_publish(&scene);
	dials = fake_dials(1);
	scene.topology.nodes[1].contact = NODE_REACHED;

	scene_publish(&scene);

	assert_int_equal(fake_dials(1), dials + 1);
	scene_publish(&scene);
	assert_int_equal(fake_dials(1), dials + 1);
	scene_fini(&scene);
}

static void a_replica_that_turns_out_to_be_a_primary_is_not_believed(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();

	fake_answer_primary(fake_call(node, CALL_QUERY), 5000, row, 1);

	assert_int_equal(asked.done, 0);
	fake_answer(fake_call(3 - node, CALL_QUERY), 1000, 1000, row, 1);
	assert_int_equal(asked.done, 1);
	asked_free(&asked);
	scene_fini(&scene);
}

static void no_query_outlives_its_deadline(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);

	scene_pass(&scene, 5 * US_PER_S + 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_TIMEOUT);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_client_that_went_away_leaves_nothing_behind(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	park(&scene, &asked, "order");

	asked.request->on_client_gone(asked.request);

	assert_int_equal(asked.done, 1);
	asked_free(&asked);
	fake_answer(fake_call(probed_replica(), CALL_PROBE), 9000, 9000, NULL, 0);
	assert_int_equal(fake_waiting(0) + fake_waiting(1) + fake_waiting(2), 0);
	scene_fini(&scene);
}

static void before_any_primary_was_seen_only_eventual_is_served(void **state)
{
	struct scene scene;
	struct asked session, eventual;

	(void)state;
	scene_init(&scene);
	sessions_free(scene.sessions);
	scene_stop(&scene);
	scene.sessions = sessions_new(64);
	scene_start(&scene);
	scene_ask(&scene, &session, REQUEST_QUERY, "order", "ann");
	scene_ask(&scene, &eventual, REQUEST_QUERY, "order", "ann");
	eventual.request->level = LEVEL_EVENTUAL;

	scene_take(&scene, &session);
	scene_take(&scene, &eventual);

	assert_int_equal(session.request->outcome, OUTCOME_NO_PRIMARY);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1000, 1000, row, 1);
	assert_int_equal(eventual.request->outcome, OUTCOME_OK);
	assert_int_equal(eventual.request->reason, REASON_ANY);
	asked_free(&session);
	asked_free(&eventual);
	scene_fini(&scene);
}

static void a_token_binds_a_reader_of_another_instance(void **state)
{
	struct scene scene;
	struct asked first, second;
	char token[TOKEN_TEXT_MAX + 1];
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &first, REQUEST_QUERY, "order", NULL);
	scene_take(&scene, &first);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1000, 2500, row, 1);
	memcpy(token, first.request->token, sizeof(token));
	scene_ask(&scene, &second, REQUEST_QUERY, "order", NULL);
	second.request->tokens[0] = text_of(token);
	second.request->tokens_count = 1;
	scene_take(&scene, &second);
	node = asked_replica();

	fake_answer(fake_call(node, CALL_QUERY), 2499, 2500, row, 1);

	assert_int_equal(second.done, 0);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 2500, 2500, row, 1);
	assert_document(&second, "{\"data\":{\"id\":7}}");
	asked_free(&first);
	asked_free(&second);
	scene_fini(&scene);
}

static void a_refusal_by_a_standby_that_is_behind_proves_nothing(void **state)
{
	struct scene scene;
	struct asked asked;
	struct call *call;
	unsigned node;

	(void)state;
	scene_init(&scene);
	wrote(&scene, "ann", 2000);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();
	call = fake_call(node, CALL_QUERY);
	call->lower = 1500;
	call->in_recovery = true;

	fake_error(call, "PT404", "no such order");

	assert_int_equal(asked.done, 0);
	fake_answer(fake_call(3 - node, CALL_QUERY), 2000, 2000, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->status, 0);
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_call_that_waited_in_vain_is_told_as_queue_timeout_and_goes_nowhere_else(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->refusal = REFUSAL_EXPIRED;

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "waited too long for a connection");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_TIMEOUT);
	assert_int_equal(fake_waiting(0) + fake_waiting(1) + fake_waiting(2), 0);
	asked_free(&asked);
	scene_fini(&scene);
}

static void a_token_of_a_newer_timeline_is_not_answered_by_an_older_primary(void **state)
{
	struct scene scene;
	struct asked first, second;
	char token[TOKEN_TEXT_MAX + 1];

	(void)state;
	scene_init(&scene);
	scene.topology.primary_position.timeline = 2;
	for (unsigned i = 0; i < 3; i++)
		scene.topology.nodes[i].position.timeline = 2;
	sessions_raise_floor(scene.sessions, (struct position){ 2, 1000 });
	scene_publish(&scene);
	scene_ask(&scene, &first, REQUEST_QUERY, "order", NULL);
	scene_take(&scene, &first);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1000, 1000, row, 1);
	memcpy(token, first.request->token, sizeof(token));
	scene.topology.primary_position.timeline = 1;
	for (unsigned i = 0; i < 3; i++)
		scene.topology.nodes[i].position.timeline = 1;
	scene_publish(&scene);
	scene_ask(&scene, &second, REQUEST_QUERY, "order", NULL);
	second.request->tokens[0] = text_of(token);
	second.request->tokens_count = 1;

	scene_take(&scene, &second);

	assert_int_equal(second.done, 1);
	assert_int_equal(second.request->outcome, OUTCOME_NO_PRIMARY);
	asked_free(&first);
	asked_free(&second);
	scene_fini(&scene);
}

static void an_answer_of_another_life_of_the_node_is_not_told(void **state)
{
	struct scene scene;
	struct asked asked;
	unsigned node;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(&scene, &asked);
	node = asked_replica();
	scene.topology.nodes[node].life++;
	scene.topology.nodes[node].position.timeline = 2;
	snapshot_publish(scene.snapshot, &scene.topology);

	fake_answer(fake_call(node, CALL_QUERY), 9000, 9000, row, 1);

	assert_int_equal(asked.done, 0);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), 9000, 9000, row, 1);
	assert_int_equal(asked.done, 1);
	asked_free(&asked);
	scene_fini(&scene);
}

static void strong_asks_the_primary(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", NULL);
	asked.request->level = LEVEL_STRONG;
	scene_take(&scene, &asked);

	fake_answer_primary(fake_call(0, CALL_QUERY), 1000, row, 1);

	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_STRONG);
	asked_free(&asked);
	scene_fini(&scene);
}

static void one_row_promised_and_none_found_is_404_with_a_token(void **state)
{
	struct scene scene;
	struct asked asked;

	(void)state;
	scene_init(&scene);
	scene_ask(&scene, &asked, REQUEST_QUERY, "order", NULL);
	scene_take(&scene, &asked);

	fake_answer(fake_call(asked_replica(), CALL_QUERY), 1000, 1000, NULL, 0);

	assert_int_equal(asked.request->outcome, OUTCOME_NOT_FOUND);
	assert_true(asked.request->token[0] != '\0');
	asked_free(&asked);
	scene_fini(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_of_a_user_who_wrote_nothing_is_answered_by_a_replica),
		cmocka_unit_test(
			rows_that_came_too_early_are_thrown_away_and_the_other_replica_is_asked),
		cmocka_unit_test(a_parked_query_is_woken_by_the_position_it_waits_for),
		cmocka_unit_test(a_node_is_asked_by_one_probe_at_a_time_while_someone_waits_there),
		cmocka_unit_test(replicas_that_will_be_late_for_sure_are_not_waited_for),
		cmocka_unit_test(replicas_that_will_be_late_are_told_as_when_to_come_back),
		cmocka_unit_test(who_waits_waits_at_the_replica_that_is_there_first),
		cmocka_unit_test(a_parked_query_spills_when_the_wait_limit_is_over),
		cmocka_unit_test(a_query_that_declares_stale_is_answered_late_and_marked),
		cmocka_unit_test(a_query_that_declares_fail_never_burdens_the_primary),
		cmocka_unit_test(the_spill_budget_protects_the_primary),
		cmocka_unit_test(what_one_replica_has_no_room_for_is_answered_by_the_other),
		cmocka_unit_test(who_lost_its_place_at_one_replica_is_answered_by_the_other),
		cmocka_unit_test(who_lost_its_place_with_no_time_left_is_told_at_once),
		cmocka_unit_test(what_no_replica_has_room_for_does_not_burden_the_primary),
		cmocka_unit_test(the_primary_answers_for_a_missing_replica_what_the_other_refuses),
		cmocka_unit_test(a_conflict_with_recovery_is_answered_by_another_node),
		cmocka_unit_test(a_node_that_stops_answering_gives_its_queries_to_the_others),
		cmocka_unit_test(a_node_that_is_back_is_dialed_at_once),
		cmocka_unit_test(a_replica_that_turns_out_to_be_a_primary_is_not_believed),
		cmocka_unit_test(no_query_outlives_its_deadline),
		cmocka_unit_test(a_client_that_went_away_leaves_nothing_behind),
		cmocka_unit_test(before_any_primary_was_seen_only_eventual_is_served),
		cmocka_unit_test(a_token_binds_a_reader_of_another_instance),
		cmocka_unit_test(a_refusal_by_a_standby_that_is_behind_proves_nothing),
		cmocka_unit_test(
			a_call_that_waited_in_vain_is_told_as_queue_timeout_and_goes_nowhere_else),
		cmocka_unit_test(a_token_of_a_newer_timeline_is_not_answered_by_an_older_primary),
		cmocka_unit_test(an_answer_of_another_life_of_the_node_is_not_told),
		cmocka_unit_test(strong_asks_the_primary),
		cmocka_unit_test(one_row_promised_and_none_found_is_404_with_a_token),
	};

	return cmocka_run_group_tests_name("query steps", tests, NULL, NULL);
}
