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

void call_take_back(struct call *call)
{
	if (call->out && call->out->len > call->out_start)
		call->out->len = call->out_start;
	call->rows = call->bytes = 0;
	call->affected = -1;
}
