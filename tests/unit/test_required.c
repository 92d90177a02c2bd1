/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c required_story.c */
/* What a token or a session entry of another timeline means for a request. */
#include "router/consistency/required.h"

#include "base/clock.h"
#include "required_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_lost(struct story *story)
{
	assert_int_equal(story->asked.done, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_WRITE_LOST);
	assert_int_equal(told(story).timeline, 2);
	assert_int_equal(told(story).lsn, 1500);
	asked_free(&story->asked);
}

static void a_token_that_survived_is_required_on_the_new_timeline(void **state)
{
	struct story *story = *state;

	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, NULL, (struct position){ 1, 1200 });
	story->asked.request->level = LEVEL_EVENTUAL;
	take(story);
	fake_answer(fake_call(2, CALL_QUERY), 1200, 1210, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(told(story).timeline, 2);
	assert_int_equal(told(story).lsn, 1210);
	asked_free(&story->asked);
}

static void a_token_that_is_lost_is_told_and_replaced(void **state)
{
	struct story *story = *state;

	promote(&story->scene, true);
	for (int i = 0; i < 2; i++) {
		ask(story, REQUEST_QUERY, NULL, (struct position){ 1, 1201 });
		take(story);
		assert_lost(story);
	}
	ask(story, REQUEST_QUERY, NULL, (struct position){ 1, 1201 });
	story->asked.request->level = LEVEL_EVENTUAL;
	take(story);
	assert_lost(story);
}

static void a_command_with_a_lost_token_runs_nothing(void **state)
{
	struct story *story = *state;

	promote(&story->scene, true);
	ask(story, REQUEST_COMMAND, NULL, (struct position){ 1, 1201 });
	take(story);
	assert_lost(story);
	assert_null(fake_call(1, CALL_COMMAND));
}

static void a_token_whose_fate_is_unknown_asks_the_primary(void **state)
{
	struct story *story = *state;

	promote(&story->scene, false);
	ask(story, REQUEST_QUERY, NULL, (struct position){ 1, 1100 });
	take(story);
	fake_answer_primary(fake_call(1, CALL_QUERY), 1600, row, 1);
	assert_int_equal(story->asked.request->reason, REASON_STRONG);
	asked_free(&story->asked);
}

static void a_lost_session_entry_is_told_once(void **state)
{
	struct story *story = *state;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	take(story);
	assert_lost(story);
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	take(story);
	fake_answer(fake_call(2, CALL_QUERY), 1500, 1500, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

static void strong_queries_and_commands_are_told_too_eventual_ones_are_not(void **state)
{
	struct story *story = *state;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("bob"), (struct position){ 1, 1300 }));
	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	story->asked.request->level = LEVEL_EVENTUAL;
	take(story);
	fake_answer(fake_call(2, CALL_QUERY), SCENE_LSN, SCENE_LSN, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	story->asked.request->level = LEVEL_STRONG;
	take(story);
	assert_lost(story);
	ask(story, REQUEST_COMMAND, "bob", POSITION_NONE);
	take(story);
	assert_lost(story);
}

static void a_session_entry_that_survived_bothers_nobody(void **state)
{
	struct story *story = *state;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1200 }));
	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	take(story);
	fake_answer(fake_call(2, CALL_QUERY), 1200, 1200, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
	/* Nor those without an entry: the floor of the start survived. */
	ask(story, REQUEST_QUERY, "bob", POSITION_NONE);
	take(story);
	fake_answer(fake_call(2, CALL_QUERY), 1500, 1500, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

static void a_lost_floor_is_told_once_to_each_user(void **state)
{
	struct story *story = *state;

	sessions_raise_floor(story->scene.sessions, (struct position){ 1, 1250 });
	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, "bob", POSITION_NONE);
	take(story);
	assert_lost(story);
	ask(story, REQUEST_QUERY, "bob", POSITION_NONE);
	take(story);
	fake_answer(fake_call(2, CALL_QUERY), 1500, 1500, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

/* It was on its way when the promotion was found. */
static void an_answer_from_before_the_promotion_is_judged_again(void **state)
{
	struct story *story = *state;
	struct call *call;
	unsigned at;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	take(story);
	at = fake_call(1, CALL_QUERY) ? 1 : 2;
	call = fake_call(at, CALL_QUERY);
	promote(&story->scene, true);
	fake_answer(call, 1300, 1300, row, 1);
	assert_lost(story);
}

static void a_command_that_committed_on_the_old_primary_survived(void **state)
{
	struct story *story = *state;
	struct call *call;

	ask(story, REQUEST_COMMAND, "ann", POSITION_NONE);
	take(story);
	call = fake_call(0, CALL_COMMAND);
	promote(&story->scene, true);
	fake_commit(call, 1200, true, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(told(story).timeline, 2);
	assert_int_equal(told(story).lsn, 1200);
	assert_int_equal(sessions_find(story->scene.sessions, TEXT("ann")).position.timeline, 2);
	asked_free(&story->asked);
}

static void a_command_that_may_be_lost_is_never_acknowledged(void **state)
{
	struct story *story = *state;
	struct call *call;

	ask(story, REQUEST_COMMAND, "ann", POSITION_NONE);
	take(story);
	call = fake_call(0, CALL_COMMAND);
	promote(&story->scene, true);
	fake_commit(call, 1201, true, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OUTCOME_UNKNOWN);
	assert_false(sessions_find(story->scene.sessions, TEXT("ann")).remembered);
	asked_free(&story->asked);
}

static void the_token_that_is_told_stands_for_what_was_not_lost_too(void **state)
{
	struct story *story = *state;

	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, NULL, (struct position){ 2, 1700 });
	bring(story, (struct position){ 1, 1201 });
	take(story);
	assert_int_equal(story->asked.request->outcome, OUTCOME_WRITE_LOST);
	assert_int_equal(told(story).timeline, 2);
	assert_int_equal(told(story).lsn, 1700);
	asked_free(&story->asked);
}

static void a_token_and_a_session_that_are_lost_are_told_at_once(void **state)
{
	struct story *story = *state;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	promote(&story->scene, true);
	ask(story, REQUEST_COMMAND, "ann", (struct position){ 1, 1300 });
	take(story);
	assert_non_null(strstr(story->asked.request->detail, "token"));
	assert_non_null(strstr(story->asked.request->detail, "user"));
	assert_lost(story);
	ask(story, REQUEST_COMMAND, "ann", (struct position){ 2, 1500 });
	take(story);
	assert_non_null(fake_call(1, CALL_COMMAND));
	fake_lost(fake_call(1, CALL_COMMAND), CALL_UNSENT, "the story ends");
	asked_free(&story->asked);
}

/* What is refused for another reason leaves what is to be told for the next request. */
static void a_request_that_is_refused_settles_nothing(void **state)
{
	struct story *story = *state;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	story->asked.request->tokens[0] = TEXT("rubbish");
	story->asked.request->tokens_count = 1;
	take(story);
	assert_int_equal(story->asked.request->outcome, OUTCOME_INVALID_CONSISTENCY_TOKEN);
	asked_free(&story->asked);
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	take(story);
	assert_lost(story);
}

/* The floor is raised, and the doubt is there, a moment before the topology is published. */
static void nobody_is_told_before_the_new_timeline_is_known(void **state)
{
	struct story *story = *state;
	struct topology *topology = &story->scene.topology;

	sessions_raise_floor(story->scene.sessions, (struct position){ 1, 1250 });
	topology->history = (struct history){ 2, true, 1, { { 1, 1200 } } };
	sessions_promoted(story->scene.sessions, &topology->history, NULL,
			  (struct position){ 2, 1500 });
	ask(story, REQUEST_QUERY, "bob", POSITION_NONE);
	take(story);
	assert_int_equal(story->asked.request->outcome, OUTCOME_NO_PRIMARY);
	asked_free(&story->asked);
	promote(&story->scene, true);
	ask(story, REQUEST_QUERY, "bob", POSITION_NONE);
	take(story);
	assert_lost(story);
}

static void a_command_is_not_run_again_behind_a_loss(void **state)
{
	struct story *story = *state;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	ask(story, REQUEST_COMMAND, "ann", POSITION_NONE);
	take(story);
	fake_error(fake_call(0, CALL_COMMAND), "40001", "could not serialize");
	promote(&story->scene, true);
	for (unsigned i = 0; i < 100 && !story->asked.done; i++)
		scene_pass(&story->scene, US_PER_MS);
	assert_null(fake_call(1, CALL_COMMAND));
	assert_lost(story);
}

static void no_row_from_before_the_promotion_is_judged_again(void **state)
{
	struct story *story = *state;
	struct call *call;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	ask(story, REQUEST_QUERY, "ann", POSITION_NONE);
	take(story);
	call = fake_call(fake_call(1, CALL_QUERY) ? 1 : 2, CALL_QUERY);
	promote(&story->scene, true);
	fake_answer(call, 1300, 1300, NULL, 0);
	assert_lost(story);
}

/* The standby that has the query follows the new timeline; nobody here has seen it. */
static struct call *gone_over(struct story *story, const char *user, enum level level)
{
	struct call *call;

	ask(story, REQUEST_QUERY, user, POSITION_NONE);
	story->asked.request->level = level;
	take(story);
	call = fake_call(fake_call(1, CALL_QUERY) ? 1 : 2, CALL_QUERY);
	call->timeline = 2;
	return call;
}

static void an_lsn_of_another_timeline_proves_nothing(void **state)
{
	struct story *story = *state;
	unsigned polls = fake_polls_now();

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1300 }));
	for (unsigned i = 0; i < 2; i++) {
		struct call *call = i ? fake_call(fake_call(1, CALL_QUERY) ? 1 : 2, CALL_QUERY)
				      : gone_over(story, "ann", LEVEL_SESSION);

		call->timeline = 2;
		fake_answer(call, 1400, 1400, row, 1);
		assert_int_equal(story->asked.done, 0);
	}
	assert_true(fake_polls_now() >= polls + 2);
	fake_answer_primary(fake_call(0, CALL_QUERY), 1300, row, 1);
	assert_int_equal(story->asked.request->reason, REASON_SPILL_NO_REPLICA);
	asked_free(&story->asked);
}

static void with_nothing_to_prove_the_token_names_the_other_timeline(void **state)
{
	struct story *story = *state;

	fake_answer(gone_over(story, NULL, LEVEL_EVENTUAL), 1400, 1400, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(told(story).timeline, 2);
	assert_int_equal(told(story).lsn, 1400);
	asked_free(&story->asked);
}

/* A standby of the old timeline, without any primary, for who declares @on-lag stale. */
static void stale_of_the_old_timeline(struct story *story, uint64_t brought, uint64_t seen,
				      uint64_t lsn)
{
	struct topology *topology = &story->scene.topology;

	promote(&story->scene, true);
	topology->primary = -1;
	scene_lose(&story->scene, 1);
	topology->nodes[2].position = (struct position){ 1, seen };
	snapshot_publish(story->scene.snapshot, topology);
	scene_ask(&story->scene, &story->asked, REQUEST_QUERY, "orders", NULL);
	story->asked.request->level = LEVEL_EVENTUAL;
	bring(story, (struct position){ 2, brought });
	take(story);
	fake_answer(fake_call(2, CALL_QUERY), seen, seen, row, 1);
	assert_int_equal(story->asked.request->reason, REASON_STALE);
	assert_int_equal(told(story).timeline, 2);
	assert_int_equal(told(story).lsn, lsn);
	asked_free(&story->asked);
}

static void what_a_client_brought_is_not_dropped_for_what_it_saw_elsewhere(void **state)
{
	stale_of_the_old_timeline(*state, 1400, 1350, 1400);
}

static void what_a_client_saw_elsewhere_counts_where_it_survived(void **state)
{
	stale_of_the_old_timeline(*state, 1100, 1150, 1150);
}

/* --- a branch that was given up --------------------------------------------------------------- */

/* The cluster goes back to timeline 1, where node 0 had come to that position. */
static void go_back(struct story *story, uint64_t lsn)
{
	struct scene *scene = &story->scene;
	struct topology *topology = &scene->topology;

	assert_true(branches_leave(&topology->branches, &topology->history,
				   topology->primary_position.lsn, lsn));
	topology->history = (struct history){ .timeline = 1, .complete = true };
	topology->primary = 0;
	topology->primary_position =
		(struct position){ branches_timeline(&topology->branches, 1), lsn };
	for (unsigned i = 0; i < 3; i++) {
		topology->nodes[i].position = topology->primary_position;
		topology->nodes[i].life++;
		topology->nodes[i].role = i ? NODE_REPLICA : NODE_PRIMARY;
		topology->nodes[i].in_rotation = true;
	}
	sessions_promoted(scene->sessions, &topology->history, &topology->branches,
			  topology->primary_position);
	snapshot_publish(scene->snapshot, topology);
}

static void assert_lost_at(struct story *story, uint32_t number, uint64_t lsn)
{
	assert_int_equal(story->asked.request->outcome, OUTCOME_WRITE_LOST);
	assert_int_equal(told(story).timeline, number);
	assert_int_equal(told(story).lsn, lsn);
	asked_free(&story->asked);
}

static void what_was_written_on_a_branch_that_was_given_up_is_told(void **state)
{
	struct story *story = *state;

	promote(&story->scene, true);
	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 2, 1600 }));
	ask(story, REQUEST_QUERY, NULL, (struct position){ 2, 1600 });
	go_back(story, 1300);
	take(story);
	assert_lost_at(story, 1, 1300);
	for (unsigned i = 0; i < 2; i++) {
		ask(story, REQUEST_COMMAND, "ann", POSITION_NONE);
		take(story);
		if (i == 0)
			assert_lost_at(story, 1, 1300);
	}
	fake_commit(fake_call(0, CALL_COMMAND), 1350, true, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_int_equal(sessions_find(story->scene.sessions, TEXT("ann")).position.timeline,
			 story->scene.topology.primary_position.timeline);
	asked_free(&story->asked);
	/* Those who lost nothing are told nothing. */
	ask(story, REQUEST_QUERY, "bob", POSITION_NONE);
	take(story);
	assert_int_equal(story->asked.done, 0);
	scene_pass(&story->scene, 6 * US_PER_S);
	asked_free(&story->asked);
}

static void a_command_of_a_branch_that_was_given_up_is_never_acknowledged(void **state)
{
	struct story *story = *state;
	struct call *call;

	ask(story, REQUEST_COMMAND, "ann", POSITION_NONE);
	take(story);
	call = fake_call(0, CALL_COMMAND);
	go_back(story, 900);
	fake_commit(call, 1100, true, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OUTCOME_UNKNOWN);
	assert_false(sessions_find(story->scene.sessions, TEXT("ann")).remembered);
	asked_free(&story->asked);
}

/* Of an instance that had seen more than this one. */
static void where_wal_was_lost_a_token_beyond_the_primary_is_lost(void **state)
{
	struct story *story = *state;
	struct call *call;

	ask(story, REQUEST_COMMAND, NULL, (struct position){ 1, UINT64_C(1) << 40 });
	go_back(story, 900);
	take(story);
	call = fake_call(0, CALL_PROBE);
	assert_non_null(call);
	call->wal_end = 950;
	fake_answer_primary(call, 950, NULL, 0);
	assert_lost_at(story, 1, 900);
}

static void a_timeline_that_nobody_is_on_is_lost_when_all_agree_for_long(void **state)
{
	struct story *story = *state;
	struct topology *topology = &story->scene.topology;

	story->scene.options.timeline_back_us = 10 * US_PER_S;
	topology->history = (struct history){ .timeline = 1, .complete = true };
	topology->agreed_us = SCENE_START_US;
	snapshot_publish(story->scene.snapshot, topology);
	for (unsigned i = 0; i < 4; i++) {
		ask(story, REQUEST_QUERY, NULL, (struct position){ 2, 1600 });
		take(story);
		if (i == 3)
			break;
		assert_int_equal(story->asked.request->outcome, OUTCOME_NO_PRIMARY);
		asked_free(&story->asked);
		scene_pass(&story->scene, 5 * US_PER_S);
		/* Not before the primary was looked at since, and found. */
		topology->nodes[0].seen_us = SCENE_START_US + (i < 2 ? 9 : 15) * US_PER_S;
		snapshot_publish(story->scene.snapshot, topology);
	}
	assert_lost_at(story, 1, 1000);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_token_that_survived_is_required_on_the_new_timeline),
		STORY(a_token_that_is_lost_is_told_and_replaced),
		STORY(a_command_with_a_lost_token_runs_nothing),
		STORY(a_token_whose_fate_is_unknown_asks_the_primary),
		STORY(a_lost_session_entry_is_told_once),
		STORY(strong_queries_and_commands_are_told_too_eventual_ones_are_not),
		STORY(a_session_entry_that_survived_bothers_nobody),
		STORY(a_lost_floor_is_told_once_to_each_user),
		STORY(an_answer_from_before_the_promotion_is_judged_again),
		STORY(a_command_that_committed_on_the_old_primary_survived),
		STORY(a_command_that_may_be_lost_is_never_acknowledged),
		STORY(the_token_that_is_told_stands_for_what_was_not_lost_too),
		STORY(a_token_and_a_session_that_are_lost_are_told_at_once),
		STORY(a_request_that_is_refused_settles_nothing),
		STORY(nobody_is_told_before_the_new_timeline_is_known),
		STORY(a_command_is_not_run_again_behind_a_loss),
		STORY(no_row_from_before_the_promotion_is_judged_again),
		STORY(an_lsn_of_another_timeline_proves_nothing),
		STORY(with_nothing_to_prove_the_token_names_the_other_timeline),
		STORY(what_a_client_brought_is_not_dropped_for_what_it_saw_elsewhere),
		STORY(what_a_client_saw_elsewhere_counts_where_it_survived),
		STORY(what_was_written_on_a_branch_that_was_given_up_is_told),
		STORY(a_command_of_a_branch_that_was_given_up_is_never_acknowledged),
		STORY(where_wal_was_lost_a_token_beyond_the_primary_is_lost),
		STORY(a_timeline_that_nobody_is_on_is_lost_when_all_agree_for_long),
	};

	return cmocka_run_group_tests_name("fates", tests, NULL, NULL);
}
