/* SPDX-License-Identifier: Apache-2.0 */
/* One call, owned by the conn whose backend it names. */
#include "pg/wire/cancel.h"

#include "pg/types/types.h"

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

void cancel_init(struct cancel *cancel, void (*on_answered)(struct cancel *cancel))
{
	*cancel = (struct cancel){ .on_answered = on_answered };
	arena_init(&cancel->arena);
	buf_init(&cancel->out);
}

void cancel_fini(struct cancel *cancel)
{
	assert(cancel->state != CANCEL_PENDING);
	arena_fini(&cancel->arena);
	buf_fini(&cancel->out);
}

static void cancel_on_done(struct call *call)
{
	struct cancel *cancel = container_of(call, struct cancel, call);

	assert(cancel->state == CANCEL_PENDING);
	cancel->state = call->end == CALL_LOST ? CANCEL_LOST : CANCEL_NONE;
	cancel->on_answered(cancel);
}

struct call *cancel_call(struct cancel *cancel, int backend_pid)
{
	assert(cancel->state != CANCEL_PENDING);
	(void)pthread_once(&cancel_once, cancel_prepare);
	snprintf(cancel->pid, sizeof(cancel->pid), "%d", backend_pid);
	cancel->values[0] = cancel->pid;
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
	return &cancel->call;
}

bool cancel_waits(const struct cancel *cancel)
{
	return cancel->state == CANCEL_PENDING && !cancel->call.conn && !cancel->call.sent_us;
}
