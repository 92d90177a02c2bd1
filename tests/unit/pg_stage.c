/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a story about pg/ needs to be told in few lines. */
#include "pg_stage.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS_MAX 100

struct stage stage;
static struct statement statements[STATEMENTS_MAX];
static char texts[STATEMENTS_MAX][32];

const struct pool_settings stage_settings = {
	.conns_max = 2,
	.queue_max = 100,
	.concurrency_fixed = 64,
	.queue_wait_us = 100 * US_PER_MS,
	.statement_timeout_us = 5 * US_PER_S,
	.connect_timeout_us = 3 * US_PER_S,
	.answer_timeout_us = 6 * US_PER_S,
};

int stage_clear(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

int stage_close(void **state)
{
	(void)state;
	/* A dial that is under way would reach the fake of the next test. */
	while (stage.pool && pool_conns(stage.pool, CONN_DIALING))
		loop_turn(stage.loop, US_PER_S);
	if (stage.pool)
		pool_free(stage.pool);
	loop_turn(stage.loop, 0);
	node_free(stage.node);
	loop_free(stage.loop);
	metrics_free(stage.metrics);
	for (unsigned i = 0; i < STATEMENTS_MAX; i++) {
		statement_fini(&statements[i]);
		memset(&statements[i], 0, sizeof(statements[i]));
	}
	memset(&stage, 0, sizeof(stage));
	fake_reset();
	return 0;
}

void stage_open_with(enum node_role role, const struct pool_settings *settings)
{
	char error[256];

	stage.now_us = STAGE_START_US;
	stage.loop = loop_new("stage");
	loop_fake_clock(stage.loop, stage.now_us);
	stage.metrics = metrics_new();
	stage.node = node_new(0, "host=db port=5432 user=u", error, sizeof(error));
	assert(stage.node);
	stage.pool = pool_new(stage.loop, stage.node, stage.metrics, settings);
	pool_set_role(stage.pool, role);
	stage_connect();
}

void stage_open(enum node_role role, unsigned conns)
{
	struct pool_settings settings = stage_settings;

	settings.conns_max = conns;
	stage_open_with(role, &settings);
}

void stage_connect(void)
{
	while (pool_conns(stage.pool, CONN_DIALING))
		loop_turn(stage.loop, US_PER_S);
	if (fake_server.hangs)
		return;
	while (pool_conns(stage.pool, CONN_CONNECTING))
		stage_turn();
}

void stage_turn(void)
{
	loop_turn(stage.loop, 0);
}

void stage_pass(int64_t us)
{
	stage.now_us += us;
	loop_fake_clock(stage.loop, stage.now_us);
	stage_turn();
}

void stage_answer(unsigned conn)
{
	fake_answer_all(conn);
	stage_turn();
}

struct statement *stage_statement_of(unsigned number, const char *text)
{
	struct statement *statement = &statements[number];
	struct shape *shape;

	assert(number < STATEMENTS_MAX);
	if (statement->id)
		return statement;
	shape = shape_new(1, 1);
	shape->param_types[0].oid = shape->column_types[0].oid = 23;
	statement->id = number;
	statement->name = "statement";
	statement->text = text;
	statement->params = 1;
	statement_set_shape(statement, shape);
	return statement;
}

struct statement *stage_statement(unsigned number)
{
	snprintf(texts[number], sizeof(texts[number]), "SELECT %u.", number);
	return stage_statement_of(number, texts[number]);
}

static void stage_on_done(struct call *call)
{
	struct stage_call *stage_call = container_of(call, struct stage_call, call);

	stage_call->told++;
	if (stage_call->on_answer)
		stage_call->on_answer(stage_call);
}

void stage_call_init(struct stage_call *call, enum call_kind kind, struct statement *statement,
		     const char *value)
{
	*call = (struct stage_call){ .values = { value } };
	arena_init(&call->arena);
	buf_init(&call->out);
	call->call = (struct call){
		.kind = kind,
		.statement = statement,
		.values = call->values,
		.arena = &call->arena,
		.out = &call->out,
		.on_done = stage_on_done,
	};
}

void stage_call_fini(struct stage_call *call)
{
	arena_fini(&call->arena);
	buf_fini(&call->out);
	shape_free(call->call.shape);
}

void stage_send(struct stage_call *call, enum call_kind kind, struct statement *statement,
		const char *value)
{
	bool taken;

	stage_call_init(call, kind, statement, value);
	taken = pool_submit(stage.pool, &call->call);
	assert(taken);
	(void)taken;
}

void stage_query(struct stage_call *call, struct statement *statement, const char *value)
{
	stage_send(call, CALL_QUERY, statement, value);
}

const char *stage_out(struct stage_call *call)
{
	buf_byte(&call->out, '\0');
	call->out.len--;
	return call->out.ptr;
}
