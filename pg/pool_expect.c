/* SPDX-License-Identifier: Apache-2.0 */
/* Part of a pool: which server its conns may lead to. */
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
