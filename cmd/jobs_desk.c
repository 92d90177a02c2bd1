/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of a primary that is none any more is freed when the next page is asked for. */
#include "cmd/jobs_desk.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define DESK_REST_US (30 * US_PER_S)

struct jobs_desk {
	struct loop *loop;
	struct metrics *metrics;
	struct pool *pool;       /* NULL: none is needed */
	const struct node *node; /* whose it is */
	struct loop_timer rest;  /* when it is given up */
	struct job_ids *ids;     /* NULL: not needed so far */
	uint8_t ids_key[SIGN_KEY_BYTES];
};

/* Pages are few: what does not fit waits a little, or is refused. */
static const struct pool_settings desk_settings = {
	.conns_max = 1,
	.queue_max = 8,
	.queue_wait_us = 5 * US_PER_S,
	.statement_timeout_us = 10 * US_PER_S,
	.connect_timeout_us = 5 * US_PER_S,
	.answer_timeout_us = 11 * US_PER_S,
};

static void desk_give_up(struct jobs_desk *desk)
{
	if (desk->pool)
		pool_free(desk->pool);
	desk->pool = NULL;
}

static void desk_rest_later(struct jobs_desk *desk)
{
	loop_timer_set(desk->loop, &desk->rest, loop_now(desk->loop) + DESK_REST_US);
}

static void desk_on_rest(struct loop_timer *timer)
{
	struct jobs_desk *desk = container_of(timer, struct jobs_desk, rest);

	if (desk->pool && pool_load(desk->pool))
		desk_rest_later(desk);
	else
		desk_give_up(desk);
}

struct jobs_desk *jobs_desk_new(struct loop *loop, struct metrics *metrics)
{
	struct jobs_desk *desk = calloc(1, sizeof(*desk));

	if (!desk)
		log_fatal("admin", "out of memory");
	desk->loop = loop;
	desk->metrics = metrics;
	desk->rest.on_due = desk_on_rest;
	return desk;
}

void jobs_desk_free(struct jobs_desk *desk)
{
	loop_timer_cancel(desk->loop, &desk->rest);
	desk_give_up(desk);
	if (desk->ids)
		job_ids_free(desk->ids);
	free(desk);
}

struct pool *jobs_desk_pool(struct jobs_desk *desk, struct node *const *nodes,
			    const struct topology *topology)
{
	const struct node *node = topology->primary < 0 ? NULL : nodes[topology->primary];

	if (desk->node != node)
		desk_give_up(desk);
	desk->node = node;
	if (!node)
		return NULL;
	desk_rest_later(desk);
	if (desk->pool)
		return desk->pool;
	desk->pool = pool_new(desk->loop, node, desk->metrics, &desk_settings);
	pool_set_role(desk->pool, NODE_PRIMARY);
	return desk->pool;
}

struct job_ids *jobs_desk_ids(struct jobs_desk *desk, const struct topology *topology)
{
	if (!topology->key_known)
		return NULL;
	if (desk->ids && memcmp(desk->ids_key, topology->key, sizeof(desk->ids_key)) == 0)
		return desk->ids;
	if (desk->ids)
		job_ids_free(desk->ids);
	memcpy(desk->ids_key, topology->key, sizeof(desk->ids_key));
	desk->ids = job_ids_new(topology->key);
	return desk->ids;
}
