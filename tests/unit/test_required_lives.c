/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c required_story.c */
/* What a token means by the life that it was made in. */
#include "router/consistency/required.h"

#include "base/clock.h"
#include "required_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { A = 11, B = 22, C = 33 };

/* The log of timeline 1 has the lives A and C, which began at 600. */
static void lives_a_and_c(struct story *story)
{
	struct topology *topology = &story->scene.topology;

	story->scene.options.timeline_back_us = 10 * US_PER_S;
	topology->history = (struct history){ .timeline = 1, .complete = true };
	topology->lives = (struct lives){ .count = 2,
					  .whole = true,
					  .items = { { A, 1, 1, 100 }, { C, 1, 2, 600 } } };
	snapshot_publish(story->scene.snapshot, topology);
}

static void ask_with(struct story *story, uint32_t timeline, uint32_t mark, uint64_t lsn)
{
	struct topology *topology = &story->scene.topology;
	struct token_maker *maker = token_maker_new(topology->key, topology->system_identifier);

	ask(story, REQUEST_QUERY, NULL, POSITION_NONE);
	token_make(maker,
		   (struct branch_position){ .timeline = timeline, .mark = mark, .lsn = lsn },
		   story->tokens[0]);
	story->asked.request->tokens[0] = text_of(story->tokens[0]);
	story->asked.request->tokens_count = 1;
	token_maker_free(maker);
	take(story);
}

static void assert_outcome(struct story *story, enum outcome outcome)
{
	assert_int_equal(story->asked.done, 1);
	assert_int_equal(story->asked.request->outcome, outcome);
	asked_free(&story->asked);
}

static struct call *on_its_way(void)
{
	struct call *call = fake_call(1, CALL_QUERY);

	return call ? call : fake_call(2, CALL_QUERY);
}

/* It waits for a node to prove it. */
static void assert_required(struct story *story, uint64_t lsn)
{
	assert_int_equal(story->asked.done, 0);
	fake_answer(on_its_way(), lsn, lsn, row, 1);
	assert_outcome(story, OUTCOME_OK);
}

static void the_primary_answers_a_status(struct story *story)
{
	struct topology *topology = &story->scene.topology;

	scene_pass(&story->scene, US_PER_MS);
	topology->nodes[0].asked_us = SCENE_START_US + US_PER_S;
	snapshot_publish(story->scene.snapshot, topology);
}

static void what_a_life_kept_is_required(void **state)
{
	lives_a_and_c(*state);
	ask_with(*state, 1, A, 600);
	assert_required(*state, 1000);
	ask_with(*state, 1, C, 900);
	assert_required(*state, 1000);
}

static void what_a_life_lost_is_told_at_once(void **state)
{
	lives_a_and_c(*state);
	ask_with(*state, 1, A, 601);
	assert_outcome(*state, OUTCOME_WRITE_LOST);
}

static void the_answer_carries_the_life_of_its_position(void **state)
{
	struct story *story = *state;
	struct topology *topology = &story->scene.topology;
	struct token_maker *maker = token_maker_new(topology->key, topology->system_identifier);
	struct branch_position token;

	lives_a_and_c(story);
	ask_with(story, 1, C, 900);
	fake_answer(on_its_way(), 1000, 1000, row, 1);
	assert_true(token_read(maker, text_of(story->asked.request->token), &token));
	assert_int_equal(token.mark, C);
	asked_free(&story->asked);
	token_maker_free(maker);
}

/* It may have begun a moment ago. */
static void a_life_that_is_missing_is_lost_once_the_primary_has_answered_since(void **state)
{
	lives_a_and_c(*state);
	ask_with(*state, 1, B, 900);
	assert_outcome(*state, OUTCOME_NO_PRIMARY);
	the_primary_answers_a_status(*state);
	ask_with(*state, 1, B, 900);
	assert_outcome(*state, OUTCOME_WRITE_LOST);
}

static void a_life_that_was_followed_before_is_lost_at_once(void **state)
{
	struct story *story = *state;

	lives_a_and_c(story);
	story->scene.topology.lives_gone = (struct lives_gone){ 1, { B } };
	snapshot_publish(story->scene.snapshot, &story->scene.topology);
	ask_with(story, 1, B, 900);
	assert_outcome(story, OUTCOME_WRITE_LOST);
}

/* The others may have gone back to that timeline already: by its history alone it would be lost. */
static void a_strange_life_on_a_lower_timeline_is_not_lost_before_all_agree(void **state)
{
	struct story *story = *state;
	struct topology *topology = &story->scene.topology;

	promote(&story->scene, true);
	story->scene.options.timeline_back_us = 10 * US_PER_S;
	topology->lives = (struct lives){ .count = 2,
					  .whole = true,
					  .items = { { A, 1, 1, 100 }, { C, 2, 2, 1200 } } };
	topology->agreed_us = SCENE_START_US;
	topology->nodes[1].asked_us = SCENE_START_US + US_PER_S;
	snapshot_publish(story->scene.snapshot, topology);
	ask_with(story, 1, B, 1400);
	assert_outcome(story, OUTCOME_NO_PRIMARY);
	scene_pass(&story->scene, 5 * US_PER_S);
	topology->nodes[1].seen_us = SCENE_START_US + 15 * US_PER_S;
	snapshot_publish(story->scene.snapshot, topology);
	ask_with(story, 1, B, 1400);
	assert_outcome(story, OUTCOME_WRITE_LOST);
}

/* Of an instance that may not read them, or of an earlier version. */
static void a_token_without_a_life_is_judged_by_its_history(void **state)
{
	lives_a_and_c(*state);
	ask_with(*state, 1, 0, 900);
	assert_required(*state, 1000);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_a_life_kept_is_required),
		STORY(what_a_life_lost_is_told_at_once),
		STORY(the_answer_carries_the_life_of_its_position),
		STORY(a_life_that_is_missing_is_lost_once_the_primary_has_answered_since),
		STORY(a_life_that_was_followed_before_is_lost_at_once),
		STORY(a_strange_life_on_a_lower_timeline_is_not_lost_before_all_agree),
		STORY(a_token_without_a_life_is_judged_by_its_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
