/* SPDX-License-Identifier: Apache-2.0 */
/* Calls stay on a list per pool until the test answers them. */
#include "fake_pool.h"

#include "pg/describe.h"
#include "router/cluster/monitor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct pool {
	struct loop *loop;
	struct list calls;
	bool full, readiness, away;
	const char *abandoned;
	unsigned dials, renewals, went_on;
	struct describe *describing;
};

static struct pool *fake_pools[NODES_MAX];
static unsigned fake_pools_count;
static unsigned fake_polled_now;

struct pool *pool_new(struct loop *loop, const struct node *node, struct metrics *metrics,
		      const struct pool_settings *settings)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	(void)node, (void)metrics, (void)settings;
	pool->loop = loop;
	list_init(&pool->calls);
	fake_pools[fake_pools_count++] = pool;
	return pool;
}

void pool_free(struct pool *pool)
{
	assert(list_empty(&pool->calls));
	fake_pools_count--;
	free(pool);
}

void pool_set_role(struct pool *pool, enum node_role role)
{
	(void)pool, (void)role;
}

bool pool_submit(struct pool *pool, struct call *call)
{
	if (pool->full)
		return false;
	call->pool = pool;
	call->queued_us = loop_now(pool->loop);
	list_append(&pool->calls, &call->ticket.link);
	return true;
}

void pool_forget(struct pool *pool, struct call *call)
{
	list_remove(&pool->calls, &call->ticket.link);
}

void pool_go_on(struct pool *pool, struct call *call)
{
	(void)call;
	pool->went_on++;
}

void pool_abandon(struct pool *pool, const char *reason)
{
	pool->abandoned = reason;
	while (!list_empty(&pool->calls))
		fake_lost(container_of(list_first(&pool->calls), struct call, ticket.link),
			  CALL_LOST, reason);
}

void pool_expect(struct pool *pool, int64_t server_us)
{
	(void)pool;
	(void)server_us;
}

void pool_renew(struct pool *pool)
{
	pool->renewals++;
}

void pool_dial_now(struct pool *pool)
{
	pool->dials++;
}

unsigned pool_load(const struct pool *pool)
{
	return (unsigned)pool->calls.count;
}

bool pool_opened(const struct pool *pool)
{
	return !pool->readiness;
}

void fake_opening(unsigned node, bool readiness)
{
	fake_pool(node)->readiness = readiness;
}

void fake_away(unsigned node, bool away)
{
	fake_pool(node)->away = away;
}

bool pool_connected(const struct pool *pool)
{
	return !pool->away;
}

const char *pool_last_error(const struct pool *pool)
{
	(void)pool;
	return "";
}

bool describe_start(struct describe *describe, struct pool *pool)
{
	assert(!pool->describing);
	describe->pool = pool;
	pool->describing = describe;
	return true;
}

void describe_forget(struct describe *describe)
{
	describe->pool->describing = NULL;
}

struct describe *fake_describing(unsigned node)
{
	return fake_pool(node)->describing;
}

void fake_described(struct describe *describe, uint32_t param_oid, uint32_t column_oid)
{
	struct shape *shape = shape_new(describe->statement->params, 1);

	assert(describe->revalidates);
	for (unsigned i = 0; i < shape->params; i++)
		shape->param_types[i].oid = param_oid;
	shape->column_types[0].oid = column_oid;
	shape->generation = statement_next_generation();
	statement_renew_shape(describe->statement, shape);
	describe->pool->describing = NULL;
	describe->end = CALL_OK;
	describe->on_done(describe);
}

void monitor_poll_now(struct monitor *monitor)
{
	(void)monitor;
	fake_polled_now++;
}

unsigned fake_polls_now(void)
{
	return fake_polled_now;
}

struct pool *fake_pool(unsigned node)
{
	assert(node < fake_pools_count);
	return fake_pools[node];
}

unsigned fake_waiting(unsigned node)
{
	return (unsigned)fake_pool(node)->calls.count;
}

const char *fake_abandoned(unsigned node)
{
	return fake_pool(node)->abandoned;
}

unsigned fake_dials(unsigned node)
{
	return fake_pool(node)->dials;
}

void fake_full(unsigned node, bool full)
{
	fake_pool(node)->full = full;
}

struct call *fake_call(unsigned node, enum call_kind kind)
{
	list_each (&fake_pool(node)->calls, it) {
		struct call *call = container_of(it, struct call, ticket.link);

		if (call->kind == kind)
			return call;
	}
	return NULL;
}

struct call *fake_call_of(unsigned node, const struct statement *statement)
{
	list_each (&fake_pool(node)->calls, it) {
		struct call *call = container_of(it, struct call, ticket.link);

		if (call->statement == statement)
			return call;
	}
	return NULL;
}

struct call *fake_last_call(unsigned node, enum call_kind kind)
{
	struct call *last = NULL;

	list_each (&fake_pool(node)->calls, it) {
		struct call *call = container_of(it, struct call, ticket.link);

		if (call->kind == kind)
			last = call;
	}
	return last;
}

void fake_stream(struct call *call, uint64_t lower, uint64_t upper, const char *rows)
{
	buf_string(call->out, rows);
	call->effect = EFFECT_STREAMED;
	call->in_recovery = true;
	call->lower = lower;
	call->upper = upper;
	call->sent_us = loop_now(call->pool->loop);
	call->on_rows(call);
}

unsigned fake_went_on(unsigned node)
{
	return fake_pool(node)->went_on;
}

static void fake_end(struct call *call, enum call_end end)
{
	struct pool *pool = call->pool;

	list_remove(&pool->calls, &call->ticket.link);
	call->end = end;
	call->done_us = loop_now(pool->loop);
	if (!call->sent_us)
		call->sent_us = call->done_us;
	call->on_done(call);
}

void fake_unsent(struct call *call, const char *reason)
{
	struct pool *pool = call->pool;

	list_remove(&pool->calls, &call->ticket.link);
	call->end = CALL_UNSENT;
	call->lost_reason = reason;
	call->done_us = loop_now(pool->loop);
	call->on_done(call);
}

static void fake_rows(struct call *call, const char *rows, uint64_t count)
{
	call->rows = count;
	call->affected = (int64_t)count;
	if (rows)
		buf_string(call->out, rows);
}

void fake_answer(struct call *call, uint64_t lower, uint64_t upper, const char *rows,
		 uint64_t count)
{
	fake_rows(call, rows, count);
	call->in_recovery = true;
	call->lower = lower;
	call->upper = upper;
	fake_end(call, CALL_OK);
}

void fake_answer_primary(struct call *call, uint64_t flush, const char *rows, uint64_t count)
{
	fake_rows(call, rows, count);
	call->in_recovery = false;
	call->lower = call->upper = flush;
	if (call->wal_end < flush)
		call->wal_end = flush;
	fake_end(call, CALL_OK);
}

void fake_commit(struct call *call, uint64_t lsn, bool wrote, const char *rows, uint64_t count)
{
	fake_rows(call, rows, count);
	call->effect = wrote ? EFFECT_WROTE : EFFECT_NONE;
	call->position = (struct position){ 1, lsn };
	fake_end(call, CALL_OK);
}

void fake_error(struct call *call, const char *sqlstate, const char *message)
{
	memcpy(call->error.sqlstate, sqlstate, 6);
	call->error.message = message;
	fake_end(call, CALL_ERROR);
}

void fake_lost(struct call *call, enum call_end end, const char *reason)
{
	call->lost_reason = reason;
	fake_end(call, end);
}
