/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of one conn for one look. */
#include "router/scout.h"

#include <assert.h>

static void scout_on_done(struct call *call);

void scout_init(struct scout *scout, void (*on_told)(struct scout *scout, const struct look *look))
{
	*scout = (struct scout){ .on_told = on_told };
	arena_init(&scout->arena);
	buf_init(&scout->out);
}

void scout_begin(struct scout *scout, struct loop *loop, const struct node *node,
		 struct metrics *metrics, const struct pool_settings *settings,
		 struct statement *statement)
{
	bool submitted;

	assert(!scout->pool);
	arena_reset(&scout->arena);
	buf_clear(&scout->out);
	scout->begun_us = loop_now(loop);
	scout->call = (struct call){
		.kind = CALL_QUERY,
		.statement = statement,
		.arena = &scout->arena,
		.out = &scout->out,
		.rows_max = 1,
		.on_done = scout_on_done,
	};
	scout->pool = pool_new(loop, node, metrics, settings);
	pool_set_role(scout->pool, NODE_REPLICA);
	submitted = pool_submit(scout->pool, &scout->call);
	assert(submitted);
}

struct pool *scout_keep(struct scout *scout)
{
	struct pool *pool = scout->pool;

	assert(pool);
	scout->pool = NULL;
	return pool;
}

static void scout_on_done(struct call *call)
{
	struct scout *scout = container_of(call, struct scout, call);
	struct look look;
	bool told = call->end == CALL_OK && call->rows == 1 &&
		    poll_read_look((struct text){ scout->out.ptr, scout->out.len }, &look);

	scout->on_told(scout, told ? &look : NULL);
	if (scout->pool)
		pool_free(scout_keep(scout));
}

void scout_fini(struct scout *scout)
{
	if (scout->pool) {
		pool_forget(scout->pool, &scout->call);
		pool_free(scout_keep(scout));
	}
	arena_fini(&scout->arena);
	buf_fini(&scout->out);
}
