/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of libpq, as one writes it by hand: prepares a statement, runs it in a loop with one
 * random parameter, and prints the times as loadgen does. What a service adds is measured
 * against it. Waiting for the server is the point here, hence the blocking calls.
 *
 *   direct CONNINFO SECONDS MOST 'SELECT … WHERE id = $1'
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/random.h"
#include "bench/histogram.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#define DIRECT_SECONDS_MAX 3600
#define DIRECT_WARMUP_US (500 * US_PER_MS)

static int direct_fail(PGconn *conn, const char *what)
{
	fprintf(stderr, "direct: %s: %s", what, PQerrorMessage(conn));
	PQfinish(conn);
	return 1;
}

/* Sends the request and reads all of its results; false: not as it should be. */
static bool direct_once(PGconn *conn, int sent, ExecStatusType wanted)
{
	PGresult *result;
	bool fine = sent;

	while ((result = PQgetResult(conn))) {
		fine = fine && PQresultStatus(result) == wanted;
		PQclear(result);
	}
	return fine;
}

static PGconn *direct_connect(const char *conninfo)
{
	PGconn *conn = PQconnectStart(conninfo);
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	int64_t end_us = clock_monotonic_us() + 10 * US_PER_S;

	while (conn && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED &&
	       clock_monotonic_us() < end_us)
		next = PQconnectPoll(conn);
	return conn;
}

static int direct_run(PGconn *conn, int64_t seconds, int64_t most)
{
	static struct histogram histogram;
	struct random random;
	int64_t begin_us = clock_monotonic_us(), before_us = begin_us;

	histogram_init(&histogram);
	random_init(&random, 1);
	while (before_us < begin_us + DIRECT_WARMUP_US + seconds * US_PER_S) {
		char number[24];
		const char *values[] = { number };
		int64_t after_us;

		snprintf(number, sizeof(number), "%lld",
			 1 + (long long)random_below(&random, (uint64_t)most));
		if (!direct_once(conn, PQsendQueryPrepared(conn, "s", 1, values, NULL, NULL, 0),
				 PGRES_TUPLES_OK))
			return direct_fail(conn, "running it");
		after_us = clock_monotonic_us();
		if (before_us >= begin_us + DIRECT_WARMUP_US)
			histogram_record(&histogram, after_us - before_us);
		before_us = after_us;
	}
	printf("{\"per_s\":%.1f,\"answered_us\":{\"count\":%llu,\"mean\":%.1f",
	       (double)histogram.count / (double)seconds, (unsigned long long)histogram.count,
	       histogram_mean_us(&histogram));
	printf(",\"p50\":%lld,\"p90\":%lld,\"p99\":%lld,\"max\":%lld}}\n",
	       (long long)histogram_quantile_us(&histogram, 0.5),
	       (long long)histogram_quantile_us(&histogram, 0.9),
	       (long long)histogram_quantile_us(&histogram, 0.99), (long long)histogram.max_us);
	PQfinish(conn);
	return 0;
}

int main(int argc, char **argv)
{
	int64_t seconds = argc == 5 ? strtoll(argv[2], NULL, 10) : 0;
	int64_t most = argc == 5 ? strtoll(argv[3], NULL, 10) : 0;
	PGconn *conn;

	if (seconds < 1 || seconds > DIRECT_SECONDS_MAX || most < 1) {
		fprintf(stderr, "direct CONNINFO SECONDS MOST STATEMENT, as in "
				"\"SELECT n FROM t WHERE id = $1\"; seconds up to 3600\n");
		return 2;
	}
	conn = direct_connect(argv[1]);
	if (!conn || PQstatus(conn) != CONNECTION_OK)
		return direct_fail(conn, "connecting");
	if (!direct_once(conn, PQsendPrepare(conn, "s", argv[4], 0, NULL), PGRES_COMMAND_OK))
		return direct_fail(conn, "preparing");
	return direct_run(conn, seconds, most);
}
