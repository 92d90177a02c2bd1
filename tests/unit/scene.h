/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A router over a primary (node 0) and two replicas (1, 2) whose pools are scripted and whose clock
 * stands still: what tests of the steps start with. The catalog holds the query "order" (:one, id
 * bigint), the query "orders" (:many) with @on-lag stale, the query "fresh" with @on-lag fail and
 * the commands "place" (:one), "bulk" (:one, @cost 5), "defer" (:one, id bigint, note bigint?,
 * @async allowed, @batch-max 3) and "queue" (:one, @async always).
 */
#pragma once

#include "base/request.h"
#include "fake_pool.h"
#include "pg/reconnect.h"
#include "read/read.h"
#include "router/cluster/topology.h"
#include "router/router.h"
#include "write/write.h"

#define SCENE_START_US INT64_C(1000000)
#define SCENE_LSN 1000 /* of every node and of the floor, at the start */

struct scene {
	struct loop *loop;
	struct options options;
	struct node nodes[3];
	struct node *node_list[3];
	struct reconnect reconnect[3]; /* nothing was refused, unless the test says so */
	struct topology topology;      /* change it, then scene_publish */
	struct snapshot *snapshot;
	struct sessions *sessions;
	struct high_water high_water, acknowledged;
	struct ratelimit *ratelimit;
	struct catalog *catalog;
	struct metrics *metrics;
	struct feed_shared *feed; /* NULL: none; before scene_start */
	struct router *router;
	struct reads reads;
	struct writes writes;
	struct writes_shared writes_shared;
	struct list asked; /* requests that scene_ask made and asked_free has not freed */
	unsigned opened;   /* how often the router said that it is open: scene_open */
};

/* All nodes up, in rotation, at SCENE_LSN of timeline 1, as is the floor; nobody waits. */
void scene_init(struct scene *scene);
/* Ends and frees the requests that are left, wherever a story stopped. */
void scene_fini(struct scene *scene);
/* Another one, at its beginning. */
void scene_anew(struct scene *scene);

/*
 * The fixture of stories about one scene each: *state is the scene. The tear-down needs nothing of
 * the story's stack, so that it also follows a failed assertion.
 */
int scene_setup(void **state);
int scene_teardown(void **state);
#define SCENE_STORY(story) cmocka_unit_test_setup_teardown(story, scene_setup, scene_teardown)

/* The router and both paths, as scene_init and scene_fini do: for another table of sessions. */
void scene_start(struct scene *scene);
void scene_stop(struct scene *scene);
/* As at the start of a service: until the router says so, it is not open. */
void scene_open(struct scene *scene);
/* The monitor is going to say that the node does not answer: before scene_publish. */
void scene_lose(struct scene *scene, unsigned node);
/* Or that it answers again. */
void scene_find(struct scene *scene, unsigned node);
/* What the monitor has seen. */
void scene_publish(struct scene *scene);
/* Likewise; nothing tells the loop, which looks when it has a reason of its own. */
void scene_publish_unseen(struct scene *scene);
/* Moves the clock and lets timers run. */
void scene_pass(struct scene *scene, int64_t us);

/* A request as http/ would hand it over, not yet taken; done counts on_done. The tear-down frees
 * the request where the story has not. */
struct asked {
	struct request *request;
	unsigned done;
};
void scene_ask(struct scene *scene, struct asked *asked, enum request_kind kind,
	       const char *operation, const char *user);
/* Hands it over. */
void scene_take(struct scene *scene, struct asked *asked);
void asked_free(struct asked *asked);
