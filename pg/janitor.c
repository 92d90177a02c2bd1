/* SPDX-License-Identifier: Apache-2.0 */
/* One timer per pool; nothing else in pg/ knows when something is too late. */
#include "pg/janitor.h"

#include "base/clock.h"
#include "base/limits.h"
#include "pg/admission/core_reserve.h"
#include "pg/capacity.h"
#include "pg/pool_private.h"
#include "pg/wire/conn.h"

#include <assert.h>

#define JANITOR_PAUSE_US_MIN (50 * US_PER_MS) /* before a failed connect is tried again */
#define JANITOR_PAUSE_US_MAX US_PER_S
#define JANITOR_GAUGES_EVERY_US US_PER_S

static void janitor_set_gauges(struct pool *pool, int64_t now_us);

void janitor_init(struct pool *pool, void (*on_due)(struct loop_timer *timer))
{
	struct janitor *janitor = &pool->janitor;
	uint64_t seed;

	*janitor = (struct janitor){ .timer = { .on_due = on_due } };
	random_bytes(&seed, sizeof(seed));
	random_init(&janitor->random, seed);
	janitor_want(pool, loop_now(pool->loop));
}

void janitor_fini(struct pool *pool)
{
	loop_timer_cancel(pool->loop, &pool->janitor.timer);
	janitor_set_gauges(pool, loop_now(pool->loop));
}

void janitor_want(struct pool *pool, int64_t due_us)
{
	struct janitor *janitor = &pool->janitor;

	if (!pool->ended && (!janitor->timer.slot || due_us < janitor->timer.due_us))
		loop_timer_set(pool->loop, &janitor->timer, due_us);
}

void janitor_close_idle(struct conn *conn)
{
	conn->due_us = loop_now(conn->pool->loop) + CONN_IDLE_US_MAX;
	janitor_want(conn->pool, conn->due_us);
}

static void janitor_close_one(struct conn *conn)
{
	switch (conn->state) {
	case CONN_DIALING:
	case CONN_CONNECTING:
		conn_close(conn, closing_failed("connecting took too long"));
		return;
	case CONN_BUSY:
		concurrency_missed(&conn->pool->concurrency);
		conn_close(conn, closing_failed("no answer in time"));
		return;
	case CONN_IDLE:
		conn_close(conn, closing_unused("idle for long"));
		return;
	case CONN_CANCELING:
	case CONN_CLOSED:
	case CONN_STATES:
		break;
	}
	assert(!"a conn that waits for nothing is never late");
}

void janitor_close_late(struct pool *pool)
{
	int64_t now_us = loop_now(pool->loop);

	for (unsigned i = 0; i < pool->conns_count; i++)
		if (pool->conns[i].due_us <= now_us)
			janitor_close_one(&pool->conns[i]);
}

/* --- calls that wait ------------------------------------------------------------------------- */

/* Are the lane's first conns being made, and nothing speaks against the node so far? */
static bool janitor_lane_is_opening(const struct pool *pool, const struct lane *lane)
{
	return !pool->janitor.failures && !lane_made(lane) && lane_opening(lane);
}

/*
 * From when on the wait of a call in that queue counts. A conn that is being made serves it sooner
 * than another node would, and how long that takes says nothing about the load: the wait counts
 * from when the lane has a conn.
 */
static int64_t janitor_waits_since_us(const struct pool *pool, const struct lane *lane,
				      int64_t since_us)
{
	const struct lane *home = lane->home;

	if (lane->kind == LANE_STREAM)
		return since_us + pool->settings.connect_timeout_us;
	if (janitor_lane_is_opening(pool, home))
		return since_us + CONN_OPENING_US_MAX;
	return since_us > home->opened_us ? since_us : home->opened_us;
}

static int64_t janitor_expires_us(const struct pool *pool, const struct lane *lane,
				  const struct capacity *capacity, const struct ticket *ticket)
{
	int64_t since_us = janitor_waits_since_us(pool, lane, ticket->waits_since_us);

	/* Jobs have no client that waits; their maker may forget the claim. */
	if (lane->kind == LANE_JOBS)
		return CLOCK_NEVER;
	if (pool->settings.concurrency == CONCURRENCY_OFF && capacity->open)
		return CLOCK_NEVER;
	/* From when it leaves anyway, it waits like others. */
	if (ticket->waits_for_core)
		since_us += CORE_RESERVE_WAIT_US_MAX;
	return admission_expires_us(&lane->admission, capacity, since_us);
}

static int64_t janitor_next_expiry_us(const struct pool *pool)
{
	int64_t next_us = CLOCK_NEVER;

	for (enum lane_kind kind = 0; kind < LANES; kind++) {
		const struct lane *lane = &pool->lanes[kind];
		struct capacity capacity;

		if (list_empty(&lane->queue))
			continue;
		capacity = capacity_of(pool, lane);
		list_each (&lane->queue, it) {
			int64_t expires_us = janitor_expires_us(
				pool, lane, &capacity, container_of(it, struct ticket, link));

			if (expires_us < next_us)
				next_us = expires_us;
		}
	}
	return next_us;
}

bool janitor_is_call_late(const struct pool *pool)
{
	return janitor_next_expiry_us(pool) <= loop_now(pool->loop);
}

static void janitor_take_expired_of(struct pool *pool, struct lane *lane, struct list *expired)
{
	struct capacity capacity = capacity_of(pool, lane);
	struct list_link *next;

	for (struct list_link *it = lane->queue.head.next; it != &lane->queue.head; it = next) {
		struct ticket *ticket = container_of(it, struct ticket, link);

		next = it->next;
		if (janitor_expires_us(pool, lane, &capacity, ticket) > loop_now(pool->loop))
			continue;
		admission_expired(&lane->admission, ticket);
		list_remove(&lane->queue, it);
		list_append(expired, it);
	}
}

void janitor_take_expired(struct pool *pool, struct list *expired)
{
	for (enum lane_kind kind = 0; kind < LANES; kind++)
		if (!list_empty(&pool->lanes[kind].queue))
			janitor_take_expired_of(pool, &pool->lanes[kind], expired);
}

/* --- gauges, and when to look next ----------------------------------------------------------- */

static void janitor_set_gauges(struct pool *pool, int64_t now_us)
{
	pool->janitor.gauged_us = now_us;
	/* The monitor's pool has none. */
	if (pool->settings.concurrency_fixed)
		metric_set(pool->metrics, METRIC_limit, METRIC_LABELS(pool->node->name),
			   pool->ended ? 0 : concurrency_now(&pool->concurrency));
	for (enum conn_state state = CONN_CLOSED; state < CONN_STATES; state++)
		metric_set(pool->metrics, METRIC_pool_connections,
			   METRIC_LABELS(pool->node->name, conn_state_text(state)),
			   pool->ended ? 0 : (double)pool->counts.in[state]);
}

static int64_t janitor_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t janitor_next_us(const struct pool *pool)
{
	const struct janitor *janitor = &pool->janitor;
	int64_t next_us = janitor->gauged_us + JANITOR_GAUGES_EVERY_US;

	for (unsigned i = 0; i < pool->conns_count; i++)
		next_us = janitor_earlier(next_us, pool->conns[i].due_us);
	next_us = janitor_earlier(next_us, janitor_next_expiry_us(pool));
	if (janitor->dial_after_us > loop_now(pool->loop))
		next_us = janitor_earlier(next_us, janitor->dial_after_us);
	if (reconnect_login_after_us(pool->reconnect) > loop_now(pool->loop))
		next_us = janitor_earlier(next_us, reconnect_login_after_us(pool->reconnect));
	return next_us;
}

void janitor_recheck(struct pool *pool)
{
	int64_t now_us = loop_now(pool->loop);

	if (now_us - pool->janitor.gauged_us >= JANITOR_GAUGES_EVERY_US)
		janitor_set_gauges(pool, now_us);
	janitor_want(pool, janitor_next_us(pool));
}

/* --- connects that fail ---------------------------------------------------------------------- */

void janitor_on_failure(struct pool *pool)
{
	struct janitor *janitor = &pool->janitor;

	janitor->dial_after_us = loop_now(pool->loop) +
				 random_backoff_us(&janitor->random, janitor->failures,
						   JANITOR_PAUSE_US_MIN, JANITOR_PAUSE_US_MAX);
	janitor->failures++;
	janitor_want(pool, janitor->dial_after_us);
}

void janitor_on_refusal(struct pool *pool, bool starting, int64_t begun_us)
{
	struct janitor *janitor = &pool->janitor;

	reconnect_refused(pool->reconnect, &janitor->random, starting, begun_us,
			  loop_now(pool->loop));
	janitor->dial_after_us = 0;
	janitor_want(pool, reconnect_login_after_us(pool->reconnect));
}

void janitor_on_success(struct pool *pool)
{
	reconnect_ended(pool->reconnect);
	/* What lets the watcher in lets all others in. */
	if (pool->settings.watches && pool->janitor.failures)
		reconnect_ended(pool->node->reconnect);
	pool->janitor.failures = 0;
	pool->janitor.dial_after_us = 0;
	pool->last_error[0] = '\0';
}

bool janitor_may_dial(struct pool *pool)
{
	struct janitor *janitor = &pool->janitor;
	int64_t now_us = loop_now(pool->loop);

	if (janitor->failures &&
	    (now_us < janitor->dial_after_us || pool->counts.in[CONN_DIALING] ||
	     pool->counts.in[CONN_CONNECTING]))
		return false;
	if (reconnect_may_login(pool->reconnect, &janitor->random, now_us))
		return true;
	janitor_want(pool, reconnect_login_after_us(pool->reconnect));
	return false;
}
