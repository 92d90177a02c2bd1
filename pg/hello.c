/* SPDX-License-Identifier: Apache-2.0 */
/* One plain statement of one row. Every role may call what it calls. */
#include "pg/hello.h"

#include <stdlib.h>

static const char hello_text[] =
	"SELECT (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint";

bool hello_ask(PGconn *pgconn)
{
	return PQsendQuery(pgconn, hello_text) == 1;
}

static enum hello_state hello_read(const PGresult *result, int64_t *server_us)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1 ||
	    PQgetisnull(result, 0, 0))
		return HELLO_REFUSED;
	*server_us = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	return *server_us ? HELLO_TOLD : HELLO_REFUSED;
}

enum hello_state hello_take(PGconn *pgconn, int64_t *server_us)
{
	PGresult *result;

	while (!PQisBusy(pgconn)) {
		enum hello_state state;

		result = PQgetResult(pgconn);
		if (!result)
			return *server_us ? HELLO_TOLD : HELLO_REFUSED;
		state = hello_read(result, server_us);
		PQclear(result);
		if (state == HELLO_REFUSED)
			return state;
	}
	return HELLO_WAITS;
}
