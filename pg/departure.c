/* SPDX-License-Identifier: Apache-2.0 */
/* From the head of a queue into the slots of a batch, until one does not fit. */
#include "pg/departure.h"

#include "base/clock.h"
#include "base/control.h"
#include "pg/admission/core_reserve.h"
#include "pg/admission/estimate.h"
#include "pg/coalesce.h"
#include "pg/lane.h"
#include "pg/pool_private.h"
#include "pg/wire/batch.h"
#include "pg/wire/carry.h"
#include "pg/wire/lookup.h"
#include "pg/wire/plan_group.h"
#include "pg/wire/session_state.h"

#include <assert.h>
#include <string.h>

#define DEPARTURE_LENGTH_US (5 * US_PER_MS) /* what quick queries may take together */

/* What has been taken so far. */
struct departure {
	int64_t length_us;            /* what its queries are expected to take */
	size_t bytes;                 /* of parameters */
	int64_t longest_us, least_us; /* how long its calls have waited */
};

static unsigned departure_calls_max(const struct pool *pool, const struct lane *lane)
{
	unsigned calls_max = pool->settings.batch_calls_max;

	if (lane->kind == LANE_GROUP)
		return pool->settings.group_max;
	return calls_max ? calls_max : BATCH_CALLS_MAX;
}

static bool departure_is_solo(const struct pool *pool, const struct call *call,
			      const struct lane *lane)
{
	if (lane->kind == LANE_GROUP)
		return !plan_group_welcomes(pool->settings.group_max, call);
	return lane->kind != LANE_QUICK || call->ticket.placements >= CALL_PLACEMENTS_MAX ||
	       (call->statement &&
		atomic_load_explicit(&call->statement->session_state, memory_order_relaxed) &
			SESSION_STATE_SESSION);
}

/* Those of its followers' keys that are sent with its own. */
static size_t departure_key_bytes(const struct call *call)
{
	unsigned at = call->statement->lookup - 1u;
	size_t bytes = 0;

	if (lookup_is_exact(call))
		for (const struct call *each = call->follower; each; each = each->follower)
			bytes += strlen(each->values[at]);
	return bytes;
}

static size_t departure_param_bytes(const struct call *call)
{
	size_t bytes = 0;

	if (call->kind == CALL_PROBE || call->kind == CALL_DESCRIBE)
		return 0;
	for (unsigned i = 0; i < call->statement->params; i++)
		if (call->values[i])
			bytes += strlen(call->values[i]);
	for (unsigned i = 0; call->claims && i < CLAIMS_VALUES; i++)
		bytes += strlen(call->claims[i]);
	if (call->statement->lookup)
		bytes += departure_key_bytes(call);
	return bytes;
}

/* A longer batch saves nothing, and its calls would wait in it, where no more urgent call can pass
 * them and admission does not see them. */
static bool departure_has_room(struct departure *departure, const struct lane *lane,
			       const struct call *call)
{
	departure->bytes += departure_param_bytes(call);
	if (lane->kind == LANE_QUICK && call->statement)
		departure->length_us += estimate_us(call->statement);
	return departure->length_us <= DEPARTURE_LENGTH_US &&
	       departure->bytes <= BATCH_PARAM_BYTES_MAX;
}

static void departure_observe(const struct pool *pool, const struct call *call)
{
	if (call->ticket.placements == 1 && call->kind != CALL_JOBS)
		metric_observe(pool->metrics, METRIC_pool_wait_seconds,
			       METRIC_LABELS(pool->node->name), call->sent_us - call->queued_us);
}

/* Those that follow it travel with it. */
static void departure_add_followers(struct pool *pool, struct call *call)
{
	if (CONTROL_QUEUED)
		coalesce_withdraw(&pool->coalesce, call);
	if (!call->follower)
		return;
	coalesce_sent(call);
	for (const struct call *each = call->follower; each; each = each->follower)
		departure_observe(pool, each);
	if (call->ticket.placements == 1 && !lookup_is_exact(call))
		metric_add(pool->metrics, METRIC_coalesced_total,
			   METRIC_LABELS(call->statement->name), call->followers);
}

static void departure_add(struct departure *departure, struct conn *conn, struct call *call)
{
	struct pool *pool = conn->pool;
	int64_t now_us = loop_now(pool->loop);
	int64_t waited_us = core_reserve_waited_us(&call->ticket, now_us);

	call->list = NULL;
	carry_add(conn, call);
	pool->in_flight++;
	departure_observe(pool, call);
	departure_add_followers(pool, call);
	if (now_us - call->ticket.waits_since_us > departure->longest_us)
		departure->longest_us = now_us - call->ticket.waits_since_us;
	if (waited_us < departure->least_us)
		departure->least_us = waited_us;
}

static void departure_share_jobs(struct pool *pool, const struct lane *lane, unsigned count)
{
	if (lane->kind == LANE_JOBS)
		job_share_begin(&pool->job_share);
	else if (lane->kind == LANE_COMMAND || lane->kind == LANE_GROUP)
		job_share_commands(&pool->job_share, count, loop_now(pool->loop));
}

void departure_send(struct conn *conn, struct lane *lane)
{
	struct pool *pool = conn->pool;
	struct list *queue = &lane->queue;
	struct departure departure = { .least_us = CLOCK_NEVER };
	unsigned count = 0, count_max = departure_calls_max(pool, lane);
	bool solo = false;

	carry_begin(conn, container_of(list_first(queue), struct call, ticket.link)->kind);
	while (!list_empty(queue) && count < count_max && !solo) {
		struct call *call = container_of(list_first(queue), struct call, ticket.link);
		bool fits = departure_has_room(&departure, lane, call);

		solo = departure_is_solo(pool, call, lane);
		if (count && (solo || !fits))
			break;
		list_remove(queue, &call->ticket.link);
		departure_add(&departure, conn, call);
		count++;
	}
	departure_share_jobs(pool, lane, count);
	admission_dequeued(&lane->admission, count, departure.longest_us, departure.least_us,
			   loop_now(pool->loop));
	if (lane->kind != LANE_JOBS)
		metric_observe(pool->metrics, METRIC_batch_calls, METRIC_LABELS(pool->node->name),
			       count);
	carry_send(conn);
}
