/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes and ends of connections through libmicrohttpd and a real listener, on a clock that stands
 * still between the steps of a script: no connection outlives its deadline by more than it takes
 * to force it out, the library is not run without end, and at the end everything is given back.
 *
 * The first byte of the input says which requests are suspended (bit n: the n-th of eight), the
 * second how it goes on (MODE_). The rest is sent, cut into writes by a byte 0xff and a letter:
 *
 *     p  some turns                   o  the other connection, opened where it is not
 *     w  100 ms   s  1 s   t  6 s     r  the client reads what is there
 *     h  the client closes its side   f  the requests that are held are answered
 *     c  the client closes            a  two more bytes, n and b: n * 64 times b is sent
 *
 *     make fuzz TARGETS=connection SECONDS=60
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/listener.h"
#include "tests/unit/library_clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP 0xff
#define MODE_HOLD 1    /* suspended requests wait for an f or their deadline, not for a turn */
#define MODE_QUIESCE 2 /* at the end the listener goes, not the clients */
#define MODE_SMALL 4   /* half the memory for each connection */

#define REQUEST_TIMEOUT_US (5 * US_PER_S)
#define IDLE_TIMEOUT_US (20 * US_PER_S)
#define FORCED_US (2 * US_PER_S) /* beyond its deadline a connection lasts no longer */
#define RUNS_PER_TURN_MAX 3
#define TURNS_MAX 2000 /* until the library rests, on a clock that stands still */
#define CLIENTS 2
#define HELD_MAX 64
#define LARGE_BYTES 300000 /* of a reply that does not fit the socket */
#define PIECE_BYTES 64     /* that n of step a counts */

static struct world {
	struct loop *loop;
	struct metrics *metrics;
	struct listener *listener;
	int64_t now_us;
	int clients[CLIENTS];
	unsigned at; /* the client that acts */
	uint8_t suspends, mode;
	unsigned requests; /* that the router was given */
	unsigned answered;
	struct request *held[HELD_MAX];
	unsigned held_count;
	unsigned runs; /* of the library, in this turn */
	bool small;    /* the listener was started in MODE_SMALL */
	struct buf out;
} world;

/* --- the router ------------------------------------------------------------------------------- */

static void router_answer(struct request *request)
{
	buf_literal(&request->out, "{\"body\":");
	if (request->body)
		json_write_canonical(&request->out, request->body);
	else
		buf_literal(&request->out, "null");
	if (request->operation.len && request->operation.ptr[0] == 'l') {
		char *large = buf_reserve(&request->out, LARGE_BYTES);

		memset(large, ' ', LARGE_BYTES);
		request->out.len += LARGE_BYTES;
	}
	buf_byte(&request->out, '}');
	request->done_us = loop_now(request->loop);
	world.answered++;
	request->on_done(request);
}

static void router_on_client_gone(struct request *request)
{
	assert(!request->task);
	request->task = request;
}

static void router_take(struct request *request, void *arg)
{
	bool suspends = world.suspends & 1u << world.requests++ % 8;

	(void)arg;
	assert(request->deadline_us <= loop_now(request->loop) + REQUEST_TIMEOUT_US);
	request->on_client_gone = router_on_client_gone;
	if (!suspends || world.held_count == HELD_MAX)
		router_answer(request);
	else
		world.held[world.held_count++] = request;
}

/* Those whose client has gone, and those whose time is over; or all. */
static void router_answer_held(bool all)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < world.held_count; i++) {
		struct request *request = world.held[i];

		if (all || request->task || request->deadline_us <= world.now_us)
			router_answer(request);
		else
			world.held[kept++] = request;
	}
	world.held_count = kept;
}

/* --- invariants ------------------------------------------------------------------------------- */

/* Takes the place of the library's. */
enum MHD_Result MHD_run(struct MHD_Daemon *daemon)
{
	static union {
		void *address;
		enum MHD_Result (*function)(struct MHD_Daemon *);
	} real;

	if (!real.address)
		real.address = dlsym(RTLD_NEXT, "MHD_run");
	world.runs++;
	assert(world.runs <= RUNS_PER_TURN_MAX);
	return real.function(daemon);
}

static int64_t us_max(const struct connection *connection)
{
	switch (connection->state) {
	case CONNECTION_RESTING:
		return IDLE_TIMEOUT_US;
	case CONNECTION_PARTING:
		return HTTP_PARTING_US;
	case CONNECTION_ARRIVING:
	case CONNECTION_WORKING:
	case CONNECTION_WATCHED:
		return REQUEST_TIMEOUT_US;
	case CONNECTION_SENDING:
		return HTTP_SENDING_US +
		       (int64_t)connection->sending_bytes * US_PER_S / HTTP_SENDING_BYTES_PER_S_MIN;
	case CONNECTION_DONE:
	case CONNECTION_RESUMED:
	case CONNECTION_STREAMING:
	case CONNECTION_HUNGRY:
	case CONNECTION_FED:
	case CONNECTION_CLOSING:
	case CONNECTION_STATES:
		break;
	}
	return 0;
}

/* How many there are; none is older than it may be. */
static size_t check_connections(void)
{
	size_t count = 0;

	for (unsigned i = 0; i < CONNECTION_STATES; i++) {
		list_each (&world.listener->connections.by_state[i], it) {
			const struct connection *connection =
				container_of(it, struct connection, link);
			int64_t age_us = world.now_us - connection->since_us;

			assert(age_us <= us_max(connection) + FORCED_US);
			count++;
		}
	}
	return count;
}

/* --- time ------------------------------------------------------------------------------------- */

static void turn(void)
{
	world.runs = 0;
	loop_turn(world.loop, 0);
}

static void settle(void)
{
	unsigned turns = 0;

	for (; turns < 3 || world.listener->connections.library_due; turns++) {
		assert(turns < TURNS_MAX);
		turn();
	}
}

static void pass(int64_t us)
{
	while (us > 0) {
		int64_t step_us = us < HTTP_SWEEP_US ? us : HTTP_SWEEP_US;

		us -= step_us;
		world.now_us += step_us;
		library_clock_pass(step_us);
		loop_fake_clock(world.loop, world.now_us);
		router_answer_held(false);
		settle();
		(void)check_connections();
	}
}

/* --- clients ---------------------------------------------------------------------------------- */

/* From one address after the other, so that ports that rest after a connection do not run out. */
static void client_open(int *client)
{
	static uint32_t turn_of;
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = from;
	int yes = 1, done;

	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + turn_of++ % 200);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(listener_port(world.listener));
	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(*client >= 0);
	(void)setsockopt(*client, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	done = bind(*client, (struct sockaddr *)&from, sizeof(from));
	assert(done == 0);
	/* libFuzzer's timer interrupts; asked again, the socket tells what came of it. */
	do
		done = connect(*client, (struct sockaddr *)&to, sizeof(to));
	while (done != 0 && errno == EINTR);
	if (done != 0 && errno != EISCONN) {
		perror("connect");
		abort();
	}
}

static void client_close(int *client, bool reset)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (*client < 0)
		return;
	if (reset)
		(void)setsockopt(*client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(*client);
	*client = -1;
}

static void client_read(int client)
{
	static char taken[65536];

	while (client >= 0 && recv(client, taken, sizeof(taken), MSG_DONTWAIT) > 0)
		continue;
}

/* What was gathered, in one write, as far as it is taken. */
static void client_write(void)
{
	int *client = &world.clients[world.at];

	if (!world.out.len)
		return;
	if (*client < 0)
		client_open(client);
	(void)send(*client, world.out.ptr, world.out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	world.out.len = 0;
	turn();
	turn();
}

/* --- the script ------------------------------------------------------------------------------- */

static void act(char step)
{
	int *client = &world.clients[world.at];

	switch (step) {
	case 'w':
		pass(US_PER_S / 10);
		break;
	case 's':
		pass(US_PER_S);
		break;
	case 't':
		pass(6 * US_PER_S);
		break;
	case 'h':
		if (*client >= 0)
			shutdown(*client, SHUT_WR);
		break;
	case 'c':
		client_close(client, false);
		break;
	case 'o':
		world.at = (world.at + 1) % CLIENTS;
		break;
	case 'r':
		client_read(*client);
		break;
	case 'f':
		router_answer_held(true);
		break;
	default:
		break;
	}
	settle();
	router_answer_held(!(world.mode & MODE_HOLD));
	settle();
	(void)check_connections();
}

static void run_script(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] != STEP || i + 1 == size) {
			buf_byte(&world.out, (char)data[i]);
		} else if (data[++i] == 'a' && i + 2 < size) {
			size_t count = (size_t)data[i + 1] * PIECE_BYTES;

			memset(buf_reserve(&world.out, count + 1), data[i + 2], count);
			world.out.len += count;
			i += 2;
		} else {
			client_write();
			act((char)data[i]);
		}
	}
	client_write();
	act('p');
}

static void start_listener(bool small)
{
	const struct listener_settings settings = {
		.address = "127.0.0.1:0",
		.connections_max = 8,
		.connection_memory = small ? 4096 : 8192,
		.body_bytes_max = 8192,
		.request_timeout_us = REQUEST_TIMEOUT_US,
		.idle_timeout_us = IDLE_TIMEOUT_US,
		.user_header = "X-User-Id",
		.handlers = { .on_request = router_take },
	};
	char error[256];

	world.small = small;
	world.listener = listener_new(world.loop, &settings, world.metrics, error, sizeof(error));
	assert(world.listener);
}

/* A listener serves one input after the other, until it is to go or another one is needed. */
static void start(uint8_t suspends, uint8_t mode)
{
	if (!world.loop) {
		world.loop = loop_new("fuzz");
		world.now_us = 1000 * US_PER_S;
		loop_fake_clock(world.loop, world.now_us);
		world.metrics = metrics_new();
		log_set_level(LOG_ERROR);
		buf_init(&world.out);
	}
	world.suspends = suspends;
	world.mode = mode;
	world.at = world.requests = world.answered = 0;
	for (unsigned i = 0; i < CLIENTS; i++)
		world.clients[i] = -1;
	if (world.listener && world.small == !(mode & MODE_SMALL)) {
		listener_free(world.listener);
		world.listener = NULL;
	}
	if (!world.listener)
		start_listener(mode & MODE_SMALL);
}

/* Whoever is left goes, within the time to arrive and to be forced out. */
static void finish(void)
{
	bool quiesces = world.mode & MODE_QUIESCE;

	if (quiesces) {
		world.runs = 0;
		listener_quiesce(world.listener);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		client_read(world.clients[i]);
		if (!quiesces)
			client_close(&world.clients[i], true);
	}
	router_answer_held(true);
	settle();
	for (int64_t us = 0; check_connections() > 0; us += HTTP_SWEEP_US) {
		assert(us <= REQUEST_TIMEOUT_US + FORCED_US);
		pass(HTTP_SWEEP_US);
		router_answer_held(true);
		for (unsigned i = 0; i < CLIENTS; i++)
			client_read(world.clients[i]);
	}
	assert(world.held_count == 0 && world.answered == world.requests);
	assert(listener_busy(world.listener) == 0);
	assert(world.listener->connections.orphans.count == 0);
	assert(list_empty(&world.listener->connections.orphans.dead));
	assert(listener_in_flight(world.listener) == 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		client_close(&world.clients[i], true);
	if (!quiesces)
		return;
	listener_free(world.listener);
	world.listener = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	start(data[0], data[1]);
	run_script(data + 2, size - 2);
	finish();
	return 0;
}
