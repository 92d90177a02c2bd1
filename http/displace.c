/* SPDX-License-Identifier: Apache-2.0 */
/* Walks all streams of a listener, of which there are few: only when a stream was to be refused. */
#include "http/displace.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/listener.h"
#include "http/outflow.h"

#include <string.h>

struct displace {
	struct listener *listener;
	const struct request *asking;
	const char *node;
	unsigned streams; /* at the node */
};

typedef void (*displace_visit)(struct displace *displace, struct connection *connection, void *arg);

static void displace_walk(struct displace *displace, displace_visit visit, void *arg)
{
	static const enum connection_state flowing[] = { CONNECTION_STREAMING, CONNECTION_HUNGRY,
							 CONNECTION_FED };

	for (size_t i = 0; i < sizeof(flowing) / sizeof(flowing[0]); i++)
		list_each (&displace->listener->connections[flowing[i]], it) {
			struct connection *connection = container_of(it, struct connection, link);
			const char *node = connection->exchange.request->node;

			if (node && strcmp(node, displace->node) == 0)
				visit(displace, connection, arg);
		}
}

static bool displace_is_same_caller(const struct request *a, const struct request *b)
{
	return text_equal(a->user, b->user) && (a->user.len || text_equal(a->caller, b->caller));
}

/* --- shares ----------------------------------------------------------------------------------- */

struct holding {
	const struct request *of;
	unsigned count;
};

static void displace_count(struct displace *displace, struct connection *connection, void *arg)
{
	struct holding *holding = arg;

	(void)displace;
	holding->count +=
		!holding->of || displace_is_same_caller(holding->of, connection->exchange.request);
}

/* NULL: of all. */
static unsigned displace_held(struct displace *displace, const struct request *of)
{
	struct holding holding = { .of = of };

	displace_walk(displace, displace_count, &holding);
	return holding.count;
}

/* --- the slowest ------------------------------------------------------------------------------ */

struct slowest {
	bool over_share; /* only of callers who hold more than half */
	struct connection *connection;
	int64_t bytes_per_s;
};

static void displace_look(struct displace *displace, struct connection *connection, void *arg)
{
	struct slowest *slowest = arg;
	const struct request *request = connection->exchange.request;
	int64_t age_us = loop_now(displace->listener->loop) - connection->exchange.asked->began_us;
	int64_t bytes_per_s;
	size_t unsent;

	if (age_us < STREAM_SETTLED_US || request == displace->asking)
		return;
	bytes_per_s = (int64_t)outflow_taken(connection, &unsent) / (age_us / US_PER_S);
	if (!unsent || (slowest->connection && bytes_per_s >= slowest->bytes_per_s))
		return;
	if (slowest->over_share) {
		unsigned held = displace_held(displace, request);

		if (held < 2 || 2 * held <= displace->streams)
			return;
	}
	slowest->connection = connection;
	slowest->bytes_per_s = bytes_per_s;
}

bool displace_stream(struct request *asking, const char *node)
{
	struct connection *connection = asking->client;
	struct displace displace = { connection->listener, asking, node, 0 };
	struct slowest slowest = { .over_share = false };

	displace_walk(&displace, displace_look, &slowest);
	if (slowest.connection && slowest.bytes_per_s < STREAM_SLOW_BYTES_PER_S) {
		outflow_cut(slowest.connection, "slow", "the slowest stream made room for another");
		return true;
	}
	displace.streams = displace_held(&displace, NULL);
	if (2 * displace_held(&displace, asking) >= displace.streams)
		return false;
	slowest = (struct slowest){ .over_share = true };
	displace_walk(&displace, displace_look, &slowest);
	if (!slowest.connection)
		return false;
	outflow_cut(slowest.connection, "share", "its caller held most conns for streams");
	return true;
}
