/* SPDX-License-Identifier: Apache-2.0 */
/* States, slots and entries; and what a batch teaches about its statements. */
#include "pg/wire/batch.h"

#include "base/clock.h"
#include "pg/admission/estimate.h"
#include "pg/wire/plan.h"
#include "pg/wire/session_state.h"

#include <assert.h>
#include <string.h>

#define BATCH_PREPARING_US (50 * US_PER_MS) /* taken off what a batch took that prepared */
#define BATCH_PATIENCE_GRACE_US US_PER_S    /* beyond the statement_timeout of a call */

#define TO(s) (1u << BATCH_##s)
static const unsigned batch_states[BATCH_STATES] = {
	[BATCH_NONE] = TO(FORMING),
	[BATCH_FORMING] = TO(OUT) | TO(COMMITTING) | TO(NONE),
	[BATCH_OUT] = TO(COMMITTING) | TO(BOUNDING) | TO(ROLLING_BACK) | TO(CLEANING) | TO(NONE),
	[BATCH_COMMITTING] =
		TO(COMMITTED) | TO(OUT) | TO(ROLLING_BACK_LATE) | TO(CLEANING) | TO(NONE),
	[BATCH_COMMITTED] = TO(CLEANING) | TO(NONE),
	[BATCH_BOUNDING] = TO(NONE),
	[BATCH_ROLLING_BACK] = TO(CLEANING) | TO(NONE),
	[BATCH_ROLLING_BACK_LATE] = TO(CLEANING) | TO(NONE),
	[BATCH_CLEANING] = TO(NONE),
};
#undef TO

void batch_move(struct batch *batch, enum batch_state next)
{
	assert(batch_states[batch->state] & (1u << next));
	batch->state = next;
}

/* --- what it holds --------------------------------------------------------------------------- */

void batch_begin(struct batch *batch, enum call_kind kind, int64_t now_us, int64_t patience_us)
{
	batch_move(batch, BATCH_FORMING);
	batch->kind = kind == CALL_PROBE ? CALL_QUERY : kind;
	batch->plan = NULL;
	batch->slots_count = 0;
	batch_begin_trip(batch);
	batch->sent_us = now_us;
	batch->timeout_us = 0;
	batch->patience_us = patience_us;
	batch->in_recovery = batch->wrote = batch->temporary = batch->claims = false;
	batch->lower = batch->upper = batch->wal_end = 0;
	batch->timeline = batch->streamed = 0;
	batch->began_us = batch->ended_us = 0;
	batch->segment_bytes = batch->block_bytes = 0;
	batch->ran_us = -1;
	batch->position = POSITION_NONE;
	batch->session_state = 0;
	batch->raised = 0;
	batch->redone_for = SLOT_NONE;
	batch->trouble = NULL;
	batch->tags_count = 0;
}

void batch_begin_trip(struct batch *batch)
{
	batch->entries_count = batch->next = 0;
	batch->reading = READING_FIRST;
	batch->limits = BATCH_LIMITS_NONE;
}

/* What has run commits, though its maker has forgotten the call. */
static void batch_add_tags(struct batch *batch, const struct call *call)
{
	struct slot *slot = &batch->slots[batch->slots_count - 1];

	assert(call->tags_count <= OPERATION_TAGS_MAX);
	assert(batch->tags_count + call->tags_count <= BATCH_TAGS_MAX);
	slot->tags_first = (uint16_t)batch->tags_count;
	slot->tags_count = (uint8_t)call->tags_count;
	memcpy(batch->tags + batch->tags_count, call->tags, call->tags_count * sizeof(*call->tags));
	batch->tags_count += call->tags_count;
}

void batch_add(struct batch *batch, struct call *call)
{
	assert(batch->state == BATCH_FORMING || batch->kind == CALL_JOBS);
	assert(batch->slots_count < BATCH_CALLS_MAX);
	batch->slots[batch->slots_count++] = (struct slot){ .call = call, .state = SLOT_AWAITED };
	batch->claims |= call->claims != NULL;
	if (call->tags_count)
		batch_add_tags(batch, call);
	if (call->timeout_us && call->timeout_us + BATCH_PATIENCE_GRACE_US > batch->patience_us)
		batch->patience_us = call->timeout_us + BATCH_PATIENCE_GRACE_US;
}

void batch_replace(struct batch *batch, const struct call *call, struct call *by)
{
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call == call) {
			batch->slots[i].call = by;
			return;
		}
	assert(!"a call that is on its way has a slot");
}

void batch_remove(struct batch *batch, const struct call *call)
{
	batch_replace(batch, call, NULL);
	for (unsigned i = 1; batch->kind == CALL_JOBS && i < batch->slots_count; i++)
		batch->slots[i].call = NULL;
}

struct entry *batch_entry(struct batch *batch, enum entry_kind kind, unsigned slot)
{
	struct entry *entry = &batch->entries[batch->entries_count];

	assert(batch->entries_count < BATCH_ENTRIES_MAX);
	*entry = (struct entry){ .kind = (uint8_t)kind, .slot = (uint8_t)slot };
	batch->entries_count++;
	return entry;
}

/* --- what came of it ------------------------------------------------------------------------- */

bool batch_commits(const struct batch *batch)
{
	return batch->kind == CALL_COMMAND || batch->kind == CALL_JOBS;
}

bool batch_is_lone_job(const struct batch *batch)
{
	return batch->kind == CALL_JOBS && batch->slots_count == 2;
}

bool batch_may_have_committed(const struct batch *batch)
{
	return batch->state == BATCH_COMMITTING || batch->state == BATCH_ROLLING_BACK_LATE ||
	       batch_has_committed(batch);
}

bool batch_has_committed(const struct batch *batch)
{
	return batch->state == BATCH_COMMITTED || batch->state == BATCH_CLEANING;
}

void batch_bounds(const struct batch *batch, struct call *call)
{
	call->in_recovery = batch->in_recovery;
	call->lower = batch->lower;
	call->upper = batch->upper;
	call->wal_end = batch->wal_end;
	call->timeline = batch->timeline;
	call->streamed = batch->streamed;
}

/* The statement that ends locks is the last probe of queries, and the position of commands. */
static bool batch_may_hold_locks(const struct batch *batch)
{
	if (batch_commits(batch))
		return !position_known(batch->position);
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].state == SLOT_FAILED ||
		    batch->slots[i].state == SLOT_RETURNED || batch->slots[i].state == SLOT_BROKEN)
			return true;
	return batch->plan->kind == PLAN_STREAM;
}

bool batch_leaves_state(const struct batch *batch)
{
	return batch->session_state & SESSION_STATE_SESSION ||
	       (batch->session_state & SESSION_STATE_LOCKS && batch_may_hold_locks(batch));
}

/* --- how long it takes ----------------------------------------------------------------------- */

/* Preparing fills the session's caches, once: that is not how long the statement runs. */
static int64_t batch_preparing_us(const struct batch *batch)
{
	for (unsigned i = 0; i < batch->entries_count; i++)
		if (batch->entries[i].kind == ENTRY_PREPARE)
			return BATCH_PREPARING_US;
	return 0;
}

/* Of what stands in a frame the way there and back is a part. */
static bool batch_is_learnt(const struct call *call)
{
	return call->kind == CALL_QUERY || (call->kind == CALL_COMMAND && !call->frame);
}

void batch_learn(const struct batch *batch, int64_t took_us)
{
	struct statement *ran[BATCH_CALLS_MAX];
	unsigned count = 0;

	took_us -= batch_preparing_us(batch);
	for (unsigned i = 0; i < batch->slots_count; i++) {
		const struct slot *slot = &batch->slots[i];

		if (slot->call && batch_is_learnt(slot->call) && slot->state != SLOT_RETURNED)
			ran[count++] = slot->call->statement;
	}
	if (count)
		estimate_learn(ran, count, took_us > 0 ? took_us : 0);
}

void batch_learn_late(const struct batch *batch, int64_t now_us)
{
	int64_t took_us = now_us - batch->sent_us;

	if (batch->kind == CALL_QUERY && took_us > ESTIMATE_SLOW_US)
		batch_learn(batch, took_us);
}

int64_t batch_expected_us(const struct batch *batch)
{
	int64_t expected_us = batch->sent_us;

	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call && batch->slots[i].call->statement)
			expected_us += estimate_us(batch->slots[i].call->statement);
	return expected_us;
}
