/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed replay of requests through listener, router, pool and encoder in one thread, with
 * recorded answers instead of a server: what bench/instructions counts. The clock stands still and
 * the number of turns is fixed, so two runs of one build differ by next to nothing.
 *
 *   replay read|hit|miss|command CLIENTS ROUNDS [none|key|jwt|no-key|no-jwt]
 *
 * A hit is a read with @cache and @tags that the cache answers, a miss one whose answer it keeps:
 * each reply that is counted says so.
 * By the last word each request has the same API key, or the same token, which was verified before;
 * no-: it has it, and every client is served (--auth none), as without a credential.
 *
 * Counted is what runs below replay_counted, but for the fake libpq (PQ…, fake_…) and the clients
 * (replay_ask, replay_hear): see the toggles in bench/instructions.
 */
#include "base/clock.h"
#include "base/snapshot.h"
#include "base/tag_set.h"
#include "bench/replay_callers.h"
#include "catalog/catalog.h"
#include "http/http.h"
#include "read/cache/cache.h"
#include "read/read.h"
#include "router/cluster/topology.h"
#include "router/feed/feed_shared.h"
#include "router/requirement.h"
#include "router/router.h"
#include "tests/unit/fake_libpq.h"
#include "write/write.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLAY_START_US (1000 * US_PER_S)
#define REPLAY_CLIENTS_MAX 64
#define REPLAY_ROUNDS_MAX 100000
#define REPLAY_CONNS 2
#define REPLAY_TURNS 4
#define REPLAY_WARM_ROUNDS 8
#define REPLAY_SETTLE_TURNS 200
#define REPLAY_OPEN_TURNS_MAX 1000000
#define REPLAY_ANSWERS_MAX 300
#define REPLAY_LSN 0x1000
#define REPLAY_TIMELINE 7 /* of the fake server */
#define REPLAY_STARTED_US 1
#define REPLAY_KEY "4711" /* of the request as it is written; each that is sent has its own */
#define REPLAY_KEY_MIN 1000
#define REPLAY_KEYS 9000
#define REPLAY_KEPT_KEYS 64 /* of hits, whose answers are kept before it is counted */
#define REPLAY_CACHE_BYTES (64 << 20)
#define REPLAY_RELATION 16384 /* that a kept answer was made of */

static const char replay_sql[] = "-- query: balance :one\n"
				 "-- @param aid int\n"
				 "SELECT x FROM accounts WHERE aid = :aid;\n"
				 "-- query: kept :one\n"
				 "-- @param aid int\n"
				 "-- @cache 60s\n"
				 "-- @tags accounts, accounts:{aid}\n"
				 "SELECT x FROM accounts WHERE aid = :aid;\n"
				 "-- command: add :one\n"
				 "-- @param n int\n"
				 "INSERT INTO notes (n) VALUES (:n) RETURNING x;\n";
/* %s: the line with a credential. */
static const char replay_read[] = "GET /v1/queries/balance?aid=" REPLAY_KEY " HTTP/1.1\r\n"
				  "Host: 127.0.0.1:8080\r\nX-User-Id: u42\r\n%s\r\n";
static const char replay_kept[] = "GET /v1/queries/kept?aid=" REPLAY_KEY " HTTP/1.1\r\n"
				  "Host: 127.0.0.1:8080\r\nX-User-Id: u42\r\n%s\r\n";
static const char replay_command[] =
	"POST /v1/commands/add HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-User-Id: u42\r\n%s"
	"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"n\":" REPLAY_KEY "}";

static const struct replay_kind {
	const char *name;
	const char *request;
	unsigned keys;            /* that it draws */
	const char *cache_status; /* that it says; NULL: there is no cache */
} kinds[] = {
	{ "read", replay_read, REPLAY_KEYS, NULL },
	{ "hit", replay_kept, REPLAY_KEPT_KEYS, "Cache-Status: cqrsd; hit" },
	{ "miss", replay_kept, REPLAY_KEYS, "Cache-Status: cqrsd; fwd=miss; stored" },
	{ "command", replay_command, REPLAY_KEYS, NULL },
};

static const struct replay_kind *kind;
static bool counting;
static struct cache cache;
static struct feed_shared feed;
static struct tag_set relations;
static struct loop *loop;
static struct options options;
static struct topology topology;
static struct node *nodes[2];
static struct high_water high_water;
static struct reads reads;
static struct writes writes;
static struct writes_shared shared_writes;
static int clients[REPLAY_CLIENTS_MAX];
static bool waits[REPLAY_CLIENTS_MAX];
static unsigned clients_count;
static char request[4096];
static size_t request_len;
static char *request_key; /* in request */
static struct auth *auth; /* NULL: every client is served */

void replay_ask(void);
unsigned replay_hear(void);
void replay_counted(unsigned rounds);

static _Noreturn void replay_fail(unsigned client, const char *reply, int len)
{
	fprintf(stderr, "replay: client %u was answered \"%.*s\"\n", client, len, reply);
	exit(1);
}

/* No two of those who wait together ask the same: identical queries are sent once. */
static void replay_draw_key(void)
{
	static unsigned drawn;
	unsigned key = REPLAY_KEY_MIN + drawn++ % kind->keys;

	for (unsigned i = strlen(REPLAY_KEY); i-- > 0; key /= 10)
		request_key[i] = (char)('0' + key % 10);
}

/* Every client sends its request. */
__attribute__((noinline)) void replay_ask(void)
{
	for (unsigned i = 0; i < clients_count; i++) {
		ssize_t sent;

		replay_draw_key();
		sent = send(clients[i], request, request_len, 0);

		assert(sent == (ssize_t)request_len);
		waits[i] = true;
	}
}

static bool replay_is_right(const char *reply)
{
	if (strncmp(reply, "HTTP/1.1 200", 12) != 0)
		return false;
	return !kind->cache_status || !counting || strstr(reply, kind->cache_status);
}

/* Takes the replies that are there. Returns how many clients still wait. */
__attribute__((noinline)) unsigned replay_hear(void)
{
	unsigned wait = 0;

	for (unsigned i = 0; i < clients_count; i++) {
		char reply[4096];
		ssize_t got =
			waits[i] ? recv(clients[i], reply, sizeof(reply) - 1, MSG_DONTWAIT) : 0;

		if (waits[i] && got > 0) {
			reply[got] = '\0';
			if (!replay_is_right(reply))
				replay_fail(i, reply, (int)got);
			waits[i] = false;
		}
		wait += waits[i];
	}
	return wait;
}

static void replay_turn(void)
{
	for (unsigned i = 0; i < REPLAY_TURNS; i++)
		loop_turn(loop, 0);
}

static void replay_round(void)
{
	unsigned answers = 0;

	replay_ask();
	replay_turn();
	do {
		/* One answer describes a new statement, the next ones are for batch after batch. */
		if (answers++ > REPLAY_ANSWERS_MAX)
			replay_fail(0, "", 0);
		for (unsigned conn = 0; conn < fake_dialed(); conn++)
			if (fake_is_open(conn))
				fake_answer_all(conn);
		replay_turn();
	} while (replay_hear());
}

__attribute__((noinline)) void replay_counted(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++)
		replay_round();
}

static void replay_options(void)
{
	options.loops = 1;
	options.pool_conns = REPLAY_CONNS;
	options.group_commands = GROUP_CALLS_MAX;
	options.stream_conns = 1;
	options.stream_bytes_max = 1 << 30;
	options.stream_timeout_us = 600 * US_PER_S;
	options.lag_poll_us = 100 * US_PER_MS;
	options.queue_max = 256;
	options.queue_wait_us = 100 * US_PER_MS;
	options.request_timeout_us = 5 * US_PER_S;
	options.wait_us_max = 30 * US_PER_MS;
	options.spill_share = 25;
	options.result_bytes_max = 1 << 20;
	options.lag_us_max = US_PER_S;
	options.sessions = SESSIONS_LOCAL;
}

/* What PostgreSQL would say of the query, and the feed of what it reads. */
static void replay_keep(const struct catalog *catalog)
{
	const uint64_t tag = REPLAY_RELATION;
	const struct operation *operation = catalog_find(catalog, REQUEST_QUERY, text_of("kept"));

	assert(operation);
	cache_init(&cache, REPLAY_CACHE_BYTES);
	tag_set_write(&relations, 1, &tag, 1);
	atomic_store(&operation->statement->relations, &relations);
	atomic_store(&operation->statement->cached, CACHED_FOR_ALL);
	stripes_begin(&feed.stripes, (struct position){ REPLAY_TIMELINE, 1 });
}

static void replay_topology(void)
{
	topology.count = 2;
	topology.primary_position = (struct position){ REPLAY_TIMELINE, REPLAY_LSN };
	topology.primary_seen = topology.key_known = true;
	topology.system_identifier = 42;
	memset(topology.key, 7, sizeof(topology.key));
	for (unsigned i = 0; i < 2; i++) {
		char error[256];

		topology.nodes[i] = (struct node_view){
			.role = i ? NODE_REPLICA : NODE_PRIMARY,
			.contact = NODE_REACHED,
			.in_rotation = true,
			.position = { REPLAY_TIMELINE, REPLAY_LSN },
			.started_us = REPLAY_STARTED_US,
			.lag_seen_us = REPLAY_START_US,
			.seen_us = REPLAY_START_US,
			.life = 1,
		};
		nodes[i] = node_new(i, i ? "host=db2 user=u" : "host=db1 user=u", error,
				    sizeof(error));
		assert(nodes[i]);
	}
}

static struct catalog *replay_catalog(void)
{
	struct buf errors;
	struct catalog *catalog;

	buf_init(&errors);
	catalog = catalog_load_text("replay.sql", text_of(replay_sql), &errors);
	assert(catalog);
	buf_fini(&errors);
	return catalog;
}

static void replay_connect(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < clients_count; i++) {
		int failed;

		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert(clients[i] >= 0);
		failed = connect(clients[i], (struct sockaddr *)&address, sizeof(address));
		assert(!failed);
	}
}

static bool replay_is_open(const struct router *router)
{
	return pool_opened(router->nodes[0].pool) && pool_opened(router->nodes[1].pool);
}

/* Conns are dialed on threads of their own; the replay begins when all are there. */
static void replay_settle(struct router *router)
{
	for (unsigned i = 0; i < REPLAY_SETTLE_TURNS || !replay_is_open(router); i++) {
		if (i == REPLAY_OPEN_TURNS_MAX)
			replay_fail(0, "", 0);
		router_refresh(router);
		loop_turn(loop, 5 * US_PER_MS);
		for (unsigned conn = 0; conn < fake_dialed(); conn++)
			if (fake_is_open(conn))
				fake_answer_all(conn);
	}
}

static void replay_on_request(struct request *taken, void *arg)
{
	(void)arg;
	if (taken->kind == REQUEST_QUERY)
		read_take(&reads, taken);
	else
		write_take(&writes, taken);
}

static struct listener *replay_listen(struct metrics *metrics)
{
	char error[256];
	struct listener_settings settings = {
		.address = "127.0.0.1:0",
		.connections_max = 2 * REPLAY_CLIENTS_MAX,
		.connection_memory = 8192, /* as --http-connection-memory is by default */
		.body_bytes_max = 8192,
		.request_timeout_us = 5 * US_PER_S,
		.idle_timeout_us = 75 * US_PER_S,
		.user_header = "X-User-Id",
		.handlers = { replay_on_request, NULL },
		.auth = auth,
	};
	struct listener *listener = listener_new(loop, &settings, metrics, error, sizeof(error));

	assert(listener);
	return listener;
}

/* Of hits: until all answers are kept, each of them asked for. */
static unsigned replay_warm_rounds(void)
{
	bool hits = kind->keys == REPLAY_KEPT_KEYS;

	return REPLAY_WARM_ROUNDS + (hits ? 2 * kind->keys / clients_count : 0);
}

static void replay(unsigned rounds)
{
	struct sessions *sessions = sessions_new(64);
	struct snapshot *snapshot = snapshot_new(sizeof(topology));
	struct metrics *metrics = metrics_new();
	struct catalog *catalog = replay_catalog();
	struct router_shared shared = {
		.nodes = nodes,
		.nodes_count = 2,
		.options = &options,
		.topology = snapshot,
		.sessions = sessions,
		.high_water = &high_water,
		.feed = kind->cache_status ? &feed : NULL,
	};
	struct router *router;

	if (kind->cache_status)
		replay_keep(catalog);
	sessions_raise_floor(sessions, (struct position){ REPLAY_TIMELINE, REPLAY_LSN });
	router = router_new(loop, &shared, REPLAY_CONNS, catalog, metrics);
	reads_init(&reads, router, kind->cache_status ? &cache : NULL);
	writes_init(&writes, router, &shared_writes);
	snapshot_publish(snapshot, &topology);
	replay_connect(listener_port(replay_listen(metrics)));
	replay_settle(router);
	for (unsigned i = 0; i < replay_warm_rounds(); i++)
		replay_round();
	counting = true;
	replay_counted(rounds);
	printf("%u requests\n", rounds * clients_count);
}

static const struct replay_kind *replay_kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* False: the arguments are wrong. */
static bool replay_read_arguments(int argc, char **argv, unsigned *rounds)
{
	long count = argc >= 4 ? strtol(argv[2], NULL, 10) : 0;
	long rounds_wanted = argc >= 4 ? strtol(argv[3], NULL, 10) : 0;
	const char *credential = "";

	kind = argc >= 4 ? replay_kind_of(argv[1]) : NULL;
	if (!kind || argc > 5 || rounds_wanted < 1 || rounds_wanted > REPLAY_ROUNDS_MAX ||
	    count < 1 || count > REPLAY_CLIENTS_MAX)
		return false;
	if (argc == 5 && !replay_callers(argv[4], &auth, &credential))
		return false;
	clients_count = (unsigned)count;
	*rounds = (unsigned)rounds_wanted;
	request_len = (size_t)snprintf(request, sizeof(request), kind->request, credential);
	assert(request_len < sizeof(request));
	request_key = strstr(request, REPLAY_KEY);
	assert(request_key);
	return true;
}

int main(int argc, char **argv)
{
	unsigned rounds;

	if (!replay_read_arguments(argc, argv, &rounds)) {
		fprintf(stderr,
			"replay read|hit|miss|command CLIENTS ROUNDS [none|[no-]key|[no-]jwt]; "
			"at most 64 and 100000\n");
		return 2;
	}
	loop = loop_new("replay");
	loop_fake_clock(loop, REPLAY_START_US);
	fake_reset();
	fake_server.in_recovery = kind->request != replay_command;
	fake_server.lsn = fake_server.received = fake_server.insert = REPLAY_LSN;
	fake_server.timeline = REPLAY_TIMELINE;
	fake_server.started_us = REPLAY_STARTED_US;
	fake_server.param_oid = fake_server.column_oid = 23;
	fake_answer_with(
		(struct fake_answer){ .text = fake_server.in_recovery ? "SELECT x" : "INSERT",
				      .rows = 1,
				      .cell = "1234567" });
	replay_options();
	replay_topology();
	replay(rounds);
	return 0;
}
