/* SPDX-License-Identifier: Apache-2.0 */
/* Which state of a call may follow which. */
#include "pg/call.h"

#include <assert.h>

#define TO(s) (1u << CALL_##s)
static const unsigned call_states[CALL_STATES] = {
	[CALL_AT_MAKER] = TO(QUEUED),
	[CALL_QUEUED] = TO(OUT) | TO(ENDED) | TO(AT_MAKER),
	[CALL_OUT] = TO(STREAMING) | TO(QUEUED) | TO(ENDED) | TO(AT_MAKER),
	[CALL_STREAMING] = TO(ENDED) | TO(AT_MAKER),
	[CALL_ENDED] = TO(AT_MAKER),
};
#undef TO

void call_move(struct call *call, enum call_state next)
{
	assert(call_states[call->state] & (1u << next));
	call->state = next;
}

void call_begin(struct call *call)
{
	call->error = (struct pg_error){ 0 };
	call->lost_reason = call->untellable = NULL;
	call->rows = call->bytes = 0;
	call->effect = EFFECT_NONE;
	call->affected = -1;
	call->lower = call->upper = call->wal_end = 0;
	call->timeline = call->streamed = 0;
	call->in_recovery = false;
	call->frame_end = FRAME_NONE;
	call->position = POSITION_NONE;
	call->shape = NULL;
	call->preparations = 0;
	call->sent_us = call->done_us = 0;
	call->out_start = call->out ? call->out->len : 0;
}

void call_take_back(struct call *call)
{
	if (call->out && call->out->len > call->out_start)
		call->out->len = call->out_start;
	call->rows = call->bytes = 0;
	call->untellable = NULL;
	call->affected = -1;
}
