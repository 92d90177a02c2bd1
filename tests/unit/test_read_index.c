/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c required_story.c */
/* Queries that must see what was acknowledged through other instances. */
#include "router/read_index.h"

#include "base/clock.h"
#include "required_story.h"
#include "router/requirement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define INDEX 1700

static void share_sessions(struct story *story)
{
	story->scene.options.sessions = SESSIONS_CLUSTER;
}

static void ask_as(struct story *story, struct asked *asked, const char *operation,
		   const char *user)
{
	scene_ask(&story->scene, asked, REQUEST_QUERY, operation, user);
}

/* The primary says that it has come to INDEX; a replica that has answers. */
static void answered_by_a_replica(struct story *story)
{
	struct call *call;

	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
	call = fake_call(1, CALL_QUERY) ? fake_call(1, CALL_QUERY) : fake_call(2, CALL_QUERY);
	assert_non_null(call);
	fake_answer(call, INDEX, INDEX, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(story->asked.request->served_by, SERVED_BY_REPLICA);
}

static void take_as(struct story *story, const char *operation, const char *user)
{
	ask_as(story, &story->asked, operation, user);
	scene_take(&story->scene, &story->asked);
}

static void take_strong(struct story *story, const char *operation)
{
	ask_as(story, &story->asked, operation, "ann");
	story->asked.request->level = LEVEL_STRONG;
	story->asked.request->from = FROM_REPLICA;
	scene_take(&story->scene, &story->asked);
}

static void a_user_sees_what_was_written_elsewhere_before(void **state)
{
	struct story *story = *state;

	share_sessions(story);
	take_as(story, "order", "ann");
	assert_null(fake_call(1, CALL_QUERY));
	assert_null(fake_call(2, CALL_QUERY));
	answered_by_a_replica(story);
	assert_int_equal(told(story).lsn, INDEX);
}

static void a_replica_that_has_not_come_so_far_does_not_count(void **state)
{
	struct story *story = *state;
	struct call *call;

	share_sessions(story);
	take_as(story, "order", "ann");
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
	call = fake_call(1, CALL_QUERY) ? fake_call(1, CALL_QUERY) : fake_call(2, CALL_QUERY);
	fake_answer(call, INDEX - 1, INDEX - 1, row, 1);
	assert_int_equal(story->asked.done, 0);
}

static void sessions_of_one_instance_ask_nothing(void **state)
{
	struct story *story = *state;

	take_as(story, "order", "ann");
	assert_null(fake_call(0, CALL_PROBE));
	assert_true(fake_call(1, CALL_QUERY) || fake_call(2, CALL_QUERY));
}

static void without_a_user_there_is_nothing_to_ask_for(void **state)
{
	struct story *story = *state;

	share_sessions(story);
	take_as(story, "order", NULL);
	assert_null(fake_call(0, CALL_PROBE));
}

static void queries_that_wait_together_share_a_probe(void **state)
{
	struct story *story = *state;
	struct asked other;

	share_sessions(story);
	take_as(story, "order", "ann");
	ask_as(story, &other, "order", "bob");
	scene_take(&story->scene, &other);
	assert_int_equal(fake_waiting(0), 1);
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
	assert_int_equal(fake_waiting(0), 0);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 2);
}

static void a_query_that_comes_behind_the_probe_takes_the_next_one(void **state)
{
	struct story *story = *state;
	struct asked other;
	struct call *probe;

	share_sessions(story);
	take_as(story, "order", "ann");
	probe = fake_call(0, CALL_PROBE);
	probe->sent_us = loop_now(story->scene.loop);
	ask_as(story, &other, "order", "bob");
	scene_take(&story->scene, &other);
	fake_answer_primary(probe, INDEX, NULL, 0);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	assert_int_equal(other.done, 0);
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX + 100, NULL, 0);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 2);
}

/* A query waits behind a probe that was sent before it came. */
static struct call *a_late_query(struct story *story, struct asked *late)
{
	struct call *probe;

	share_sessions(story);
	take_as(story, "order", "ann");
	probe = fake_call(0, CALL_PROBE);
	probe->sent_us = loop_now(story->scene.loop);
	ask_as(story, late, "order", "bob");
	scene_take(&story->scene, late);
	return probe;
}

static struct call *a_command(struct story *story, struct asked *command)
{
	scene_ask(&story->scene, command, REQUEST_COMMAND, "place", "eve");
	scene_take(&story->scene, command);
	return fake_call(0, CALL_COMMAND);
}

static void a_command_that_was_sent_later_spares_the_next_probe(void **state)
{
	struct story *story = *state;
	struct asked late, command;
	struct call *probe = a_late_query(story, &late);
	struct call *call = a_command(story, &command);

	scene_pass(&story->scene, 1);
	call->wal_end = INDEX;
	fake_commit(call, INDEX, true, row, 1);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 1);
	fake_answer_primary(probe, INDEX, NULL, 0);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 2);
	assert_null(fake_call(0, CALL_PROBE));
}

static void a_command_that_was_sent_before_says_nothing_to_it(void **state)
{
	struct story *story = *state;
	struct asked late, command;
	struct call *probe = a_late_query(story, &late);
	struct call *call = a_command(story, &command);

	call->wal_end = INDEX;
	fake_commit(call, INDEX, true, row, 1);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
	fake_answer_primary(probe, INDEX, NULL, 0);
	assert_non_null(fake_call(0, CALL_PROBE));
}

static void one_that_goes_away_leaves_the_probe_to_the_others(void **state)
{
	struct story *story = *state;
	struct asked other;

	share_sessions(story);
	ask_as(story, &other, "order", "bob");
	scene_take(&story->scene, &other);
	take_as(story, "order", "ann");
	other.request->on_client_gone(other.request);
	assert_int_equal(other.done, 1);
	answered_by_a_replica(story);
}

static void a_standby_by_now_has_said_nothing(void **state)
{
	struct story *story = *state;

	share_sessions(story);
	take_as(story, "order", "ann");
	fake_answer(fake_call(0, CALL_PROBE), INDEX, INDEX, NULL, 0);
	assert_int_equal(fake_waiting(1) + fake_waiting(2), 0);
	answered_by_a_replica(story);
}

static void a_promotion_on_the_way_asks_the_new_primary(void **state)
{
	struct story *story = *state;

	share_sessions(story);
	take_as(story, "order", "ann");
	promote(&story->scene, true);
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
	assert_int_equal(fake_waiting(0), 0);
	fake_answer_primary(fake_call(1, CALL_PROBE), INDEX, NULL, 0);
	fake_answer(fake_call(2, CALL_QUERY), INDEX, INDEX, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(told(story).timeline, 2);
}

static void a_promotion_behind_it_asks_once_more(void **state)
{
	struct story *story = *state;
	struct call *call;

	share_sessions(story);
	take_as(story, "order", "ann");
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
	promote(&story->scene, true);
	call = fake_call(1, CALL_QUERY) ? fake_call(1, CALL_QUERY) : fake_call(2, CALL_QUERY);
	fake_answer(call, INDEX, INDEX, row, 1);
	assert_int_equal(story->asked.done, 0);
	assert_non_null(fake_call(1, CALL_PROBE));
}

static void lose_the_primary(struct story *story)
{
	scene_lose(&story->scene, 0);
	story->scene.topology.primary = -1;
	scene_publish(&story->scene);
}

static void without_a_primary_a_session_is_refused(void **state)
{
	struct story *story = *state;

	share_sessions(story);
	lose_the_primary(story);
	take_as(story, "order", "ann");
	assert_int_equal(story->asked.request->outcome, OUTCOME_CONSISTENCY_TIMEOUT);
}

static void without_a_primary_a_stale_answer_may_do(void **state)
{
	struct story *story = *state;
	struct call *call;

	share_sessions(story);
	lose_the_primary(story);
	take_as(story, "orders", "ann");
	call = fake_call(1, CALL_QUERY) ? fake_call(1, CALL_QUERY) : fake_call(2, CALL_QUERY);
	fake_answer(call, SCENE_LSN, SCENE_LSN, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(story->asked.request->reason, REASON_STALE);
}

static void what_is_acknowledged_early_is_asked_of_the_primary(void **state)
{
	struct story *story = *state;

	share_sessions(story);
	story->scene.topology.commits = COMMITS_EARLY;
	scene_publish(&story->scene);
	take_as(story, "order", "ann");
	assert_null(fake_call(0, CALL_PROBE));
	fake_answer_primary(fake_call(0, CALL_QUERY), INDEX, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
}

static void a_probe_that_fails_for_good_leaves_the_primary_to_answer(void **state)
{
	struct story *story = *state;

	share_sessions(story);
	take_as(story, "order", "ann");
	for (unsigned i = 0; i < 3; i++)
		fake_unsent(fake_call(0, CALL_PROBE), "no room");
	assert_null(fake_call(0, CALL_PROBE));
	fake_answer_primary(fake_call(0, CALL_QUERY), INDEX, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
}

static void a_strong_query_is_answered_by_a_replica(void **state)
{
	struct story *story = *state;

	take_strong(story, "order");
	answered_by_a_replica(story);
	assert_int_equal(story->asked.request->level_used, LEVEL_STRONG);
	assert_int_equal(story->asked.request->reason, REASON_VERIFIED_LATE);
}

static void a_strong_query_that_falls_back_says_so(void **state)
{
	struct story *story = *state;

	for (unsigned i = 1; i < 3; i++)
		scene_lose(&story->scene, i);
	scene_publish(&story->scene);
	take_strong(story, "order");
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
	fake_answer_primary(fake_call(0, CALL_QUERY), INDEX, row, 1);
	assert_int_equal(story->asked.request->reason, REASON_STRONG_PRIMARY);
}

static void one_that_never_falls_back_is_refused(void **state)
{
	struct story *story = *state;

	for (unsigned i = 1; i < 3; i++)
		scene_lose(&story->scene, i);
	scene_publish(&story->scene);
	take_strong(story, "fresh");
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
	assert_null(fake_call(0, CALL_QUERY));
	assert_int_equal(story->asked.request->outcome, OUTCOME_NO_REPLICA);
}

/* Without any replica configured, too: there the primary answers everything else. */
static void one_that_never_falls_back_is_refused_by_a_lone_primary(void **state)
{
	struct story *story = *state;

	story->scene.topology.count = 1;
	scene_publish(&story->scene);
	take_strong(story, "fresh");
	assert_null(fake_call(0, CALL_QUERY));
	assert_int_equal(story->asked.request->outcome, OUTCOME_NO_REPLICA);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_user_sees_what_was_written_elsewhere_before),
		STORY(a_replica_that_has_not_come_so_far_does_not_count),
		STORY(sessions_of_one_instance_ask_nothing),
		STORY(without_a_user_there_is_nothing_to_ask_for),
		STORY(queries_that_wait_together_share_a_probe),
		STORY(a_query_that_comes_behind_the_probe_takes_the_next_one),
		STORY(a_command_that_was_sent_later_spares_the_next_probe),
		STORY(a_command_that_was_sent_before_says_nothing_to_it),
		STORY(one_that_goes_away_leaves_the_probe_to_the_others),
		STORY(a_standby_by_now_has_said_nothing),
		STORY(a_promotion_on_the_way_asks_the_new_primary),
		STORY(a_promotion_behind_it_asks_once_more),
		STORY(without_a_primary_a_session_is_refused),
		STORY(without_a_primary_a_stale_answer_may_do),
		STORY(what_is_acknowledged_early_is_asked_of_the_primary),
		STORY(a_probe_that_fails_for_good_leaves_the_primary_to_answer),
		STORY(a_strong_query_is_answered_by_a_replica),
		STORY(a_strong_query_that_falls_back_says_so),
		STORY(one_that_never_falls_back_is_refused),
		STORY(one_that_never_falls_back_is_refused_by_a_lone_primary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
