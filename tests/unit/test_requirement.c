/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c required_story.c */
/* Tokens of positions that no loop has heard of: what the primary says of them counts. */
#include "router/requirement.h"

#include "base/clock.h"
#include "required_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct call *confirmed_at(struct story *story, enum request_kind kind, uint64_t wal_end)
{
	struct call *call;

	ask(story, kind, NULL, (struct position){ 1, 5000 });
	take(story);
	call = fake_call(0, CALL_PROBE);
	assert_non_null(call);
	call->wal_end = wal_end;
	fake_answer_primary(call, 1000, NULL, 0);
	return call;
}

static void a_token_beyond_the_primary_is_refused(void **state)
{
	struct story *story = *state;

	for (int kind = REQUEST_QUERY; kind <= REQUEST_COMMAND; kind++) {
		(void)confirmed_at(story, (enum request_kind)kind, 4998);
		assert_int_equal(story->asked.request->outcome, OUTCOME_INVALID_CONSISTENCY_TOKEN);
		assert_null(fake_call(0, CALL_COMMAND));
		asked_free(&story->asked);
	}
}

static void a_token_of_another_instance_is_asked_for_once(void **state)
{
	struct story *story = *state;

	(void)confirmed_at(story, REQUEST_COMMAND, 5000);
	fake_commit(fake_call(0, CALL_COMMAND), 5100, true, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
	ask(story, REQUEST_COMMAND, NULL, (struct position){ 1, 5100 });
	take(story);
	assert_null(fake_call(0, CALL_PROBE));
	fake_commit(fake_call(0, CALL_COMMAND), 5200, true, row, 1);
	asked_free(&story->asked);
}

static void at_the_tokens_very_position_the_primary_is_asked_once_more(void **state)
{
	struct story *story = *state;

	ask(story, REQUEST_QUERY, NULL, (struct position){ 1, 1000 });
	story->asked.request->level = LEVEL_STRONG;
	take(story);
	fake_answer_primary(fake_call(0, CALL_QUERY), 1000, row, 1);
	assert_int_equal(story->asked.done, 0);
	scene_pass(&story->scene, 2 * US_PER_MS);
	fake_answer_primary(fake_call(0, CALL_QUERY), 1000, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

/* A standby that does not know what comes next tells one byte more than it has replayed. */
static void a_token_one_byte_beyond_the_primary_is_none_beyond(void **state)
{
	struct story *story = *state;

	(void)confirmed_at(story, REQUEST_COMMAND, 4999);
	fake_commit(fake_call(0, CALL_COMMAND), 5100, true, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

static void strong_with_token(struct story *story, const char *user, uint64_t lsn)
{
	ask(story, REQUEST_QUERY, user, (struct position){ 1, lsn });
	story->asked.request->level = LEVEL_STRONG;
	take(story);
}

/* What the confirmation missed, the answer itself shows. */
static void a_primary_that_never_came_so_far_does_not_answer(void **state)
{
	struct story *story = *state;

	high_water_raise(&story->scene.high_water, (struct position){ 1, 5000 });
	strong_with_token(story, NULL, 5000);
	fake_answer_primary(fake_call(0, CALL_QUERY), 4000, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_INVALID_CONSISTENCY_TOKEN);
	asked_free(&story->asked);
}

/* synchronous_commit = off: its token is behind what is flushed, and it is visible. */
static void a_token_that_is_not_flushed_yet_is_answered_by_the_primary(void **state)
{
	struct story *story = *state;

	high_water_raise(&story->scene.high_water, (struct position){ 1, 1500 });
	strong_with_token(story, NULL, 1500);
	for (unsigned i = 0; i < 2; i++) {
		struct call *call = fake_call(0, CALL_QUERY);

		assert_int_equal(story->asked.done, 0);
		call->wal_end = 1500;
		fake_answer_primary(call, 1000, row, 1);
		scene_pass(&story->scene, 2 * US_PER_MS);
	}
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

static void no_row_at_the_tokens_very_position_is_looked_for_once_more(void **state)
{
	struct story *story = *state;

	strong_with_token(story, NULL, 1000);
	fake_answer_primary(fake_call(0, CALL_QUERY), 1000, NULL, 0);
	assert_int_equal(story->asked.done, 0);
	scene_pass(&story->scene, 2 * US_PER_MS);
	fake_answer_primary(fake_call(0, CALL_QUERY), 1000, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

static void a_users_own_last_write_needs_no_second_look(void **state)
{
	struct story *story = *state;

	assert_true(
		sessions_wrote(story->scene.sessions, TEXT("ann"), (struct position){ 1, 1000 }));
	strong_with_token(story, "ann", 1000);
	fake_answer_primary(fake_call(0, CALL_QUERY), 1000, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

/* --- a primary that is started anew ----------------------------------------------------------- */

enum { LIFE_BEFORE = 5, LIFE_AFTER = 6 };

static void restored_at(struct story *story, uint64_t lsn)
{
	struct topology *topology = &story->scene.topology;

	topology->lives.count = lsn ? 2 : 1;
	topology->lives.whole = true;
	topology->lives.items[0] = (struct life){ LIFE_BEFORE, 1, 1, 100 };
	topology->lives.items[1] = (struct life){ LIFE_AFTER, 1, 2, lsn };
	topology->nodes[0].life += lsn ? 1 : 0;
	scene_publish_unseen(&story->scene);
	router_refresh(story->scene.router);
}

/* It showed what is lost now: a token of it would be of the life of now. */
static void rows_of_before_an_older_copy_are_thrown_away(void **state)
{
	struct story *story = *state;
	unsigned node;

	restored_at(story, 0);
	ask(story, REQUEST_QUERY, NULL, POSITION_NONE);
	take(story);
	node = fake_call(1, CALL_QUERY) ? 1 : 2;
	restored_at(story, 600);
	fake_answer(fake_call(node, CALL_QUERY), 1000, 1000, row, 1);
	assert_int_equal(story->asked.done, 0);
	node = fake_call(1, CALL_QUERY) ? 1 : 2;
	fake_answer(fake_call(node, CALL_QUERY), 1000, 1000, row, 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	asked_free(&story->asked);
}

/* Its reply had come, and was read only now. */
static enum outcome committed_before_an_older_copy(struct story *story, uint64_t lsn, uint64_t cut)
{
	enum outcome outcome;
	struct call *call;

	restored_at(story, 0);
	ask(story, REQUEST_COMMAND, "ann", POSITION_NONE);
	take(story);
	call = fake_call(0, CALL_COMMAND);
	story->scene.topology.nodes[0].life--; /* the loop sees no other server yet */
	restored_at(story, cut);
	fake_commit(call, lsn, true, row, 1);
	outcome = story->asked.request->outcome;
	asked_free(&story->asked);
	return outcome;
}

static void a_commit_that_an_older_copy_lacks_is_not_acknowledged(void **state)
{
	assert_int_equal(committed_before_an_older_copy(*state, 1100, 1050),
			 OUTCOME_OUTCOME_UNKNOWN);
}

static void a_commit_that_a_restart_kept_is_acknowledged(void **state)
{
	assert_int_equal(committed_before_an_older_copy(*state, 1100, 1100), OUTCOME_OK);
}

static void a_primary_that_was_started_anew_gets_no_command_of_before(void **state)
{
	struct story *story = *state;

	restored_at(story, 0);
	assert_null(fake_abandoned(0));
	restored_at(story, 1100);
	assert_non_null(fake_abandoned(0));
	assert_null(fake_abandoned(1));
	assert_int_equal(story->scene.router->nodes[0].role, NODE_PRIMARY);
}

/* --- what is told, and when ------------------------------------------------------------------- */

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

#define LIFE 7

/* The mark of the token of an answer of replica 1 to a request that brought so many tokens of that
 * mark; -1: there is none. */
static int64_t mark_before_any_primary(struct story *story, unsigned brought, uint32_t mark)
{
	struct task task = { .router = story->scene.router, .tokens_mark = mark };
	char text[TOKEN_TEXT_MAX + 1] = "";
	struct branch_position token;

	ask(story, REQUEST_QUERY, NULL, POSITION_NONE);
	task.request = story->asked.request;
	task.request->tokens_count = brought;
	requirement_token(&task, 1, (struct position){ 1, 900 }, text);
	asked_free(&story->asked);
	if (!text[0])
		return -1;
	assert_true(token_read(story->scene.router->tokens, text_of(text), &token));
	assert_int_equal(token.lsn, 900);
	return token.mark;
}

static void before_any_primary_no_token_takes_the_place_of_one_of_another_life(void **state)
{
	struct story *story = *state;

	story->scene.topology.primary = -1;
	story->scene.topology.primary_position = POSITION_NONE;
	scene_publish(&story->scene);
	assert_int_equal(mark_before_any_primary(story, 0, 0), -1);
	story->scene.topology.nodes[1].log_mark = LIFE;
	scene_publish(&story->scene);
	assert_int_equal(mark_before_any_primary(story, 0, 0), LIFE);
	assert_int_equal(mark_before_any_primary(story, 1, LIFE), LIFE);
	assert_int_equal(mark_before_any_primary(story, 1, LIFE + 1), -1);
	/* Of several lives, or of none. */
	assert_int_equal(mark_before_any_primary(story, 2, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_token_beyond_the_primary_is_refused),
		STORY(before_any_primary_no_token_takes_the_place_of_one_of_another_life),
		STORY(rows_of_before_an_older_copy_are_thrown_away),
		STORY(a_commit_that_an_older_copy_lacks_is_not_acknowledged),
		STORY(a_commit_that_a_restart_kept_is_acknowledged),
		STORY(a_primary_that_was_started_anew_gets_no_command_of_before),
		STORY(a_token_of_another_instance_is_asked_for_once),
		STORY(at_the_tokens_very_position_the_primary_is_asked_once_more),
		STORY(a_token_one_byte_beyond_the_primary_is_none_beyond),
		STORY(a_primary_that_never_came_so_far_does_not_answer),
		STORY(a_token_that_is_not_flushed_yet_is_answered_by_the_primary),
		STORY(no_row_at_the_tokens_very_position_is_looked_for_once_more),
		STORY(a_users_own_last_write_needs_no_second_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
