/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* What a token or a session entry of another timeline means for a request. */
#include "router/fates.h"

#include "base/clock.h"
#include "router/token.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char row[] = "{\"id\":7}";

struct story {
	struct scene scene;
	struct asked asked;
	char token[TOKEN_TEXT_MAX + 1];
};

static int begin(void **state)
{
	static struct story story;

	memset(&story, 0, sizeof(story));
	scene_init(&story.scene);
	*state = &story;
	return 0;
}

static int end(void **state)
{
	struct story *story = *state;

	scene_fini(&story->scene);
	return 0;
}

/* Node 1 is the primary of timeline 2 from lsn 1500 on, which left timeline 1 at 1200. */
static void promote(struct scene *scene, bool told)
{
	struct topology *topology = &scene->topology;

	topology->history = (struct history){ 2, told, told, { { 1, 1200 } } };
	topology->primary = 1;
	topology->primary_position = (struct position){ 2, 1500 };
	for (unsigned i = 0; i < 3; i++) {
		topology->nodes[i].position = (struct position){ 2, 1500 };
		topology->nodes[i].life++;
		topology->nodes[i].role = i == 1 ? NODE_PRIMARY : NODE_REPLICA;
		topology->nodes[i].in_rotation = i != 0;
	}
	sessions_promoted(scene->sessions, &topology->history, topology->primary_position);
	/* The router finds it with the next look. */
	snapshot_publish(scene->snapshot, topology);
}

static void ask(struct story *story, enum request_kind kind, const char *user,
		struct position position)
{
	struct token_maker *maker =
		token_maker_new(story->scene.topology.key, story->scene.topology.system_identifier);

	scene_ask(&story->scene, &story->asked, kind, kind == REQUEST_QUERY ? "order" : "place",
		  user);
	if (position_known(position)) {
		token_make(maker, position, story->token);
		story->asked.request->tokens[0] = text_of(story->token);
		story->asked.request->tokens_count = 1;
	}
	token_maker_free(maker);
}

static struct position told(struct story *story)
{
	struct token_maker *maker =
		token_maker_new(story->scene.topology.key, story->scene.topology.system_identifier);
	struct position position = POSITION_NONE;

	assert_true(token_read(maker, text_of(story->asked.request->token), &position));
	token_maker_free(maker);
	return position;
}

static void take(struct story *story)
{
	scene_take(&story->scene, &story->asked);
}

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
	fake_answer(fake_call(2, CALL_QUERY), 1000, 1000, row, 1);
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
	assert_int_equal(sessions_look(story->scene.sessions, TEXT("ann")).position.timeline, 2);
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
	assert_false(sessions_look(story->scene.sessions, TEXT("ann")).remembered);
	asked_free(&story->asked);
}

/* --- beyond the primary ----------------------------------------------------------------------- */

static struct call *confirmed_at(struct story *story, enum request_kind kind, uint64_t newest)
{
	struct call *call;

	ask(story, kind, NULL, (struct position){ 1, 5000 });
	take(story);
	call = fake_call(0, CALL_PROBE);
	assert_non_null(call);
	call->newest = newest;
	fake_answer_primary(call, 1000, NULL, 0);
	return call;
}

static void a_token_beyond_the_primary_is_refused(void **state)
{
	struct story *story = *state;

	for (int kind = REQUEST_QUERY; kind <= REQUEST_COMMAND; kind++) {
		(void)confirmed_at(story, (enum request_kind)kind, 4999);
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
		STORY(a_token_beyond_the_primary_is_refused),
		STORY(a_token_of_another_instance_is_asked_for_once),
		STORY(at_the_tokens_very_position_the_primary_is_asked_once_more),
	};

	return cmocka_run_group_tests_name("fates", tests, NULL, NULL);
}
