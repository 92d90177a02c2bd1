/* SPDX-License-Identifier: Apache-2.0 */
/* Followers are a chain from the leader, the last one that came first. */
#include "pg/coalesce.h"

#include "base/hash.h"
#include "pg/admission/quarantine.h"
#include "pg/admission/threshold.h"
#include "pg/wire/lookup.h"
#include "pg/wire/session_state.h"

#include <assert.h>
#include <string.h>

#define COALESCE_FOLLOWERS_MAX 127 /* of one leader: each gets a copy in one turn */

/* --- which are identical --------------------------------------------------------------------- */

static bool coalesce_is_wanted(const struct call *call)
{
	const struct statement *statement = call->statement;

	switch (statement->coalescing) {
	case COALESCING_UNLESS_VOLATILE:
		return !(atomic_load_explicit(&statement->session_state, memory_order_relaxed) &
			 SESSION_STATE_VOLATILE);
	case COALESCING_ALWAYS:
		return true;
	case COALESCING_NEVER:
		return false;
	}
	assert(!"a kind of coalescing");
	return false;
}

static uint64_t coalesce_hash(uint64_t hash, const char *const *values, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		hash = values[i] ? hash_bytes(values[i], strlen(values[i]), hash) : hash + i + 1;
	return hash;
}

/* Of a @lookup: the value, from 1, that need not be the same. 0: all of them. */
static unsigned coalesce_key(const struct call *call)
{
	struct statement *statement = call->statement;

	if (!statement->lookup || !lookup_is_exact(call))
		return 0;
	if (!quarantine_is_on(statement))
		return statement->lookup;
	quarantine_serve(statement);
	return 0;
}

static unsigned coalesce_slot(const struct call *call, unsigned key)
{
	unsigned params = call->statement->params, count = key ? key - 1 : params;
	uint64_t hash = coalesce_hash(call->statement->id, call->values, count);

	if (key)
		hash = coalesce_hash(hash, call->values + key, params - key);
	if (call->claims)
		hash = coalesce_hash(hash, call->claims, CLAIMS_VALUES);
	return (unsigned)(hash % COALESCE_SLOTS);
}

static bool coalesce_same_values(const char *const *a, const char *const *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!a[i] || !b[i] ? a[i] != b[i] : strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool coalesce_same_claims(const struct call *a, const struct call *b)
{
	if (!a->claims || !b->claims)
		return a->claims == b->claims;
	return coalesce_same_values(a->claims, b->claims, CLAIMS_VALUES);
}

/* But for the key, which stands between them. */
static bool coalesce_same_but_key(const struct call *a, const struct call *b, unsigned key)
{
	unsigned params = a->statement->params;

	if (!key)
		return coalesce_same_values(a->values, b->values, params);
	return lookup_is_exact(a) && a->state == CALL_QUEUED &&
	       coalesce_same_values(a->values, b->values, key - 1) &&
	       coalesce_same_values(a->values + key, b->values + key, params - key);
}

static bool coalesce_same(const struct call *a, const struct call *b, unsigned key)
{
	return a->statement == b->statement && a->bound == b->bound && a->rows_max == b->rows_max &&
	       a->bytes_max == b->bytes_max && a->out_start == b->out->len &&
	       a->cancels == b->cancels && a->revalidates == b->revalidates &&
	       coalesce_same_but_key(a, b, key) && coalesce_same_claims(a, b);
}

/* Where those that ask less go first, it may go before the other. */
static bool coalesce_is_more_urgent(const struct ticket *ticket, const struct ticket *other)
{
	unsigned urgency = ticket->priority.urgency;

	return ticket->priority.asked != other->priority.asked ||
	       urgency < other->priority.urgency ||
	       threshold_class(threshold_rank(urgency, false, 0)) < threshold_class(other->rank);
}

/* --- those that wait ------------------------------------------------------------------------- */

static int64_t coalesce_longer_us(const struct coalesce *coalesce, int64_t a_us, int64_t b_us)
{
	int64_t a_in_force_us = a_us ? a_us : coalesce->timeout_us;
	int64_t b_in_force_us = b_us ? b_us : coalesce->timeout_us;

	if (!a_in_force_us || !b_in_force_us)
		return 0;
	return a_in_force_us >= b_in_force_us ? a_us : b_us;
}

bool coalesce_join(struct coalesce *coalesce, struct call *call)
{
	struct call *leader;
	unsigned key;

	assert(!call->leader);
	assert(!call->follower);
	assert(!call->on_rows);
	if (!coalesce_is_wanted(call))
		return false;
	key = coalesce_key(call);
	call->coalesce_slot = coalesce_slot(call, key) & (COALESCE_SLOTS - 1);
	leader = coalesce->waiting[call->coalesce_slot];
	if (!leader || leader->followers == COALESCE_FOLLOWERS_MAX ||
	    !coalesce_same(leader, call, key) ||
	    coalesce_is_more_urgent(&call->ticket, &leader->ticket))
		return false;
	call->leader = leader;
	call->follower = leader->follower;
	leader->follower = call;
	leader->followers++;
	leader->timeout_us = coalesce_longer_us(coalesce, leader->timeout_us, call->timeout_us);
	return true;
}

void coalesce_offer(struct coalesce *coalesce, struct call *call)
{
	assert(!call->leader);
	if (coalesce_is_wanted(call))
		coalesce->waiting[call->coalesce_slot] = call;
}

void coalesce_withdraw(struct coalesce *coalesce, const struct call *call)
{
	if (coalesce->waiting[call->coalesce_slot] == call)
		coalesce->waiting[call->coalesce_slot] = NULL;
}

/* --- with the leader ------------------------------------------------------------------------- */

void coalesce_sent(struct call *call)
{
	for (struct call *each = call->follower; each; each = each->follower) {
		call_move(each, CALL_OUT);
		each->sent_us = call->sent_us;
		each->ticket.placements = call->ticket.placements;
	}
}

void coalesce_again(struct call *call, int64_t now_us)
{
	for (struct call *each = call->follower; each; each = each->follower) {
		call_move(each, CALL_QUEUED);
		each->ticket.waits_since_us = now_us;
		if (each->company == COMPANY_KEYED)
			lookup_again(each);
	}
}

struct call *coalesce_take(struct call *call)
{
	struct call *last = call->follower;

	if (!last)
		return NULL;
	assert(last->leader == call);
	call->follower = last->follower;
	call->followers--;
	last->leader = last->follower = NULL;
	return last;
}

static const char *coalesce_copy(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

static void coalesce_share_error(const struct call *from, struct call *to)
{
	struct pg_error *error = &to->error;

	*error = from->error;
	error->source = coalesce_copy(to->arena, error->source);
	error->message = coalesce_copy(to->arena, error->message);
	error->detail = coalesce_copy(to->arena, error->detail);
	error->hint = coalesce_copy(to->arena, error->hint);
	error->constraint = coalesce_copy(to->arena, error->constraint);
	error->column = coalesce_copy(to->arena, error->column);
}

void coalesce_share(const struct call *from, struct call *to, bool rows)
{
	coalesce_share_error(from, to);
	to->refusal = from->refusal;
	to->generation = from->generation;
	to->bound = from->bound;
	to->effect = from->effect;
	to->lower = from->lower;
	to->upper = from->upper;
	to->wal_end = from->wal_end;
	to->timeline = from->timeline;
	to->streamed = from->streamed;
	to->in_recovery = from->in_recovery;
	to->preparations = from->preparations;
	/* Each has the rows of its key already. */
	if (from->company == COMPANY_KEYED)
		return;
	assert(to->out->len == to->out_start);
	to->rows = from->rows;
	to->bytes = from->bytes;
	to->affected = from->affected;
	if (!rows)
		return;
	assert(coalesce_is_intact(from));
	buf_add(to->out, from->out->ptr + from->out_start, from->bytes);
}

bool coalesce_is_intact(const struct call *call)
{
	return call->company == COMPANY_KEYED || call->out->len == call->out_start + call->bytes;
}

/* --- without the leader ---------------------------------------------------------------------- */

void coalesce_leave(struct call *call)
{
	struct call *leader = call->leader, *newer = leader;

	while (newer->follower != call)
		newer = newer->follower;
	newer->follower = call->follower;
	leader->followers--;
	call->leader = call->follower = NULL;
}

struct call *coalesce_succeed(struct coalesce *coalesce, struct call *call)
{
	struct call *oldest = call->follower;

	if (!oldest)
		return NULL;
	while (oldest->follower)
		oldest = oldest->follower;
	coalesce_leave(oldest);
	oldest->follower = call->follower;
	oldest->followers = call->followers;
	for (struct call *each = oldest->follower; each; each = each->follower)
		each->leader = oldest;
	call->follower = NULL;
	call->followers = 0;
	oldest->timeout_us = call->timeout_us;
	oldest->ticket.rank = call->ticket.rank;
	if (coalesce->waiting[call->coalesce_slot] == call)
		coalesce->waiting[call->coalesce_slot] = oldest;
	coalesce_share(call, oldest, coalesce_is_intact(call));
	return oldest;
}
