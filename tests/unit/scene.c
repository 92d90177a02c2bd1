/* SPDX-License-Identifier: Apache-2.0 */
/* The scene is plain data: a test changes what it wants before the first request. */
#include "scene.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "router/ratelimit.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

static const char scene_sql[] = "-- query: order :one\n"
				"-- @param id bigint\n"
				"SELECT id FROM orders WHERE id = :id;\n"
				"-- query: orders :many\n"
				"-- @on-lag stale\n"
				"SELECT id FROM orders;\n"
				"-- query: fresh :many\n"
				"-- @on-lag fail\n"
				"SELECT id FROM orders;\n"
				"-- command: place :one\n"
				"INSERT INTO orders DEFAULT VALUES RETURNING id;\n"
				"-- command: bulk :one\n"
				"-- @cost 5\n"
				"INSERT INTO orders DEFAULT VALUES RETURNING id;\n"
				"-- command: defer :one\n"
				"-- @param id bigint\n"
				"-- @param note bigint?\n"
				"-- @async allowed\n"
				"-- @retries 2\n"
				"-- @keep 1h\n"
				"-- @batch-max 3\n"
				"INSERT INTO orders VALUES (:id, :note) RETURNING id;\n"
				"-- command: queue :one\n"
				"-- @async always\n"
				"INSERT INTO orders DEFAULT VALUES RETURNING id;\n";

static void scene_describe(struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++) {
		struct statement *statement = catalog->operations[i].statement;
		struct shape *shape = shape_new(statement->params, 1);

		for (unsigned at = 0; at < statement->params; at++)
			shape->param_types[at].oid = 20;
		statement_set_shape(statement, shape);
	}
}

static void scene_topology(struct scene *scene)
{
	struct topology *topology = &scene->topology;

	topology->count = 3;
	topology->primary = 0;
	topology->primary_position = (struct position){ 1, SCENE_LSN };
	topology->primary_seen = true;
	topology->system_identifier = 42;
	topology->key_known = true;
	memset(topology->key, 7, sizeof(topology->key));
	for (unsigned i = 0; i < 3; i++)
		topology->nodes[i] = (struct node_view){
			.role = i ? NODE_REPLICA : NODE_PRIMARY,
			.contact = NODE_REACHED,
			.in_rotation = true,
			.position = { 1, SCENE_LSN },
			.started_us = 1,
			.lag_seen_us = SCENE_START_US,
			.seen_us = SCENE_START_US,
			.life = 1,
		};
}

static void scene_options(struct options *options)
{
	options->loops = 1;
	options->queue_max = 256;
	options->queue_wait_us = 100 * US_PER_MS;
	options->request_timeout_us = 5 * US_PER_S;
	options->wait_us_max = 30 * US_PER_MS;
	options->spill_share = 25;
	options->result_bytes_max = 1 << 20;
	options->jobs_max = 1000;
	options->lag_us_max = US_PER_S;
}

/* The same draws in every run; SCENE_SEED=2 for others. */
static uint64_t scene_seed(void)
{
	const char *seed = getenv("SCENE_SEED");

	return seed ? strtoull(seed, NULL, 10) : 1;
}

void scene_start(struct scene *scene)
{
	struct router_shared shared = {
		.nodes = scene->node_list,
		.nodes_count = 3,
		.options = &scene->options,
		.topology = scene->snapshot,
		.sessions = scene->sessions,
		.high_water = &scene->high_water,
		.acknowledged = &scene->acknowledged,
		.ratelimit = scene->ratelimit,
		.feed = scene->feed,
	};

	scene->router = router_new(scene->loop, &shared, 4, scene->catalog, scene->metrics);
	random_init(&scene->router->random, scene_seed());
	reads_init(&scene->reads, scene->router, NULL);
	writes_init(&scene->writes, scene->router, &scene->writes_shared);
}

void scene_stop(struct scene *scene)
{
	reads_fini(&scene->reads);
	writes_fini(&scene->writes);
	router_free(scene->router);
}

void scene_init(struct scene *scene)
{
	struct buf errors;

	memset(scene, 0, sizeof(*scene));
	list_init(&scene->asked);
	buf_init(&errors);
	scene->catalog = catalog_load_text("scene.sql", text_of(scene_sql), &errors);
	if (!scene->catalog)
		fail_msg("%.*s", (int)errors.len, errors.ptr);
	buf_fini(&errors);
	scene_describe(scene->catalog);
	scene_options(&scene->options);
	scene_topology(scene);
	scene->loop = loop_new("scene");
	loop_fake_clock(scene->loop, SCENE_START_US);
	scene->snapshot = snapshot_new(sizeof(struct topology));
	scene->sessions = sessions_new(64);
	sessions_raise_floor(scene->sessions, (struct position){ 1, SCENE_LSN });
	scene->ratelimit = ratelimit_new(1024);
	scene->metrics = metrics_new();
	for (unsigned i = 0; i < 3; i++) {
		scene->nodes[i].index = i;
		snprintf(scene->nodes[i].name, sizeof(scene->nodes[i].name), "node-%u:5432", i);
		scene->nodes[i].shown = i % 2 ? NULL : "shown";
		scene->node_list[i] = &scene->nodes[i];
		scene->nodes[i].reconnect = &scene->reconnect[i];
	}
	scene_start(scene);
	scene_publish(scene);
}

static void scene_on_open(void *arg)
{
	struct scene *scene = arg;

	scene->opened++;
}

void scene_open(struct scene *scene)
{
	router_open_then(scene->router, scene_on_open, scene);
}

void scene_publish_unseen(struct scene *scene)
{
	snapshot_publish(scene->snapshot, &scene->topology);
}

void scene_lose(struct scene *scene, unsigned node)
{
	scene->topology.nodes[node].contact = NODE_LOST;
	scene->topology.nodes[node].in_rotation = false;
}

void scene_find(struct scene *scene, unsigned node)
{
	scene->topology.nodes[node].contact = NODE_REACHED;
	scene->topology.nodes[node].in_rotation = true;
}

void scene_publish(struct scene *scene)
{
	scene_publish_unseen(scene);
	router_refresh(scene->router);
}

void scene_pass(struct scene *scene, int64_t us)
{
	loop_fake_clock(scene->loop, loop_now(scene->loop) + us);
	loop_turn(scene->loop, 0);
}

/* What scene_fini needs of a request: the story's struct asked may be gone by then. */
struct asked_slot {
	struct list_link link;
	struct scene *scene;
	struct request *request;
	struct asked *asked; /* NULL: the story is over */
	bool ended;
};

static void asked_on_done(struct request *request)
{
	struct asked_slot *slot = request->client;

	slot->ended = true;
	if (slot->asked)
		slot->asked->done++;
}

static void *asked_slot_new(struct scene *scene, struct asked *asked)
{
	struct asked_slot *slot = calloc(1, sizeof(*slot));

	assert_non_null(slot);
	slot->scene = scene;
	slot->request = asked->request;
	slot->asked = asked;
	list_append(&scene->asked, &slot->link);
	return slot;
}

static void asked_slot_free(struct asked_slot *slot)
{
	list_remove(&slot->scene->asked, &slot->link);
	request_free(slot->request);
	free(slot);
}

void scene_ask(struct scene *scene, struct asked *asked, enum request_kind kind,
	       const char *operation, const char *user)
{
	struct request *request = request_new(scene->loop);

	*asked = (struct asked){ .request = request };
	request->kind = kind;
	request->operation = text_of(operation);
	request->user = request->user_key = text_of(user);
	request->staleness_us_max = request->wait_us_max = -1;
	request->born_us = loop_now(scene->loop);
	request->deadline_us = request->born_us + scene->options.request_timeout_us;
	request->on_done = asked_on_done;
	request->client = asked_slot_new(scene, asked);
	if (!strcmp(operation, "order") || !strcmp(operation, "defer")) {
		struct json_error error;

		request->body = json_read(TEXT("{\"id\":7}"), &error);
	}
}

void scene_take(struct scene *scene, struct asked *asked)
{
	if (asked->request->kind == REQUEST_QUERY)
		read_take(&scene->reads, asked->request);
	else
		write_take(&scene->writes, asked->request);
}

void asked_free(struct asked *asked)
{
	asked_slot_free(asked->request->client);
}

/* --- the end --------------------------------------------------------------------------------- */

#define END_ROUNDS_MAX 10 /* more than any request has retries */

/* Asks for the end of what was taken; false: all has ended. */
static bool scene_cancel(struct scene *scene)
{
	bool left = false;

	list_each (&scene->asked, it) {
		struct asked_slot *slot = container_of(it, struct asked_slot, link);

		slot->asked = NULL;
		if (slot->ended || !slot->request->on_client_gone)
			continue;
		slot->request->on_client_gone(slot->request);
		left |= !slot->ended;
	}
	return left;
}

static void scene_end_requests(struct scene *scene)
{
	for (unsigned round = 0; scene_cancel(scene) && round < END_ROUNDS_MAX; round++) {
		for (unsigned node = 0; node < 3; node++)
			pool_abandon(fake_pool(node), "the story is over");
		writes_drain(&scene->writes);
		scene_pass(scene, 2 * scene->options.request_timeout_us);
	}
	while (!list_empty(&scene->asked))
		asked_slot_free(container_of(list_first(&scene->asked), struct asked_slot, link));
}

void scene_fini(struct scene *scene)
{
	scene_end_requests(scene);
	scene_stop(scene);
	metrics_free(scene->metrics);
	sessions_free(scene->sessions);
	ratelimit_free(scene->ratelimit);
	snapshot_free(scene->snapshot);
	catalog_let_go(scene->catalog);
	loop_free(scene->loop);
	request_cache_fini();
}

void scene_anew(struct scene *scene)
{
	scene_fini(scene);
	scene_init(scene);
}

int scene_setup(void **state)
{
	static struct scene scene;

	scene_init(&scene);
	*state = &scene;
	return 0;
}

int scene_teardown(void **state)
{
	scene_fini(*state);
	return 0;
}
