/* SPDX-License-Identifier: Apache-2.0 */
/* Counts where lanes keep them; only of batches that are out it is looked when they end. */
#include "pg/capacity.h"

#include "base/clock.h"
#include "pg/admission/core_reserve.h"
#include "pg/pool_private.h"
#include "pg/reserve_conn.h"
#include "pg/wire/batch.h"
#include "pg/wire/conn.h"

#include <assert.h>

bool capacity_quick_is_past(const struct pool *pool)
{
	return loop_now(pool->loop) - pool->quick_us >= CORE_RESERVE_LATELY_US;
}

bool capacity_holds_long_back(const struct pool *pool)
{
	const struct list *queue = &pool->lanes[LANE_LONG].queue;

	return !list_empty(queue) &&
	       core_reserve_holds_back(pool->node->core_reserve, pool->settings.cores, queue,
				       loop_now(pool->loop));
}

unsigned capacity_out(const struct pool *pool)
{
	return pool->counts.in[CONN_BUSY] + pool->counts.in[CONN_CANCELING] -
	       pool->lanes[LANE_STREAM].counts.in[CONN_BUSY] -
	       pool->lanes[LANE_JOBS].counts.in[CONN_BUSY];
}

/*
 * The first of the host's conns that calls of the guest may travel on; they may on those behind it,
 * too. Slow ones take those for quick ones, but the first of these only where no quick call came
 * lately. Quick ones take those for slow ones where all of their own are late.
 */
static unsigned capacity_first(const struct pool *pool, const struct lane *guest,
			       const struct lane *host)
{
	const struct lane *home = guest->home;

	if (host == home)
		return 0;
	if (home->kind == LANE_QUICK && (host->kind == LANE_SLOW || host->kind == LANE_RESERVE))
		return reserve_conn_is_due(pool) ? 0 : host->size;
	if (home->kind == LANE_SLOW && host->kind == LANE_QUICK)
		return !home->size || capacity_quick_is_past(pool) ? 0 : 1;
	return host->size;
}

bool capacity_travels_on(const struct pool *pool, const struct lane *lane, const struct conn *conn)
{
	const struct lane *host = conn->lane;

	return conn >= host->conns + capacity_first(pool, lane, host);
}

static bool capacity_is_exempt(const struct conn *conn, const struct lane *lane)
{
	const struct lane *host = conn->lane;

	switch (host->rule->exempt) {
	case LANE_EXEMPT_NONE:
		return false;
	case LANE_EXEMPT_FIRST:
		return conn == host->conns && lane->home == host;
	case LANE_EXEMPT_ALL:
		return true;
	}
	assert(!"an exemption");
	return false;
}

bool capacity_allows(const struct pool *pool, const struct conn *conn, const struct lane *lane)
{
	return capacity_is_exempt(conn, lane) ||
	       concurrency_allows(&pool->concurrency, capacity_out(pool));
}

static unsigned capacity_ready(const struct pool *pool, const struct lane *lane)
{
	unsigned exempt = 0, others = 0, out = capacity_out(pool);

	for (enum lane_kind kind = 0; kind < LANES; kind++) {
		const struct lane *host = &pool->lanes[kind];

		if (!host->counts.in[CONN_IDLE])
			continue;
		for (unsigned i = capacity_first(pool, lane, host); i < host->size; i++)
			if (host->conns[i].state != CONN_IDLE)
				continue;
			else if (capacity_is_exempt(&host->conns[i], lane))
				exempt++;
			else
				others++;
	}
	while (others && !concurrency_allows(&pool->concurrency, out + exempt + others - 1))
		others--;
	return exempt + others;
}

/* 0: it may be idle any moment, or is overdue. CLOCK_NEVER: it is idle, or will not be made. */
static int64_t capacity_back_in_us(const struct pool *pool, const struct conn *conn)
{
	int64_t in_us;

	switch (conn->state) {
	case CONN_BUSY:
		in_us = batch_expected_us(&conn->batch) - loop_now(pool->loop);
		return in_us > 0 ? in_us : 0;
	case CONN_CANCELING:
	case CONN_CONNECTING:
	case CONN_DIALING:
		return 0;
	case CONN_CLOSED:
	case CONN_IDLE:
	case CONN_STATES:
		break;
	}
	return CLOCK_NEVER;
}

/* The earliest of those of the lane, from the first on; out: of batches only. */
static int64_t capacity_earliest_us(const struct pool *pool, const struct lane *host,
				    unsigned first, bool out)
{
	unsigned coming = host->counts.in[CONN_BUSY] + host->counts.in[CONN_CANCELING];
	int64_t earliest_us = CLOCK_NEVER;

	if (!coming && (out || !lane_opening(host)))
		return CLOCK_NEVER;
	for (unsigned i = first; i < host->size; i++) {
		const struct conn *conn = &host->conns[i];
		int64_t in_us;

		if (out && conn->state != CONN_BUSY && conn->state != CONN_CANCELING)
			continue;
		in_us = capacity_back_in_us(pool, conn);
		if (in_us < earliest_us)
			earliest_us = in_us;
	}
	return earliest_us;
}

static bool capacity_has_idle(const struct lane *host, unsigned first)
{
	if (!host->counts.in[CONN_IDLE])
		return false;
	for (unsigned i = first; i < host->size; i++)
		if (host->conns[i].state == CONN_IDLE)
			return true;
	return false;
}

/* Where as many are out as may be, any of these may make room for a conn that is idle. */
static int64_t capacity_next_in_us(const struct pool *pool, const struct lane *lane)
{
	int64_t next_us = CLOCK_NEVER;
	bool idle = false;

	for (enum lane_kind kind = 0; kind < LANES; kind++) {
		const struct lane *host = &pool->lanes[kind];
		unsigned first = capacity_first(pool, lane, host);
		int64_t in_us = capacity_earliest_us(pool, host, first, false);

		if (in_us < next_us)
			next_us = in_us;
		idle |= capacity_has_idle(host, first);
	}
	for (enum lane_kind kind = 0; idle && kind < LANES; kind++) {
		int64_t in_us = pool->lanes[kind].rule->unlimited
					? CLOCK_NEVER
					: capacity_earliest_us(pool, &pool->lanes[kind], 0, true);

		if (in_us < next_us)
			next_us = in_us;
	}
	return next_us;
}

struct capacity capacity_of(const struct pool *pool, const struct lane *lane)
{
	return (struct capacity){
		.ready = capacity_ready(pool, lane),
		.next_in_us = capacity_next_in_us(pool, lane),
		.open = lane_made(lane->home) > 0,
		.sibling_is_reserved = lane->kind == LANE_SLOW && capacity_holds_long_back(pool),
	};
}
