/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Prefer: wait-replicas: what has committed is told as committed, with who shows it by then. */
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COMMITTED_LSN 2000

struct story {
	struct scene scene;
	struct asked asked;
};

static int start(void **state)
{
	struct story *story = calloc(1, sizeof(*story));

	assert_non_null(story);
	scene_init(&story->scene);
	*state = story;
	return 0;
}

/* What is still asked of a node is told to nobody. */
static int stop(void **state)
{
	struct story *story = *state;

	assert_int_equal(story->asked.done, 1);
	asked_free(&story->asked);
	for (unsigned node = 1; node < 3; node++)
		if (fake_call(node, CALL_PROBE))
			fake_answer(fake_call(node, CALL_PROBE), 1, 1, NULL, 0);
	scene_fini(&story->scene);
	free(story);
	return 0;
}

/* Committed just now; wait_us -1: not given. */
static struct asked *commit(struct story *story, int replicas, int64_t wait_us)
{
	struct asked *asked = &story->asked;

	scene_ask(&story->scene, asked, REQUEST_COMMAND, "place", "ann");
	asked->request->prefer_replicas = replicas;
	asked->request->prefer_wait_us = wait_us;
	scene_take(&story->scene, asked);
	fake_commit(fake_call(0, CALL_COMMAND), COMMITTED_LSN, true, "{\"id\":7}", 1);
	return asked;
}

static void probe_says(unsigned node, uint64_t lsn)
{
	assert_non_null(fake_call(node, CALL_PROBE));
	fake_answer(fake_call(node, CALL_PROBE), lsn, lsn, NULL, 0);
}

static void looked(struct story *story, unsigned node, uint64_t lsn)
{
	story->scene.topology.nodes[node].position.lsn = lsn;
	scene_publish(&story->scene);
}

/* Answered as what it is, committed, with that many replicas. */
static void assert_told(const struct asked *asked, int replicas)
{
	assert_int_equal(asked->done, 1);
	assert_int_equal(asked->request->outcome, OUTCOME_OK);
	assert_int_equal(asked->request->status, 0);
	assert_int_equal(asked->request->replicas_applied, replicas);
	assert_true(asked->request->token[0] != '\0');
	assert_non_null(memmem(asked->request->out.ptr, asked->request->out.len,
			       "{\"data\":{\"id\":7},\"token\":\"", 26));
}

static void the_reply_leaves_when_enough_replicas_show_it(void **state)
{
	struct asked *asked = commit(*state, 2, -1);
	struct story *story = *state;
	struct position required;

	required = sessions_find(story->scene.sessions, TEXT("ann")).position;
	assert_int_equal(required.lsn, COMMITTED_LSN);
	probe_says(1, COMMITTED_LSN);
	assert_int_equal(asked->done, 0);
	probe_says(2, COMMITTED_LSN - 1);
	assert_int_equal(asked->done, 0);
	scene_pass(&story->scene, 2 * US_PER_MS);

	probe_says(2, COMMITTED_LSN);

	assert_told(asked, 2);
	assert_int_equal(asked->request->wait_us, 2 * US_PER_MS);
}

static void one_is_enough_where_one_was_asked_for(void **state)
{
	struct asked *asked = commit(*state, 1, -1);

	probe_says(2, COMMITTED_LSN + 5);

	assert_told(asked, 1);
}

static void a_look_of_the_monitor_counts_as_well(void **state)
{
	struct asked *asked = commit(*state, 1, -1);

	looked(*state, 1, COMMITTED_LSN);

	assert_told(asked, 1);
}

static void what_replicas_show_already_is_not_waited_for(void **state)
{
	looked(*state, 1, COMMITTED_LSN);

	assert_told(commit(*state, 1, -1), 1);
	assert_null(fake_call(2, CALL_PROBE));
}

static void a_time_that_is_over_tells_how_many_there_are(void **state)
{
	struct asked *asked = commit(*state, 2, 50 * US_PER_MS);
	struct story *story = *state;

	probe_says(1, COMMITTED_LSN);
	scene_pass(&story->scene, 49 * US_PER_MS);
	assert_int_equal(asked->done, 0);

	scene_pass(&story->scene, 2 * US_PER_MS);

	assert_told(asked, 1);
	assert_true(asked->request->wait_applied);
}

static void no_time_at_all_tells_what_is_known(void **state)
{
	assert_told(commit(*state, 2, 0), 0);
}

static void the_deadline_never_makes_a_committed_command_late(void **state)
{
	struct asked *asked = commit(*state, 1, 60 * US_PER_S);
	struct story *story = *state;

	scene_pass(&story->scene, 4900 * US_PER_MS);
	assert_int_equal(asked->done, 0);

	scene_pass(&story->scene, 100 * US_PER_MS);

	assert_told(asked, 0);
}

static void a_commit_within_the_grace_after_the_deadline_waits_no_more(void **state)
{
	struct story *story = *state;
	struct asked *asked = &story->asked;

	scene_ask(&story->scene, asked, REQUEST_COMMAND, "place", "ann");
	asked->request->prefer_replicas = 1;
	scene_take(&story->scene, asked);
	fake_call(0, CALL_COMMAND)->conn = (struct conn *)story; /* it has left */
	scene_pass(&story->scene, 5500 * US_PER_MS);

	fake_commit(fake_call(0, CALL_COMMAND), COMMITTED_LSN, true, "{\"id\":7}", 1);

	assert_told(asked, 0);
}

static void a_client_that_went_away_ends_the_wait_and_nothing_else(void **state)
{
	struct asked *asked = commit(*state, 1, -1);

	asked->request->on_client_gone(asked->request);

	assert_told(asked, 0);
}

static void nobody_is_waited_for_when_none_is_wanted(void **state)
{
	assert_told(commit(*state, 0, -1), 0);
}

static void more_than_there_are_is_as_many_as_there_are(void **state)
{
	struct asked *asked = commit(*state, 5, -1);

	probe_says(1, COMMITTED_LSN);
	assert_int_equal(asked->done, 0);
	probe_says(2, COMMITTED_LSN);

	assert_told(asked, 2);
}

static void without_the_preference_nothing_is_waited_for_or_told(void **state)
{
	assert_told(commit(*state, -1, -1), -1);
}

static void a_command_that_wrote_nothing_waits_for_what_it_found(void **state)
{
	struct story *story = *state;
	struct asked *asked = &story->asked;

	scene_ask(&story->scene, asked, REQUEST_COMMAND, "place", "ann");
	asked->request->prefer_replicas = 1;
	scene_take(&story->scene, asked);
	fake_commit(fake_call(0, CALL_COMMAND), COMMITTED_LSN, false, "{\"id\":7}", 1);
	assert_int_equal(asked->done, 0);

	probe_says(1, COMMITTED_LSN);

	assert_told(asked, 1);
}

static void a_replica_out_of_rotation_counts_when_it_is_back(void **state)
{
	struct story *story = *state;
	struct asked *asked;

	story->scene.topology.nodes[1].in_rotation = false;
	story->scene.topology.nodes[2].in_rotation = false;
	scene_publish(&story->scene);
	asked = commit(story, 1, -1);
	assert_null(fake_call(1, CALL_PROBE));
	looked(story, 1, COMMITTED_LSN);
	assert_int_equal(asked->done, 0);

	story->scene.topology.nodes[1].in_rotation = true;
	scene_publish(&story->scene);

	assert_told(asked, 1);
}

static void a_replica_that_comes_into_rotation_is_asked(void **state)
{
	struct story *story = *state;
	struct asked *asked;

	story->scene.topology.nodes[1].in_rotation = false;
	scene_publish(&story->scene);
	asked = commit(story, 2, -1);
	story->scene.topology.nodes[1].in_rotation = true;
	scene_publish(&story->scene);

	probe_says(1, COMMITTED_LSN);
	probe_says(2, COMMITTED_LSN);

	assert_told(asked, 2);
}

static void replicas_that_vanish_leave_the_number_of_before(void **state)
{
	struct asked *asked = commit(*state, 2, 50 * US_PER_MS);
	struct story *story = *state;

	probe_says(1, COMMITTED_LSN);
	for (unsigned i = 1; i < 3; i++) {
		scene_lose(&story->scene, i);
		story->scene.topology.nodes[i].role = NODE_UNKNOWN;
		story->scene.topology.nodes[i].life++;
	}
	scene_publish(&story->scene);
	assert_int_equal(asked->done, 0);

	scene_pass(&story->scene, 60 * US_PER_MS);

	assert_told(asked, 1);
}

/* Node 1 is the primary of timeline 2, which left timeline 1 at that lsn; node 2 follows it. */
static void promote(struct story *story, uint64_t switch_lsn)
{
	struct topology *topology = &story->scene.topology;

	topology->nodes[0].role = NODE_UNKNOWN;
	scene_lose(&story->scene, 0);
	topology->nodes[1].role = NODE_PRIMARY;
	topology->nodes[1].life++;
	topology->primary = 1;
	topology->nodes[1].position = (struct position){ 2, COMMITTED_LSN + 500 };
	topology->nodes[2].position = (struct position){ 2, COMMITTED_LSN + 500 };
	topology->primary_position = topology->nodes[1].position;
	if (switch_lsn)
		topology->history = (struct history){
			.timeline = 2,
			.complete = true,
			.count = 1,
			.switches = { { 1, switch_lsn } },
		};
	scene_publish(&story->scene);
}

static void a_replica_of_another_timeline_counts_where_the_position_survived(void **state)
{
	struct asked *asked = commit(*state, 1, -1);

	promote(*state, COMMITTED_LSN);

	assert_told(asked, 1);
}

static void a_position_that_is_lost_is_not_waited_for_and_counts_nowhere(void **state)
{
	struct asked *asked = commit(*state, 1, -1);

	promote(*state, COMMITTED_LSN - 1);

	assert_told(asked, 0);
}

static void without_the_history_a_replica_of_another_timeline_does_not_count(void **state)
{
	struct asked *asked = commit(*state, 1, 50 * US_PER_MS);
	struct story *story = *state;

	promote(story, 0);
	assert_int_equal(asked->done, 0);

	scene_pass(&story->scene, 60 * US_PER_MS);

	assert_told(asked, 0);
}

static void when_the_history_is_known_it_counts(void **state)
{
	struct asked *asked = commit(*state, 1, 50 * US_PER_MS);

	promote(*state, 0);
	promote(*state, COMMITTED_LSN + 100);

	assert_told(asked, 1);
}

static void where_too_many_wait_already_the_reply_does_not(void **state)
{
	struct story *story = *state;
	struct waiters *waiters = &story->scene.router->nodes[2].waiters;
	static struct waiter others[PARKED_MAX];

	for (unsigned i = 0; i < PARKED_MAX; i++) {
		others[i] = (struct waiter){ .lsn = UINT64_MAX };
		assert_true(waiters_park(waiters, &others[i]));
	}
	looked(story, 1, COMMITTED_LSN);

	assert_told(commit(story, 2, -1), 1);

	assert_int_equal(story->scene.router->nodes[1].waiters.count, 0);
	for (unsigned i = 0; i < PARKED_MAX; i++)
		waiters_leave(waiters, &others[i]);
}

static void draining_answers_who_waits_and_lets_nobody_wait(void **state)
{
	struct asked *asked = commit(*state, 1, -1);
	struct story *story = *state;

	writes_drain(&story->scene.writes);

	assert_told(asked, 0);
	asked_free(asked);
	assert_told(commit(story, 1, -1), 0);
}

static void two_commands_that_wait_are_each_told_their_own(void **state)
{
	struct story *story = *state;
	struct story later = { .scene = story->scene };
	struct asked *first = commit(story, 2, -1), *second = &later.asked;

	scene_ask(&story->scene, second, REQUEST_COMMAND, "place", "bob");
	second->request->prefer_replicas = 1;
	scene_take(&story->scene, second);
	fake_commit(fake_call(0, CALL_COMMAND), COMMITTED_LSN + 10, true, "{\"id\":7}", 1);
	probe_says(1, COMMITTED_LSN + 10);
	assert_told(second, 1);
	assert_int_equal(first->done, 0);

	probe_says(2, COMMITTED_LSN);

	assert_told(first, 2);
	asked_free(second);
}

#define story(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(the_reply_leaves_when_enough_replicas_show_it),
		story(one_is_enough_where_one_was_asked_for),
		story(a_look_of_the_monitor_counts_as_well),
		story(what_replicas_show_already_is_not_waited_for),
		story(a_time_that_is_over_tells_how_many_there_are),
		story(no_time_at_all_tells_what_is_known),
		story(the_deadline_never_makes_a_committed_command_late),
		story(a_commit_within_the_grace_after_the_deadline_waits_no_more),
		story(a_client_that_went_away_ends_the_wait_and_nothing_else),
		story(nobody_is_waited_for_when_none_is_wanted),
		story(more_than_there_are_is_as_many_as_there_are),
		story(without_the_preference_nothing_is_waited_for_or_told),
		story(a_command_that_wrote_nothing_waits_for_what_it_found),
		story(a_replica_out_of_rotation_counts_when_it_is_back),
		story(a_replica_that_comes_into_rotation_is_asked),
		story(replicas_that_vanish_leave_the_number_of_before),
		story(a_replica_of_another_timeline_counts_where_the_position_survived),
		story(a_position_that_is_lost_is_not_waited_for_and_counts_nowhere),
		story(without_the_history_a_replica_of_another_timeline_does_not_count),
		story(when_the_history_is_known_it_counts),
		story(where_too_many_wait_already_the_reply_does_not),
		story(draining_answers_who_waits_and_lets_nobody_wait),
		story(two_commands_that_wait_are_each_told_their_own),
	};

	return cmocka_run_group_tests_name("visibility", tests, NULL, NULL);
}
