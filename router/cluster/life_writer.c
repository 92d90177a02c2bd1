/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of one conn for one command. */
#include "router/cluster/life_writer.h"

#include "router/cluster/lives.h"
#include "router/cluster/questions.h"

#include <assert.h>

static void life_writer_on_done(struct call *call)
{
	struct life_writer *writer = container_of(call, struct life_writer, call);
	struct pool *pool = writer->pool;

	writer->pool = NULL;
	writer->on_end(writer, call);
	pool_free(pool);
}

void life_writer_init(struct life_writer *writer,
		      void (*on_end)(struct life_writer *writer, const struct call *call))
{
	*writer = (struct life_writer){ .on_end = on_end };
	arena_init(&writer->arena);
	buf_init(&writer->out);
	question_init(&writer->statement, "monitor.life", lives_begin_command, 0, 0);
}

void life_writer_begin(struct life_writer *writer, struct loop *loop, const struct node *node,
		       struct metrics *metrics, const struct pool_settings *settings)
{
	bool submitted;

	assert(!writer->pool);
	arena_reset(&writer->arena);
	buf_clear(&writer->out);
	writer->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = &writer->statement,
		.arena = &writer->arena,
		.out = &writer->out,
		.on_done = life_writer_on_done,
	};
	writer->pool = pool_new(loop, node, metrics, settings);
	pool_set_role(writer->pool, NODE_PRIMARY);
	submitted = pool_submit(writer->pool, &writer->call);
	assert(submitted);
}

void life_writer_forget(struct life_writer *writer)
{
	if (!writer->pool)
		return;
	pool_forget(writer->pool, &writer->call);
	pool_free(writer->pool);
	writer->pool = NULL;
}

void life_writer_fini(struct life_writer *writer)
{
	life_writer_forget(writer);
	statement_fini(&writer->statement);
	arena_fini(&writer->arena);
	buf_fini(&writer->out);
}
