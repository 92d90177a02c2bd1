/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* When a router has its first conns, so that the service is ready. */
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

static void the_router_is_open_when_every_node_that_is_up_has_conns(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	fake_opening(0, true);
	fake_opening(1, true);
	scene_pass(&scene, US_PER_S);
	fake_opening(1, false);
	scene_pass(&scene, US_PER_S);
	assert_int_equal(scene.opening, 1);
	scene.topology.nodes[0].up = false;
	scene_publish(&scene);
	scene_pass(&scene, US_PER_S / 2);
	assert_int_equal(scene.opening, 0);
	scene_pass(&scene, 10 * US_PER_S);
	assert_int_equal(scene.opening, 0);
	scene_fini(&scene);
}

static void the_router_is_not_open_before_every_node_was_looked_at(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	for (unsigned i = 0; i < 3; i++)
		scene.topology.nodes[i].up = scene.topology.nodes[i].asked = false;
	scene_publish(&scene);
	scene_pass(&scene, US_PER_S / 2);
	assert_int_equal(scene.opening, 1);
	scene.topology.nodes[1].up = scene.topology.nodes[1].asked = true;
	scene_publish(&scene);
	scene_pass(&scene, US_PER_S / 2);
	assert_int_equal(scene.opening, 1);
	/* That one answers, and these two do not. */
	scene.topology.nodes[0].asked = scene.topology.nodes[2].asked = true;
	scene_publish(&scene);
	scene_pass(&scene, US_PER_S / 2);
	assert_int_equal(scene.opening, 0);
	scene_fini(&scene);
}

static void where_no_node_answers_the_router_is_closed_for_3_s(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	for (unsigned i = 0; i < 3; i++)
		scene.topology.nodes[i].up = false;
	scene_publish(&scene);
	scene_pass(&scene, 3 * US_PER_S - 1);
	assert_int_equal(scene.opening, 1);
	scene_pass(&scene, US_PER_S / 2);
	assert_int_equal(scene.opening, 0);
	scene_fini(&scene);
}

static void a_node_that_lets_nobody_in_keeps_the_router_closed_for_3_s(void **state)
{
	struct scene scene;

	(void)state;
	scene_init(&scene);
	fake_opening(0, true);
	scene_pass(&scene, 3 * US_PER_S - 1);
	assert_int_equal(scene.opening, 1);
	scene_pass(&scene, US_PER_S / 2);
	assert_int_equal(scene.opening, 0);
	scene_fini(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_router_is_open_when_every_node_that_is_up_has_conns),
		cmocka_unit_test(the_router_is_not_open_before_every_node_was_looked_at),
		cmocka_unit_test(where_no_node_answers_the_router_is_closed_for_3_s),
		cmocka_unit_test(a_node_that_lets_nobody_in_keeps_the_router_closed_for_3_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
