/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* When a router has its first conns, so that clients are let in. */
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

static void the_router_is_open_when_every_node_that_is_up_has_conns(void **state)
{
	struct scene *scene = *state;

	scene_open(scene);
	fake_opening(0, true);
	fake_opening(1, true);
	scene_pass(scene, US_PER_S);
	assert_int_equal(scene->opened, 0);
	fake_opening(1, false);
	scene_pass(scene, US_PER_S);
	assert_int_equal(scene->opened, 0);
	scene->topology.nodes[0].contact = NODE_LOST;
	scene_publish(scene);
	scene_pass(scene, US_PER_S / 2);
	assert_int_equal(scene->opened, 1);
	scene_pass(scene, 10 * US_PER_S);
	assert_int_equal(scene->opened, 1);
}

static void the_router_is_not_open_before_every_node_was_looked_at(void **state)
{
	struct scene *scene = *state;

	scene_open(scene);
	for (unsigned i = 0; i < 3; i++)
		scene->topology.nodes[i].contact = NODE_UNASKED;
	scene_publish(scene);
	scene_pass(scene, US_PER_S / 2);
	assert_int_equal(scene->opened, 0);
	scene->topology.nodes[1].contact = NODE_REACHED;
	scene_publish(scene);
	scene_pass(scene, US_PER_S / 2);
	assert_int_equal(scene->opened, 0);
	/* That one answers, and these two do not. */
	scene->topology.nodes[0].contact = scene->topology.nodes[2].contact = NODE_LOST;
	scene_publish(scene);
	scene_pass(scene, US_PER_S / 2);
	assert_int_equal(scene->opened, 1);
}

static void where_no_node_answers_the_router_is_closed_for_3_s(void **state)
{
	struct scene *scene = *state;

	scene_open(scene);
	for (unsigned i = 0; i < 3; i++)
		scene->topology.nodes[i].contact = NODE_LOST;
	scene_publish(scene);
	scene_pass(scene, 3 * US_PER_S - 1);
	assert_int_equal(scene->opened, 0);
	scene_pass(scene, US_PER_S / 2);
	assert_int_equal(scene->opened, 1);
}

static void a_node_that_lets_nobody_in_keeps_the_router_closed_for_3_s(void **state)
{
	struct scene *scene = *state;

	scene_open(scene);
	fake_opening(0, true);
	scene_pass(scene, 3 * US_PER_S - 1);
	assert_int_equal(scene->opened, 0);
	scene_pass(scene, US_PER_S / 2);
	assert_int_equal(scene->opened, 1);
}

static void a_replica_that_does_not_answer_delays_the_start_by_half_a_second(void **state)
{
	struct scene *scene = *state;

	scene_open(scene);
	scene->topology.nodes[2].contact = NODE_UNASKED;
	scene_publish(scene);
	scene_pass(scene, US_PER_S / 4);
	assert_int_equal(scene->opened, 0);
	assert_false(router_is_open(scene->router));
	scene_pass(scene, US_PER_S / 2);
	assert_int_equal(scene->opened, 1);
	assert_true(router_is_open(scene->router));
}

static void before_the_key_of_tokens_is_known_the_primary_does_not_serve(void **state)
{
	struct scene *scene = *state;

	scene_open(scene);
	scene->topology.key_known = false;
	scene_publish(scene);
	scene_pass(scene, US_PER_S);
	assert_int_equal(scene->opened, 0);
	scene->topology.schema_missing = true;
	scene_publish(scene);
	scene_pass(scene, US_PER_S / 10);
	assert_int_equal(scene->opened, 1);
}

static void no_node_was_heard_of(struct scene *scene)
{
	scene->topology.primary = -1;
	scene->topology.primary_seen = false;
	for (unsigned i = 0; i < 3; i++)
		scene->topology.nodes[i].contact = NODE_UNASKED;
	scene_publish(scene);
}

static void until_a_node_has_answered_starting_is_the_answer(void **state)
{
	struct scene *scene = *state;
	struct asked early, late;

	scene_open(scene);
	no_node_was_heard_of(scene);
	scene_pass(scene, 4 * US_PER_S);
	assert_int_equal(scene->opened, 1);
	scene_ask(scene, &early, REQUEST_COMMAND, "place", "ann");
	scene_take(scene, &early);
	assert_int_equal(early.request->outcome, OUTCOME_STARTING);
	for (unsigned i = 0; i < 3; i++)
		scene->topology.nodes[i].contact = NODE_LOST;
	scene->topology.nodes[1].contact = NODE_REACHED;
	scene_publish(scene);
	scene_pass(scene, US_PER_S);
	scene_ask(scene, &late, REQUEST_COMMAND, "place", "ann");
	scene_take(scene, &late);
	assert_int_equal(late.request->outcome, OUTCOME_NO_PRIMARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(the_router_is_open_when_every_node_that_is_up_has_conns),
		SCENE_STORY(the_router_is_not_open_before_every_node_was_looked_at),
		SCENE_STORY(where_no_node_answers_the_router_is_closed_for_3_s),
		SCENE_STORY(a_node_that_lets_nobody_in_keeps_the_router_closed_for_3_s),
		SCENE_STORY(a_replica_that_does_not_answer_delays_the_start_by_half_a_second),
		SCENE_STORY(before_the_key_of_tokens_is_known_the_primary_does_not_serve),
		SCENE_STORY(until_a_node_has_answered_starting_is_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
