/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* The fixture of the stories: it ends a story that stopped anywhere, as a failed assertion does. */
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

/* What a story does before it stops. */
typedef void stop_fn(struct scene *scene);

static void take(struct scene *scene, enum request_kind kind, const char *operation)
{
	static struct asked asked; /* for what the story does yet */

	scene_ask(scene, &asked, kind, operation, "ann");
	scene_take(scene, &asked);
	assert_int_equal(asked.done, 0);
}

static void while_a_request_is_not_taken(struct scene *scene)
{
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_QUERY, "order", "ann");
}

static void while_a_query_is_out(struct scene *scene)
{
	take(scene, REQUEST_QUERY, "order");
}

static void while_a_query_is_parked(struct scene *scene)
{
	assert_true(sessions_wrote(scene->sessions, TEXT("ann"),
				   (struct position){ 1, 2 * SCENE_LSN }));
	take(scene, REQUEST_QUERY, "order");
	for (unsigned node = 1; node < 3; node++)
		for (unsigned times = 0; times < 2 && fake_call(node, CALL_QUERY); times++)
			fake_answer(fake_call(node, CALL_QUERY), SCENE_LSN, SCENE_LSN, NULL, 0);
}

static void while_a_query_is_to_be_tried_again(struct scene *scene)
{
	take(scene, REQUEST_QUERY, "order");
	for (unsigned node = 1; node < 3; node++)
		if (fake_call(node, CALL_QUERY))
			fake_lost(fake_call(node, CALL_QUERY), CALL_LOST, "the conn was lost");
}

static void while_a_command_is_out(struct scene *scene)
{
	take(scene, REQUEST_COMMAND, "place");
}

static void while_a_command_is_to_be_run_again(struct scene *scene)
{
	take(scene, REQUEST_COMMAND, "place");
	fake_error(fake_call(0, CALL_COMMAND), "40001", "could not serialize access");
}

static void behind_its_end(struct scene *scene)
{
	take(scene, REQUEST_COMMAND, "place");
	fake_commit(fake_call(0, CALL_COMMAND), 2 * SCENE_LSN, true, NULL, 0);
}

static void the_tear_down_ends_a_story_wherever_it_stopped(void **state)
{
	static stop_fn *const stops[] = {
		while_a_request_is_not_taken,
		while_a_query_is_out,
		while_a_query_is_parked,
		while_a_query_is_to_be_tried_again,
		while_a_command_is_out,
		while_a_command_is_to_be_run_again,
		behind_its_end,
	};

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		struct scene *scene;

		assert_int_equal(scene_setup(state), 0);
		scene = *state;
		stops[i](scene);
		assert_int_equal(scene_teardown(state), 0);
		assert_true(list_empty(&scene->asked));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tear_down_ends_a_story_wherever_it_stopped),
	};

	return cmocka_run_group_tests_name("scene", tests, NULL, NULL);
}
