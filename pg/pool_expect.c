/* SPDX-License-Identifier: Apache-2.0 */
/* Part of a pool: which of its conns may serve on. */
#include "base/control.h"
#include "pg/pool.h"
#include "pg/pool_private.h"

#define POOL_SERVER_CHANGED "the node is another server by now, or was restarted"

void pool_expect(struct pool *pool, int64_t server_us)
{
	if (pool->home.server_us == server_us)
		return;
	pool_hold(pool);
	pool->home.server_us = server_us;
	for (unsigned i = 0; i < pool->conns_count; i++) {
		struct conn *conn = &pool->conns[i];

		if (server_us && conn->server_us && conn->server_us != server_us &&
		    conn->state != CONN_CLOSED)
			conn_close(conn, closing_unused(POOL_SERVER_CHANGED));
	}
	pool_dial_now(pool);
	pool_deliver(pool);
}

void pool_renew(struct pool *pool)
{
	pool_hold(pool);
	for (unsigned i = 0; CONTROL_RENEWAL && i < pool->conns_count; i++) {
		struct conn *conn = &pool->conns[i];

		if (conn->state == CONN_BUSY || conn->state == CONN_CANCELING)
			conn->outdated = true;
		else if (conn->state != CONN_CLOSED)
			conn_close(conn, closing_unused(CONN_OUTDATED));
	}
	pool_dial_now(pool);
	pool_deliver(pool);
}
