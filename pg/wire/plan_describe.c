/* SPDX-License-Identifier: Apache-2.0 */
/* Its answers are read by pg/wire/answer.c, into call->shape. */
#include "pg/wire/plan_describe.h"

#include "pg/wire/answer.h"
#include "pg/wire/conn.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/plan_query.h"
#include "pg/wire/session_state.h"

#include <assert.h>

static bool plan_describe_send(struct conn *conn)
{
	const struct batch *batch = &conn->batch;

	assert(batch->slots_count == 1);
	return pipeline_describe(conn) &&
	       pipeline_text(conn, ENTRY_SESSION_STATE, session_state_prelude) &&
	       pipeline_fixed(conn, ENTRY_SESSION_STATE, FIXED_SESSION_STATE, SLOT_NONE,
			      batch->slots[0].call->statement->text) &&
	       pipeline_sync(conn, ENTRY_SYNC);
}

const struct plan plan_describe = {
	.kind = PLAN_DESCRIBE,
	.send = plan_describe_send,
	.on_error = answer_error,
	.on_sync = plan_query_on_sync,
	.on_lost = plan_query_on_lost,
};
