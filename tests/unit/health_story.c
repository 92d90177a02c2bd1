/* SPDX-License-Identifier: Apache-2.0 */
/* A scene whose monitor looks each 100 ms and sees nothing by itself. */
#include "health_story.h"

#include "router/health/breaker.h"

#include <string.h>

void begin(struct scene *scene)
{
	scene->options.lag_poll_us = 100 * US_PER_MS;
}

void pass_slowly(struct scene *scene, int64_t us)
{
	for (; us > 0; us -= TICK_US)
		scene_pass(scene, us < TICK_US ? us : TICK_US);
}

void ask(struct scene *scene, struct asked *asked, const char *operation)
{
	scene_ask(scene, asked, REQUEST_QUERY, operation, NULL);
	asked->request->user = asked->request->user_key = (struct text){ 0 };
	scene_take(scene, asked);
}

unsigned asked_node(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (fake_call(i, CALL_QUERY))
			return i;
	return NODES_MAX;
}

void answer(unsigned node)
{
	if (node)
		fake_answer(fake_call(node, CALL_QUERY), SCENE_LSN, SCENE_LSN, health_row, 1);
	else
		fake_answer_primary(fake_call(0, CALL_QUERY), SCENE_LSN, health_row, 1);
}

void break_replica(struct scene *scene, const char *sqlstate)
{
	for (unsigned bad = 0; bad < BREAKER_ROW_MAX;) {
		struct asked asked;

		scene_pass(scene, US_PER_S);
		ask(scene, &asked, "order");
		if (asked_node() == 1) {
			fake_error(fake_call(1, CALL_QUERY), sqlstate, "refused");
			bad++;
			if (!asked.done)
				scene_pass(scene, 5 * US_PER_MS);
		}
		if (!asked.done)
			answer(asked_node());
		asked_free(&asked);
	}
}

void know(struct scene *scene, const char *operation, uint32_t running_us)
{
	for (unsigned i = 0; i < scene->catalog->count; i++)
		if (strcmp(scene->catalog->operations[i].name, operation) == 0)
			atomic_store(&scene->catalog->operations[i].statement->running_us,
				     running_us);
}
