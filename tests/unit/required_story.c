/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens are made by a maker of their own, with the key of the scene. */
#include "required_story.h"

#include "router/consistency/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int begin(void **state)
{
	static struct story story;

	memset(&story, 0, sizeof(story));
	scene_init(&story.scene);
	*state = &story;
	return 0;
}

int end(void **state)
{
	struct story *story = *state;

	scene_fini(&story->scene);
	return 0;
}

void promote(struct scene *scene, bool told)
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
	sessions_promoted(scene->sessions, &topology->history, &topology->branches,
			  topology->primary_position);
	/* The router finds it with the next look. */
	snapshot_publish(scene->snapshot, topology);
}

void bring(struct story *story, struct position position)
{
	struct token_maker *maker =
		token_maker_new(story->scene.topology.key, story->scene.topology.system_identifier);
	struct request *request = story->asked.request;
	const struct branches *branches = &story->scene.topology.branches;
	const struct history *history = &story->scene.topology.history;
	char *token = story->tokens[request->tokens_count];

	token_make(maker, branches_position(branches, history, position), token);
	request->tokens[request->tokens_count++] = text_of(token);
	token_maker_free(maker);
}

void ask(struct story *story, enum request_kind kind, const char *user, struct position position)
{
	scene_ask(&story->scene, &story->asked, kind, kind == REQUEST_QUERY ? "order" : "place",
		  user);
	if (position_known(position))
		bring(story, position);
}

struct position told(struct story *story)
{
	struct token_maker *maker =
		token_maker_new(story->scene.topology.key, story->scene.topology.system_identifier);
	struct branch_position token;

	assert_true(token_read(maker, text_of(story->asked.request->token), &token));
	token_maker_free(maker);
	return (struct position){ token.timeline, token.lsn };
}

void take(struct story *story)
{
	scene_take(&story->scene, &story->asked);
}
