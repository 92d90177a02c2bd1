/* SPDX-License-Identifier: Apache-2.0 */
/* Walks all streams of a listener, of which there are few: only when a stream was to be refused. */
#include "http/stream_eviction.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/chunked_reply.h"
#include "http/connection.h"

#include <assert.h>
#include <string.h>

struct eviction {
	struct connections *connections;
	const struct request *asking;
	const char *node;
	unsigned streams; /* at the node */
};

typedef void (*stream_eviction_visit)(struct eviction *eviction, struct connection *connection,
				      void *arg);

static void stream_eviction_walk(struct eviction *eviction, stream_eviction_visit visit, void *arg)
{
	static const enum connection_state flowing[] = { CONNECTION_STREAMING, CONNECTION_HUNGRY,
							 CONNECTION_FED };

	for (size_t i = 0; i < sizeof(flowing) / sizeof(flowing[0]); i++)
		list_each (&eviction->connections->by_state[flowing[i]], it) {
			struct connection *connection = container_of(it, struct connection, link);
			const struct request *request = connection->exchange.request;
			const char *node = request->node;

			/* Events of jobs need no conn for streams. */
			if (node && request->respond != RESPOND_EVENTS &&
			    strcmp(node, eviction->node) == 0)
				visit(eviction, connection, arg);
		}
}

static bool stream_eviction_is_same_caller(const struct request *a, const struct request *b)
{
	return text_equal(a->user_key, b->user_key) &&
	       (a->user_key.len || text_equal(a->caller, b->caller));
}

/* --- shares ----------------------------------------------------------------------------------- */

struct holding {
	const struct request *of;
	unsigned count;
};

static void stream_eviction_count(struct eviction *eviction, struct connection *connection,
				  void *arg)
{
	struct holding *holding = arg;

	(void)eviction;
	holding->count += !holding->of ||
			  stream_eviction_is_same_caller(holding->of, connection->exchange.request);
}

/* NULL: of all. */
static unsigned stream_eviction_held(struct eviction *eviction, const struct request *of)
{
	struct holding holding = { .of = of };

	stream_eviction_walk(eviction, stream_eviction_count, &holding);
	return holding.count;
}

/* --- the slowest ------------------------------------------------------------------------------ */

struct slowest {
	bool over_share; /* only of callers who hold more than half */
	struct connection *connection;
	int64_t bytes_per_s;
};

static void stream_eviction_compare(struct eviction *eviction, struct connection *connection,
				    void *arg)
{
	struct slowest *slowest = arg;
	const struct request *request = connection->exchange.request;
	int64_t age_us =
		loop_now(eviction->connections->loop) - connection->exchange.asked->began_us;
	int64_t bytes_per_s;
	size_t unsent;

	if (age_us < STREAM_SETTLED_US || request == eviction->asking)
		return;
	bytes_per_s = (int64_t)chunked_reply_taken(connection, &unsent) / (age_us / US_PER_S);
	if (!unsent || (slowest->connection && bytes_per_s >= slowest->bytes_per_s))
		return;
	if (slowest->over_share) {
		unsigned held = stream_eviction_held(eviction, request);

		if (held < 2 || 2 * held <= eviction->streams)
			return;
	}
	slowest->connection = connection;
	slowest->bytes_per_s = bytes_per_s;
}

bool stream_eviction_make_room(struct request *asking, const char *node)
{
	struct connection *connection = asking->client;
	struct eviction eviction = { connection->shared, asking, node, 0 };
	struct slowest slowest = { .over_share = false };

	assert(connection->client.kind == CLIENT_CONNECTION);
	stream_eviction_walk(&eviction, stream_eviction_compare, &slowest);
	if (slowest.connection && slowest.bytes_per_s < STREAM_SLOW_BYTES_PER_S) {
		chunked_reply_cut(slowest.connection, "slow",
				  "the slowest stream made room for another");
		return true;
	}
	eviction.streams = stream_eviction_held(&eviction, NULL);
	if (2 * stream_eviction_held(&eviction, asking) >= eviction.streams)
		return false;
	slowest = (struct slowest){ .over_share = true };
	stream_eviction_walk(&eviction, stream_eviction_compare, &slowest);
	if (!slowest.connection)
		return false;
	chunked_reply_cut(slowest.connection, "share", "its caller held most conns for streams");
	return true;
}
