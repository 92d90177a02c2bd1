/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c required_story.c */
/* Strong queries whose answers standbys confirm. */
#include "router/read_index.h"

#include "required_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define INDEX 1700

enum { INT8 = 20 };

/* So many of the replicas have to be seen. */
static void need(struct story *story, unsigned needed)
{
	story->scene.topology.confirmation =
		(struct confirmation){ .needed = needed, .standbys = 6, .node = -1 };
	scene_publish(&story->scene);
}

static void take_strong(struct story *story, enum from from)
{
	scene_ask(&story->scene, &story->asked, REQUEST_QUERY, "order", "ann");
	story->asked.request->level = LEVEL_STRONG;
	story->asked.request->from = from;
	scene_take(&story->scene, &story->asked);
}

static void index_is_known(void)
{
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
}

static unsigned asked_replica(void)
{
	return fake_call(1, CALL_QUERY) ? 1 : 2;
}

/* By a replica to which that timeline is streamed behind the query. */
static void answered_on(uint32_t timeline)
{
	struct call *call = fake_call(asked_replica(), CALL_QUERY);

	call->timeline = call->streamed = timeline;
	fake_answer(call, INDEX, INDEX, row, 1);
}

static void witness_says(unsigned node, uint32_t timeline)
{
	struct call *probe = fake_call(node, CALL_PROBE);

	assert_non_null(probe);
	probe->timeline = probe->streamed = timeline;
	fake_answer(probe, INDEX, INDEX, NULL, 0);
}

static void confirmed(const struct story *story, enum confirmed expected)
{
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(story->asked.request->confirmed, expected);
}

static void the_replica_that_answers_is_a_witness(void **state)
{
	struct story *story = *state;

	need(story, 1);
	take_strong(story, FROM_REPLICA);
	assert_null(fake_call(1, CALL_PROBE));
	index_is_known();
	answered_on(1);
	confirmed(story, CONFIRMED);
}

static void one_that_does_not_tell_its_timeline_is_none(void **state)
{
	struct story *story = *state;

	need(story, 1);
	take_strong(story, FROM_REPLICA);
	index_is_known();
	answered_on(0);
	confirmed(story, UNCONFIRMED);
}

static void one_that_nothing_is_streamed_to_is_none(void **state)
{
	struct story *story = *state;
	struct call *call;

	need(story, 1);
	take_strong(story, FROM_REPLICA);
	index_is_known();
	call = fake_call(asked_replica(), CALL_QUERY);
	call->timeline = 1;
	fake_answer(call, INDEX, INDEX, row, 1);
	confirmed(story, UNCONFIRMED);
}

static void one_that_is_not_named_is_none(void **state)
{
	struct story *story = *state;

	need(story, 1);
	story->scene.topology.confirmation.standbys = 1;
	scene_publish(&story->scene);
	take_strong(story, FROM_REPLICA);
	index_is_known();
	answered_on(1);
	confirmed(story, UNCONFIRMED);
}

static void where_nothing_can_be_proven_nothing_is(void **state)
{
	struct story *story = *state;

	take_strong(story, FROM_REPLICA);
	index_is_known();
	answered_on(1);
	confirmed(story, UNCONFIRMED);
}

static void others_are_asked_where_more_are_needed(void **state)
{
	struct story *story = *state;

	need(story, 2);
	take_strong(story, FROM_REPLICA);
	witness_says(1, 1);
	witness_says(2, 1);
	index_is_known();
	answered_on(1);
	confirmed(story, CONFIRMED);
}

static void one_that_has_not_answered_is_none(void **state)
{
	struct story *story = *state;

	need(story, 2);
	take_strong(story, FROM_REPLICA);
	index_is_known();
	answered_on(1);
	confirmed(story, UNCONFIRMED);
}

static void one_that_follows_another_primary_is_none(void **state)
{
	struct story *story = *state;

	need(story, 2);
	take_strong(story, FROM_REPLICA);
	witness_says(1, 2);
	witness_says(2, 2);
	index_is_known();
	answered_on(1);
	confirmed(story, UNCONFIRMED);
}

static void what_a_witness_said_before_does_not_count(void **state)
{
	struct story *story = *state;
	struct asked other;

	need(story, 2);
	take_strong(story, FROM_REPLICA);
	for (unsigned node = 1; node < 3; node++)
		fake_call(node, CALL_PROBE)->sent_us = loop_now(story->scene.loop);
	index_is_known();
	scene_ask(&story->scene, &other, REQUEST_QUERY, "order", "bob");
	other.request->level = LEVEL_STRONG;
	other.request->from = FROM_REPLICA;
	scene_take(&story->scene, &other);
	witness_says(1, 1);
	witness_says(2, 1);
	answered_on(1);
	confirmed(story, CONFIRMED);
	index_is_known();
	answered_on(1);
	assert_int_equal(other.request->confirmed, UNCONFIRMED);
}

static void queries_share_a_witness_that_was_not_sent_yet(void **state)
{
	struct story *story = *state;
	struct asked other;

	need(story, 2);
	take_strong(story, FROM_REPLICA);
	scene_ask(&story->scene, &other, REQUEST_QUERY, "order", "bob");
	other.request->level = LEVEL_STRONG;
	other.request->from = FROM_REPLICA;
	scene_take(&story->scene, &other);
	witness_says(1, 1);
	witness_says(2, 1);
	assert_null(fake_call(1, CALL_PROBE));
	assert_null(fake_call(2, CALL_PROBE));
	index_is_known();
	answered_on(1);
	answered_on(1);
	confirmed(story, CONFIRMED);
	assert_int_equal(other.request->confirmed, CONFIRMED);
}

static void a_witness_that_restarted_has_said_nothing(void **state)
{
	struct story *story = *state;

	need(story, 2);
	take_strong(story, FROM_REPLICA);
	witness_says(1, 1);
	witness_says(2, 1);
	index_is_known();
	story->scene.topology.nodes[3 - asked_replica()].life++;
	scene_publish(&story->scene);
	answered_on(1);
	confirmed(story, UNCONFIRMED);
}

static void refused(const struct story *story)
{
	assert_int_equal(story->asked.done, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_UNCONFIRMED);
}

static void who_demands_it_is_refused_where_nothing_can_be_proven(void **state)
{
	struct story *story = *state;

	take_strong(story, FROM_REPLICA_CONFIRMED);
	index_is_known();
	refused(story);
}

static void who_demands_it_waits_for_a_witness(void **state)
{
	struct story *story = *state;

	story->scene.options.wait_us_max = 100000;
	need(story, 2);
	take_strong(story, FROM_REPLICA_CONFIRMED);
	index_is_known();
	answered_on(1);
	assert_int_equal(story->asked.done, 0);
	witness_says(1, 1);
	witness_says(2, 1);
	scene_pass(&story->scene, 5000);
	answered_on(1);
	confirmed(story, CONFIRMED);
}

static void who_demands_it_does_not_wait_for_ever(void **state)
{
	struct story *story = *state;

	story->scene.options.wait_us_max = 100000;
	need(story, 2);
	take_strong(story, FROM_REPLICA_CONFIRMED);
	index_is_known();
	answered_on(1);
	scene_pass(&story->scene, 5000);
	answered_on(1);
	assert_int_equal(story->asked.done, 0);
	scene_pass(&story->scene, 100000);
	answered_on(1);
	refused(story);
}

static void who_demands_it_gets_no_answer_of_the_primary(void **state)
{
	struct story *story = *state;

	need(story, 1);
	for (unsigned i = 1; i < 3; i++)
		scene_lose(&story->scene, i);
	scene_publish(&story->scene);
	take_strong(story, FROM_REPLICA_CONFIRMED);
	index_is_known();
	assert_null(fake_call(0, CALL_QUERY));
	refused(story);
}

/* The query, at a replica that has the index, and too few witnesses to confirm an answer. */
static struct call *too_few_have_seen(struct story *story)
{
	struct call *call;

	story->scene.options.wait_us_max = 0;
	for (unsigned i = 1; i < 3; i++)
		story->scene.topology.nodes[i].position.lsn = INDEX;
	need(story, 2);
	take_strong(story, FROM_REPLICA_CONFIRMED);
	index_is_known();
	call = fake_call(asked_replica(), CALL_QUERY);
	call->lower = INDEX;
	call->in_recovery = true;
	return call;
}

static void an_error_is_told_as_it_is(void **state)
{
	static const struct {
		const char *sqlstate;
		enum outcome outcome;
	} cases[] = {
		{ "22012", OUTCOME_INVALID_VALUE },
		{ "22P02", OUTCOME_INVALID_VALUE },
		{ "P0001", OUTCOME_REJECTED },
	};
	struct story *story = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_error(too_few_have_seen(story), cases[i].sqlstate, "no");
		assert_int_equal(story->asked.done, 1);
		assert_int_equal(story->asked.request->outcome, cases[i].outcome);
		scene_anew(&story->scene);
	}
	fake_lost(too_few_have_seen(story), CALL_TOO_LARGE, NULL);
	assert_int_equal(story->asked.request->outcome, OUTCOME_RESULT_TOO_LARGE);
}

static void a_changed_schema_is_described_anew(void **state)
{
	struct story *story = *state;
	struct call *call = too_few_have_seen(story);

	call->generation = statement_generation(call->statement);
	call->error.of_catalog = true;
	fake_error(call, "42804", "column is of another type");
	assert_int_equal(story->asked.done, 0);
	fake_described(fake_describing(0), INT8, INT8);
	witness_says(1, 1);
	witness_says(2, 1);
	answered_on(1);
	confirmed(story, CONFIRMED);
}

static void that_there_is_no_row_is_an_answer(void **state)
{
	struct story *story = *state;

	fake_answer(too_few_have_seen(story), INDEX, INDEX, NULL, 0);
	refused(story);
}

static void what_the_primary_answers_is_not_confirmed(void **state)
{
	struct story *story = *state;

	need(story, 1);
	for (unsigned i = 1; i < 3; i++)
		scene_lose(&story->scene, i);
	scene_publish(&story->scene);
	take_strong(story, FROM_REPLICA);
	index_is_known();
	fake_answer_primary(fake_call(0, CALL_QUERY), INDEX, row, 1);
	confirmed(story, UNCONFIRMED);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_replica_that_answers_is_a_witness),
		STORY(one_that_does_not_tell_its_timeline_is_none),
		STORY(one_that_nothing_is_streamed_to_is_none),
		STORY(one_that_is_not_named_is_none),
		STORY(where_nothing_can_be_proven_nothing_is),
		STORY(others_are_asked_where_more_are_needed),
		STORY(one_that_has_not_answered_is_none),
		STORY(one_that_follows_another_primary_is_none),
		STORY(what_a_witness_said_before_does_not_count),
		STORY(queries_share_a_witness_that_was_not_sent_yet),
		STORY(a_witness_that_restarted_has_said_nothing),
		STORY(who_demands_it_is_refused_where_nothing_can_be_proven),
		STORY(who_demands_it_waits_for_a_witness),
		STORY(who_demands_it_does_not_wait_for_ever),
		STORY(who_demands_it_gets_no_answer_of_the_primary),
		STORY(an_error_is_told_as_it_is),
		STORY(a_changed_schema_is_described_anew),
		STORY(that_there_is_no_row_is_an_answer),
		STORY(what_the_primary_answers_is_not_confirmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
