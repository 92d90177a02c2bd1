/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c query_story.c */
/* Queries: who answers, and what is thrown away. */
#include "query_story.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void a_query_of_a_user_who_wrote_nothing_is_answered_by_a_replica(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);

	node = asked_replica();
	fake_answer(fake_call(node, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);

	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_FRESH);
	assert_string_equal(asked.request->node, scene->nodes[node].name);
	assert_ptr_equal(asked.request->node_shown, scene->nodes[node].shown);
	assert_true(asked.request->token[0] != '\0');
}

static void rows_that_came_too_early_are_thrown_away_and_the_other_replica_is_asked(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	wrote(scene, "ann", REQUIRED_LSN);
	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();

	fake_answer(fake_call(node, CALL_QUERY), REQUIRED_LSN - 1, REQUIRED_LSN + 1, "{\"id\":1}",
		    1);

	assert_int_equal(asked.done, 0);
	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), REQUIRED_LSN, REQUIRED_LSN + 1, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_VERIFIED_LATE);
}

static void the_spill_budget_protects_the_primary(void **state)
{
	struct scene *scene = *state;
	struct asked first, second;

	scene->options.queue_max = 4; /* a quarter of it: one */
	scene->topology.nodes[1].paused = scene->topology.nodes[2].paused = true;
	scene_publish(scene);
	wrote(scene, "ann", REQUIRED_LSN);
	scene_ask(scene, &first, REQUEST_QUERY, "order", "ann");
	scene_ask(scene, &second, REQUEST_QUERY, "order", "ann");

	scene_take(scene, &first);
	scene_take(scene, &second);

	assert_int_equal(fake_waiting(0), 1);
	assert_int_equal(second.done, 1);
	assert_int_equal(second.request->outcome, OUTCOME_SPILL_LIMIT);
	fake_answer_primary(fake_call(0, CALL_QUERY), REQUIRED_LSN, row, 1);
	assert_document(&first, "{\"data\":{\"id\":7}}");
}

static void what_one_replica_has_no_room_for_is_answered_by_the_other(void **state)
{
	struct scene *scene = *state;
	struct asked first, second;
	unsigned node;

	scene_ask(scene, &first, REQUEST_QUERY, "order", "ann");
	scene_ask(scene, &second, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &first);
	node = asked_replica();
	fake_answer(fake_call(node, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	fake_full(node, true);

	scene_take(scene, &second);

	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	assert_document(&second, "{\"data\":{\"id\":7}}");
}

static void who_lost_its_place_at_one_replica_is_answered_by_the_other(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->refusal = REFUSAL_SHED;

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "it waited too long to be served");

	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
}

static void who_lost_its_place_with_no_time_left_is_told_at_once(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->refusal = REFUSAL_SHED;
	asked.request->deadline_us = loop_now(scene->loop);

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "it waited too long to be served");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_SHED);
}

static void what_no_replica_has_room_for_does_not_burden_the_primary(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_full(1, true);
	fake_full(2, true);
	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");

	scene_take(scene, &asked);

	assert_int_equal(fake_waiting(0), 0);
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_FULL);
}

static void the_primary_answers_for_a_missing_replica_what_the_other_refuses(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene->topology.nodes[2].in_rotation = false;
	scene_publish(scene);
	fake_full(1, true);
	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");

	scene_take(scene, &asked);

	fake_answer_primary(fake_call(0, CALL_QUERY), REQUIRED_LSN, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_SPILL_NO_REPLICA);
}

static void a_conflict_with_recovery_is_answered_by_another_node(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->in_recovery = true;

	fake_error(fake_call(node, CALL_QUERY), "40001", "conflict with recovery");
	scene_pass(scene, 5 * US_PER_MS);

	assert_int_equal(asked_replica(), 3 - node);
	fake_answer(fake_call(3 - node, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
}

static void a_node_that_stops_answering_gives_its_queries_to_the_others(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();
	scene_lose(scene, node);

	scene_publish(scene);

	assert_non_null(fake_abandoned(node));
	scene_pass(scene, 5 * US_PER_MS);
	fake_answer(fake_call(3 - node, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
}

static void a_node_that_is_back_is_dialed_at_once(void **state)
{
	struct scene *scene = *state;
	unsigned dials;

	scene_lose(scene, 1);
	scene_publish(scene);
	dials = fake_dials(1);
	scene->topology.nodes[1].contact = NODE_REACHED;

	scene_publish(scene);

	assert_int_equal(fake_dials(1), dials + 1);
	scene_publish(scene);
	assert_int_equal(fake_dials(1), dials + 1);
}

static void a_replica_that_turns_out_to_be_a_primary_is_not_believed(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();

	fake_answer_primary(fake_call(node, CALL_QUERY), LATER_LSN, row, 1);

	assert_int_equal(asked.done, 0);
	fake_answer(fake_call(3 - node, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	assert_int_equal(asked.done, 1);
}

static void no_query_outlives_its_deadline(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);

	scene_pass(scene, 5 * US_PER_S + 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_TIMEOUT);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
}

static void before_any_primary_was_seen_only_eventual_is_served(void **state)
{
	struct scene *scene = *state;
	struct asked session, eventual;

	sessions_free(scene->sessions);
	scene_stop(scene);
	scene->sessions = sessions_new(64);
	scene_start(scene);
	scene_ask(scene, &session, REQUEST_QUERY, "order", "ann");
	scene_ask(scene, &eventual, REQUEST_QUERY, "order", "ann");
	eventual.request->level = LEVEL_EVENTUAL;

	scene_take(scene, &session);
	scene_take(scene, &eventual);

	assert_int_equal(session.request->outcome, OUTCOME_NO_PRIMARY);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	assert_int_equal(eventual.request->outcome, OUTCOME_OK);
	assert_int_equal(eventual.request->reason, REASON_ANY);
}

static void a_token_binds_a_reader_of_another_instance(void **state)
{
	struct scene *scene = *state;
	struct asked first, second;
	char token[TOKEN_TEXT_MAX + 1];
	unsigned node;

	scene_ask(scene, &first, REQUEST_QUERY, "order", NULL);
	scene_take(scene, &first);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), SCENE_LSN, TOKEN_LSN, row, 1);
	memcpy(token, first.request->token, sizeof(token));
	scene_ask(scene, &second, REQUEST_QUERY, "order", NULL);
	second.request->tokens[0] = text_of(token);
	second.request->tokens_count = 1;
	scene_take(scene, &second);
	node = asked_replica();

	fake_answer(fake_call(node, CALL_QUERY), TOKEN_LSN - 1, TOKEN_LSN, row, 1);

	assert_int_equal(second.done, 0);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), TOKEN_LSN, TOKEN_LSN, row, 1);
	assert_document(&second, "{\"data\":{\"id\":7}}");
}

static void a_refusal_by_a_standby_that_is_behind_proves_nothing(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	struct call *call;
	unsigned node;

	wrote(scene, "ann", REQUIRED_LSN);
	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();
	call = fake_call(node, CALL_QUERY);
	call->lower = EARLY_LSN;
	call->in_recovery = true;

	fake_error(call, "PT404", "no such order");

	assert_int_equal(asked.done, 0);
	fake_answer(fake_call(3 - node, CALL_QUERY), REQUIRED_LSN, REQUIRED_LSN, row, 1);
	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->status, 0);
}

static void a_call_that_waited_in_vain_is_told_as_queue_timeout_and_goes_nowhere_else(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();
	fake_call(node, CALL_QUERY)->refusal = REFUSAL_EXPIRED;

	fake_lost(fake_call(node, CALL_QUERY), CALL_UNSENT, "waited too long for a connection");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_TIMEOUT);
	assert_int_equal(fake_waiting(0) + fake_waiting(1) + fake_waiting(2), 0);
}

/* Identical queries end together: with the loss of a node, and with what another one proves. */
static void what_was_lost_for_both_is_judged_for_each_where_it_is_placed_again(void **state)
{
	struct scene *scene = *state;
	struct asked anyone, ann;

	wrote(scene, "ann", REQUIRED_LSN);
	scene_ask(scene, &anyone, REQUEST_QUERY, "order", "bob");
	scene_ask(scene, &ann, REQUEST_QUERY, "order", "ann");
	scene->topology.nodes[1].paused = true;
	scene_publish(scene);
	scene_take(scene, &anyone);
	scene_take(scene, &ann);
	scene->topology.nodes[1].paused = false;
	scene_publish(scene);
	for (unsigned i = 0; i < 2; i++)
		fake_lost(fake_call(2, CALL_QUERY), CALL_LOST, "the connection was lost");
	scene_pass(scene, 5 * US_PER_MS);
	assert_int_equal(fake_waiting(1), 2);

	for (unsigned i = 0; i < 2; i++)
		fake_answer(fake_call(1, CALL_QUERY), REQUIRED_LSN - 1, REQUIRED_LSN, row, 1);

	assert_document(&anyone, "{\"data\":{\"id\":7}}");
	assert_int_equal(ann.done, 0);
}

static void a_token_of_a_newer_timeline_is_not_answered_by_an_older_primary(void **state)
{
	struct scene *scene = *state;
	struct asked first, second;
	char token[TOKEN_TEXT_MAX + 1];

	scene->topology.primary_position.timeline = 2;
	for (unsigned i = 0; i < 3; i++)
		scene->topology.nodes[i].position.timeline = 2;
	sessions_raise_floor(scene->sessions, (struct position){ 2, 1000 });
	scene_publish(scene);
	scene_ask(scene, &first, REQUEST_QUERY, "order", NULL);
	scene_take(scene, &first);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	memcpy(token, first.request->token, sizeof(token));
	scene->topology.primary_position.timeline = 1;
	for (unsigned i = 0; i < 3; i++)
		scene->topology.nodes[i].position.timeline = 1;
	scene_publish(scene);
	scene_ask(scene, &second, REQUEST_QUERY, "order", NULL);
	second.request->tokens[0] = text_of(token);
	second.request->tokens_count = 1;

	scene_take(scene, &second);

	assert_int_equal(second.done, 1);
	assert_int_equal(second.request->outcome, OUTCOME_NO_PRIMARY);
}

static void an_answer_of_another_life_of_the_node_is_not_told(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned node;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
	scene_take(scene, &asked);
	node = asked_replica();
	scene->topology.nodes[node].life++;
	scene->topology.nodes[node].position.timeline = 2;
	snapshot_publish(scene->snapshot, &scene->topology);

	fake_answer(fake_call(node, CALL_QUERY), LATER_LSN, LATER_LSN, row, 1);

	assert_int_equal(asked.done, 0);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), LATER_LSN, LATER_LSN, row, 1);
	assert_int_equal(asked.done, 1);
}

static void strong_asks_the_primary(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", NULL);
	asked.request->level = LEVEL_STRONG;
	scene_take(scene, &asked);

	fake_answer_primary(fake_call(0, CALL_QUERY), SCENE_LSN, row, 1);

	assert_document(&asked, "{\"data\":{\"id\":7}}");
	assert_int_equal(asked.request->reason, REASON_STRONG);
}

static void one_row_promised_and_none_found_is_404_with_a_token(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", NULL);
	scene_take(scene, &asked);

	fake_answer(fake_call(asked_replica(), CALL_QUERY), SCENE_LSN, SCENE_LSN, NULL, 0);

	assert_int_equal(asked.request->outcome, OUTCOME_NOT_FOUND);
	assert_true(asked.request->token[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(a_query_of_a_user_who_wrote_nothing_is_answered_by_a_replica),
		SCENE_STORY(
			rows_that_came_too_early_are_thrown_away_and_the_other_replica_is_asked),
		SCENE_STORY(the_spill_budget_protects_the_primary),
		SCENE_STORY(what_one_replica_has_no_room_for_is_answered_by_the_other),
		SCENE_STORY(who_lost_its_place_at_one_replica_is_answered_by_the_other),
		SCENE_STORY(who_lost_its_place_with_no_time_left_is_told_at_once),
		SCENE_STORY(what_no_replica_has_room_for_does_not_burden_the_primary),
		SCENE_STORY(the_primary_answers_for_a_missing_replica_what_the_other_refuses),
		SCENE_STORY(a_conflict_with_recovery_is_answered_by_another_node),
		SCENE_STORY(a_node_that_stops_answering_gives_its_queries_to_the_others),
		SCENE_STORY(a_node_that_is_back_is_dialed_at_once),
		SCENE_STORY(a_replica_that_turns_out_to_be_a_primary_is_not_believed),
		SCENE_STORY(no_query_outlives_its_deadline),
		SCENE_STORY(before_any_primary_was_seen_only_eventual_is_served),
		SCENE_STORY(a_token_binds_a_reader_of_another_instance),
		SCENE_STORY(a_refusal_by_a_standby_that_is_behind_proves_nothing),
		SCENE_STORY(
			a_call_that_waited_in_vain_is_told_as_queue_timeout_and_goes_nowhere_else),
		SCENE_STORY(what_was_lost_for_both_is_judged_for_each_where_it_is_placed_again),
		SCENE_STORY(a_token_of_a_newer_timeline_is_not_answered_by_an_older_primary),
		SCENE_STORY(an_answer_of_another_life_of_the_node_is_not_told),
		SCENE_STORY(strong_asks_the_primary),
		SCENE_STORY(one_row_promised_and_none_found_is_404_with_a_token),
	};

	return cmocka_run_group_tests_name("query steps", tests, NULL, NULL);
}
