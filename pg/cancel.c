/* SPDX-License-Identifier: Apache-2.0 */
/* One call, owned by the conn whose backend it names. */
#include "pg/cancel.h"

#include "base/clock.h"
#include "pg/inside.h"
#include "pg/types/types.h"
#include "pg/wire/conn.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define CANCEL_OID_INT4 23
#define CANCEL_OID_BOOL 16

static struct statement cancel_statement = {
	.name = "pool.cancel",
	.text = "SELECT pg_cancel_backend($1) AS cancelled",
	.params = 1,
};
static pthread_once_t cancel_once = PTHREAD_ONCE_INIT;

static void cancel_prepare(void)
{
	struct shape *shape = shape_new(1, 1);

	shape->param_types[0].oid = CANCEL_OID_INT4;
	shape->column_types[0] = type_by_oid(CANCEL_OID_BOOL);
	shape->column_types[0].oid = CANCEL_OID_BOOL;
	cancel_statement.id = statement_next_id();
	statement_set_shape(&cancel_statement, shape);
}

void cancel_init(struct cancel *cancel)
{
	*cancel = (struct cancel){ 0 };
	arena_init(&cancel->arena);
	buf_init(&cancel->out);
}

void cancel_fini(struct cancel *cancel)
{
	assert(!cancel->pending);
	arena_fini(&cancel->arena);
	buf_fini(&cancel->out);
}

static void cancel_on_done(struct call *call);

static void cancel_send(struct conn *conn)
{
	struct cancel *cancel = &conn->cancel;

	arena_reset(&cancel->arena);
	buf_clear(&cancel->out);
	/* Whatever happened to the last one, this is no slow statement. */
	atomic_store(&cancel_statement.running_us, 0);
	cancel->call = (struct call){
		.kind = CALL_QUERY,
		.statement = &cancel_statement,
		.values = cancel->values,
		.arena = &cancel->arena,
		.out = &cancel->out,
		.on_done = cancel_on_done,
	};
	cancel->pending = pool_submit(conn->pool, &cancel->call);
	if (cancel->pending)
		loop_again(conn->pool->loop);
}

static void cancel_on_done(struct call *call)
{
	struct cancel *cancel = container_of(call, struct cancel, call);
	struct conn *conn = container_of(cancel, struct conn, cancel);

	assert(cancel->pending);
	cancel->pending = false;
	cancel->lost = call->end == CALL_LOST;
	if (conn->state == CONN_CANCELING)
		conn_rest(conn);
	else if (call->expired && conn->state == CONN_BUSY)
		cancel_send(conn);
}

static bool cancel_is_worth_it(const struct conn *conn, const struct call *call)
{
	return call->cancels && conn->batch.kind == CALL_QUERY && conn->batch.slots_count == 1 &&
	       !conn->cancel.pending && !conn->pool->ended;
}

void cancel_forgotten(struct conn *conn, const struct call *call)
{
	struct cancel *cancel = &conn->cancel;
	struct pool *pool = conn->pool;

	if (!cancel_is_worth_it(conn, call))
		return;
	(void)pthread_once(&cancel_once, cancel_prepare);
	snprintf(cancel->pid, sizeof(cancel->pid), "%d", conn->backend_pid);
	cancel->values[0] = cancel->pid;
	cancel_send(conn);
	if (cancel->pending)
		metric_add(pool->metrics, METRIC_cancels_total, METRIC_LABELS(pool->node->name), 1);
}

bool cancel_holds(struct conn *conn)
{
	struct cancel *cancel = &conn->cancel;

	/* It has not left: there is nothing to wait for. */
	if (cancel->pending && !cancel->call.conn && !cancel->call.sent_us)
		cancel_drop(conn);
	return cancel->pending;
}

void cancel_drop(struct conn *conn)
{
	struct cancel *cancel = &conn->cancel;

	if (cancel->pending)
		pool_forget(conn->pool, &cancel->call);
	cancel->pending = cancel->lost = false;
}
