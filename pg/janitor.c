/* SPDX-License-Identifier: Apache-2.0 */
/* One timer per pool; nothing else in pg/ knows when something is too late. */
#include "pg/janitor.h"

#include "base/clock.h"
#include "base/limits.h"
#include "pg/admission/core_reserve.h"
#include "pg/inside.h"

#include <assert.h>

#define JANITOR_PAUSE_US_MIN (50 * US_PER_MS) /* before a failed connect is tried again */
#define JANITOR_PAUSE_US_MAX US_PER_S
#define JANITOR_GAUGES_EVERY_US US_PER_S

static void janitor_on_due(struct loop_timer *timer);
static void janitor_close_late(struct conn *conn, int64_t now_us);
static void janitor_set_gauges(struct pool *pool, int64_t now_us);
static void janitor_expire(struct pool *pool, int64_t now_us);
static int64_t janitor_next_us(const struct pool *pool);

void janitor_init(struct pool *pool)
{
	struct janitor *janitor = &pool->janitor;
	uint64_t seed;

	*janitor = (struct janitor){ .timer = { .on_due = janitor_on_due } };
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

static void janitor_on_due(struct loop_timer *timer)
{
	struct janitor *janitor = container_of(timer, struct janitor, timer);
	struct pool *pool = container_of(janitor, struct pool, janitor);
	int64_t now_us = loop_now(pool->loop);

	pool_hold(pool);
	for (unsigned i = 0; i < pool->conns_count; i++)
		if (pool->conns[i].due_us <= now_us)
			janitor_close_late(&pool->conns[i], now_us);
	janitor_expire(pool, now_us);
	pool_open_conns(pool);
	if (now_us - janitor->gauged_us >= JANITOR_GAUGES_EVERY_US)
		janitor_set_gauges(pool, now_us);
	janitor_want(pool, janitor_next_us(pool));
	pool_deliver(pool);
}

static void janitor_close_late(struct conn *conn, int64_t now_us)
{
	assert(conn->due_us <= now_us);
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

/* --- calls that wait ------------------------------------------------------------------------- */

/* Are the lane's first conns being made, and nothing speaks against the node so far? */
static bool janitor_lane_is_opening(const struct pool *pool, enum lane lane)
{
	return !pool->janitor.failures && !pool_made(pool, lane) &&
	       (pool_count(pool, lane, CONN_DIALING) || pool_count(pool, lane, CONN_CONNECTING));
}

/*
 * Until when a call of that queue may wait, less --queue-wait-ms. A conn that is being made serves
 * it sooner than anybody whom it would be sent to, and how long that takes says nothing about the
 * load: the wait counts from when the lane has a conn to wait for.
 */
static int64_t janitor_waits_since_us(const struct pool *pool, enum lane lane,
				      const struct call *call)
{
	int64_t since_us = call->waits_since_us;

	if (lane == LANE_STREAM)
		return since_us + pool->settings.connect_timeout_us;
	lane = pool_lane_with_conns(lane);
	if (janitor_lane_is_opening(pool, lane))
		return since_us + CONN_OPENING_US_MAX;
	return since_us > pool->opened_us[lane] ? since_us : pool->opened_us[lane];
}

static int64_t janitor_expires_us(const struct pool *pool, enum lane lane, const struct call *call)
{
	int64_t since_us = janitor_waits_since_us(pool, lane, call);

	if (pool->settings.concurrency == CONCURRENCY_OFF && pool_made(pool, lane))
		return CLOCK_NEVER;
	/* From when it leaves anyway, it waits like others. */
	if (call->waits_for_core)
		since_us += CORE_RESERVE_WAIT_US_MAX;
	return admission_expires_us(pool, (int)lane, since_us);
}

static int64_t janitor_next_expiry_us(const struct pool *pool)
{
	int64_t next_us = CLOCK_NEVER;

	for (int lane = 0; lane < LANES; lane++)
		list_each (&pool->queue[lane], it) {
			const struct call *call = container_of(it, struct call, link);
			int64_t expires_us = janitor_expires_us(pool, (enum lane)lane, call);

			if (expires_us < next_us)
				next_us = expires_us;
		}
	return next_us;
}

/*
 * In a turn that comes late, as where the processor was taken, the answers of many conns are read
 * at once: whoever can leave on one of them leaves, before it is said who has waited too long.
 */
static void janitor_expire(struct pool *pool, int64_t now_us)
{
	if (janitor_next_expiry_us(pool) > now_us)
		return;
	pool_send_now(pool);
	for (int lane = 0; lane < LANES; lane++) {
		struct list *queue = &pool->queue[lane];
		struct list_link *next;

		for (struct list_link *it = queue->head.next; it != &queue->head; it = next) {
			struct call *call = container_of(it, struct call, link);

			next = it->next;
			if (janitor_expires_us(pool, (enum lane)lane, call) > now_us)
				continue;
			call->expired = true;
			admission_expired(pool, lane, call);
			pool_end(pool, call, CALL_UNSENT, "waited too long for a connection");
		}
	}
}

/* --- what is told, and when to look next ----------------------------------------------------- */

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
			   pool->ended ? 0 : (double)pool->conns_in[state].count);
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
	    (now_us < janitor->dial_after_us || !list_empty(&pool->conns_in[CONN_DIALING]) ||
	     !list_empty(&pool->conns_in[CONN_CONNECTING])))
		return false;
	if (reconnect_may_login(pool->reconnect, &janitor->random, now_us))
		return true;
	janitor_want(pool, reconnect_login_after_us(pool->reconnect));
	return false;
}
