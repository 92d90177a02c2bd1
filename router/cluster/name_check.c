/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of one conn for one status query. */
#include "router/cluster/name_check.h"

#include <assert.h>

static void name_check_on_done(struct call *call);

void name_check_init(struct name_check *name_check,
		     void (*on_answer)(struct name_check *name_check,
				       const struct node_status *status))
{
	*name_check = (struct name_check){ .on_answer = on_answer };
	arena_init(&name_check->arena);
	buf_init(&name_check->out);
}

void name_check_begin(struct name_check *name_check, struct loop *loop, const struct node *node,
		      struct metrics *metrics, const struct pool_settings *settings,
		      struct statement *statement)
{
	bool submitted;

	assert(!name_check->pool);
	arena_reset(&name_check->arena);
	buf_clear(&name_check->out);
	name_check->begun_us = loop_now(loop);
	name_check->call = (struct call){
		.kind = CALL_QUERY,
		.statement = statement,
		.arena = &name_check->arena,
		.out = &name_check->out,
		.rows_max = 1,
		.on_done = name_check_on_done,
	};
	name_check->pool = pool_new(loop, node, metrics, settings);
	pool_set_role(name_check->pool, NODE_REPLICA);
	submitted = pool_submit(name_check->pool, &name_check->call);
	assert(submitted);
}

struct pool *name_check_keep(struct name_check *name_check)
{
	struct pool *pool = name_check->pool;

	assert(pool);
	name_check->pool = NULL;
	return pool;
}

static void name_check_on_done(struct call *call)
{
	struct name_check *name_check = container_of(call, struct name_check, call);
	struct node_status status;
	bool answered = call->end == CALL_OK && call->rows == 1 &&
			node_status_read((struct text){ name_check->out.ptr, name_check->out.len },
					 &status);

	name_check->on_answer(name_check, answered ? &status : NULL);
	if (name_check->pool)
		pool_free(name_check_keep(name_check));
}

void name_check_fini(struct name_check *name_check)
{
	if (name_check->pool) {
		pool_forget(name_check->pool, &name_check->call);
		pool_free(name_check_keep(name_check));
	}
	arena_fini(&name_check->arena);
	buf_fini(&name_check->out);
}
