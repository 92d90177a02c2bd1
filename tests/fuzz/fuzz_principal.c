/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request to its principal. The first byte says how the service is set up and how
 * the head comes in (MODE_), the rest is the head, line by line; a byte 0xff and a letter stand
 * for a credential of the table below. Whatever it is: a key's or a token's principal is given
 * only to a head that holds this one good credential and no other, several are 400, and details and
 * log lines hold no part of a credential.
 *
 *     make fuzz TARGETS=principal SECONDS=60
 */
#include "base/clock.h"
#include "base/log.h"
#include "http/auth/auth.h"
#include "http/auth/credential.h"
#include "http/auth/key_store.h"
#include "http/head/guard.h"
#include "http/listener.h"
#include "http/principal_in.h"
#include "tests/fuzz/head_lines.h"
#include "tests/fuzz/shown.h"
#include "tests/unit/jwt_story.h"
#include "tests/unit/library_clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CREDENTIAL 0xff
#define MODE_SERVICE 3 /* which service: enum service */
#define MODE_PEER 4    /* it comes from a peer that --peer names, */
#define MODE_PROXY 8   /* or from one that is a proxy */
#define MODE_AGAIN 16  /* the same again and again, from one address */
#define MODE_WIRE 32   /* through libmicrohttpd and a listener */

#define AGAIN 5      /* times */
#define FAILURES 3   /* that an address has, in a minute */
#define SHOWN_MIN 12 /* bytes of a credential that are something of it */
#define TURNS_MAX 2000

enum service {
	SERVICE_REQUIRED, /* keys and tokens are known */
	SERVICE_UNKNOWN,  /* neither is, yet */
	SERVICE_OPEN,     /* there never was a key */
	SERVICE_KEYS,     /* keys alone */
	SERVICES
};

/* As a reader of the standards would find it, line by line. */
struct seen {
	unsigned count;           /* credentials in headers */
	const struct shown *good; /* the one, if it is good */
	bool in_query;            /* a whole one is a parameter */
	uint32_t used;            /* bit n: the n-th of the table is somewhere in it */
	struct buf elsewhere;     /* all but those headers and the query string */
};

static struct seen seen;

/* --- services --------------------------------------------------------------------------------- */

static struct world {
	struct loop *loop;
	struct metrics *metrics;
	int64_t now_us;
	struct key_store *stores[SERVICES];
	struct auth *auths[SERVICES];
	struct auth_settings settings[SERVICES]; /* what they look at */
	struct listener *listeners[SERVICES];
	struct buf head;  /* as it is sent, with its credentials */
	struct buf reply; /* that came over the wire */
	/* Of the request that came over the wire as far as a handler. */
	enum principal_kind kind;
	char id[USER_BYTES_MAX + 64];
	bool taken;
} world;

static const struct principal cron = { .kind = PRINCIPAL_PEER, .id = TEXT("peer:cron") };

/* The operations of one letter are for everybody. */
static bool serves_anonymous(const struct request *request, void *arg)
{
	(void)arg;
	return request->operation.len == 1;
}

static void on_unknown_key(void *arg)
{
	(void)arg;
}

static void note_principal(const struct principal *principal)
{
	world.taken = true;
	world.kind = principal->kind;
	snprintf(world.id, sizeof(world.id), "%s", principal->id.ptr ? principal->id.ptr : "");
}

static void router_take(struct request *request, void *arg)
{
	(void)arg;
	note_principal(request->principal);
	buf_literal(&request->out, "{}");
	request->done_us = loop_now(request->loop);
	request->on_done(request);
}

static struct auth *service_new(enum service service, struct snapshot *tokens)
{
	static const struct gcra_rate rate = { 60 / FAILURES * INT64_C(1000000000),
					       60 * INT64_C(1000000000) };
	static struct jwt_verifier_settings jwt;
	const struct text keys = shown_keys(), none = TEXT("");
	struct key_store *store = world.stores[service] = key_store_new();

	jwt = (struct jwt_verifier_settings){ .policy = jwt_story_policy,
					      .keys = tokens,
					      .on_unknown_key = on_unknown_key };
	world.settings[service] = (struct auth_settings){
		.mode = service == SERVICE_OPEN ? AUTH_BY_KEYS : AUTH_REQUIRED,
		.keyring = key_store_snapshot(store),
		.failures = auth_failures_new(rate),
		.jwt = service == SERVICE_KEYS ? NULL : &jwt,
	};
	if (service == SERVICE_OPEN)
		key_store_tell(store, KEYRING_NEVER, world.now_us, &none);
	else if (service != SERVICE_UNKNOWN)
		key_store_tell(store, KEYRING_IN_USE, world.now_us, &keys);
	return auth_new(&world.settings[service]);
}

static struct listener *listener_of(struct auth *auth)
{
	const struct listener_settings settings = {
		.address = "127.0.0.1:0",
		.connections_max = 8,
		.connection_memory = 16384,
		.body_bytes_max = 8192,
		.request_timeout_us = 5 * US_PER_S,
		.idle_timeout_us = 20 * US_PER_S,
		.user_header = "X-User-Id",
		.auth = auth,
		.handlers = { router_take, NULL, serves_anonymous },
	};
	char error[256];
	struct listener *listener =
		listener_new(world.loop, &settings, world.metrics, error, sizeof(error));

	assert(listener);
	return listener;
}

static void start(void)
{
	static struct jwk_set set;
	static struct snapshot *tokens, *no_tokens;

	log_set_level(LOG_ERROR);
	world.loop = loop_new("fuzz");
	world.now_us = 1000 * US_PER_S;
	loop_fake_clock(world.loop, world.now_us);
	world.metrics = metrics_new();
	buf_init(&world.head);
	buf_init(&world.reply);
	buf_init(&seen.elsewhere);
	jwt_story_set(JWT_STORY_KEYS, &set);
	tokens = snapshot_new(sizeof(set));
	no_tokens = snapshot_new(sizeof(set));
	snapshot_publish(tokens, &set);
	shown_make();
	for (unsigned i = 0; i < SERVICES; i++) {
		world.auths[i] = service_new(i, i == SERVICE_UNKNOWN ? no_tokens : tokens);
		world.listeners[i] = listener_of(world.auths[i]);
	}
}

/* --- what a head shows ------------------------------------------------------------------------ */

/* The head as it is sent: credentials in the place of their letters. */
static void expand(const uint8_t *data, size_t size, bool on_wire)
{
	seen.used = 0;
	buf_clear(&world.head);
	for (size_t i = 0; i < size; i++) {
		const struct shown *it = NULL;

		if (data[i] == CREDENTIAL && i + 1 < size)
			it = shown_by((char)data[++i]);
		if (it) {
			buf_add(&world.head, it->text.ptr, it->text.len);
			seen.used |= 1u << (it - shown);
		} else {
			if (data[i] == '\n' && on_wire && (!i || data[i - 1] != CREDENTIAL))
				buf_byte(&world.head, '\r');
			buf_byte(&world.head, (char)data[i]);
		}
	}
}

/* The next line of the head, without its end; false: none is left, or the head is over. */
static bool see_line(struct text *rest, struct text separator, struct text *line)
{
	const char *end;

	if (!rest->len)
		return false;
	end = memmem(rest->ptr, rest->len, separator.ptr, separator.len);
	*line = (struct text){ rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
	rest->ptr += end ? line->len + separator.len : rest->len;
	rest->len -= end ? line->len + separator.len : rest->len;
	return separator.len == 1 || line->len > 0;
}

static const struct shown *see_good(struct text value)
{
	if (value.len < 8 || strncasecmp(value.ptr, "bearer ", 7) != 0)
		return NULL;
	value = text_trim((struct text){ value.ptr + 7, value.len - 7 });
	for (size_t i = 0; i < SHOWN; i++)
		if (shown[i].id && text_equal(shown[i].text, value))
			return &shown[i];
	return NULL;
}

static void see_header(struct text line)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	struct text name = { line.ptr, colon ? (size_t)(colon - line.ptr) : line.len };

	if (!colon || !text_is_caseless(name, "authorization")) {
		buf_add(&seen.elsewhere, line.ptr, line.len);
		buf_byte(&seen.elsewhere, '\n');
		return;
	}
	seen.good = see_good(text_trim((struct text){ colon + 1, line.len - name.len - 1 }));
	if (seen.count++)
		seen.good = NULL;
}

static void see_query(struct text line)
{
	const char *target = memchr(line.ptr, ' ', line.len);
	const char *query =
		target ? memchr(target, '?', (size_t)(line.ptr + line.len - target)) : NULL;
	size_t path_len = query ? (size_t)(query - line.ptr) : line.len;
	struct text rest = { query ? query + 1 : "", query ? line.len - path_len - 1 : 0 }, pair;
	const char *blank = memrchr(rest.ptr, ' ', rest.len);

	buf_add(&seen.elsewhere, line.ptr, path_len);
	buf_byte(&seen.elsewhere, '\n');
	if (blank)
		rest.len = (size_t)(blank - rest.ptr);
	while (text_next(&rest, '&', &pair)) {
		const char *equals = memchr(pair.ptr, '=', pair.len);
		struct text value = { equals ? equals + 1 : "",
				      equals ? (size_t)(pair.ptr + pair.len - equals - 1) : 0 };

		for (size_t i = 0; i < SHOWN; i++)
			seen.in_query |= equals > pair.ptr && text_equal(value, shown[i].text);
	}
}

static void see(bool on_wire)
{
	const struct text separator = on_wire ? TEXT("\r\n") : TEXT("\n");
	struct text rest = { world.head.ptr, world.head.len }, line;

	seen.count = 0;
	seen.good = NULL;
	seen.in_query = false;
	buf_clear(&seen.elsewhere);
	if (see_line(&rest, separator, &line))
		see_query(line);
	while (see_line(&rest, separator, &line))
		see_header(line);
	if (on_wire)
		world.head.len -= rest.len;
}

/* --- what holds ------------------------------------------------------------------------------- */

/* Details and log lines show no part of a credential that the client did not write elsewhere. */
static void check_hidden(const char *ptr, size_t len)
{
	for (size_t i = 0; i < SHOWN; i++) {
		struct text text = shown[i].text;

		if (!(seen.used & 1u << i))
			continue;
		for (size_t at = 0; at + SHOWN_MIN <= text.len; at += SHOWN_MIN / 2)
			assert(!memmem(ptr, len, text.ptr + at, SHOWN_MIN) ||
			       memmem(seen.elsewhere.ptr, seen.elsewhere.len, text.ptr + at,
				      SHOWN_MIN));
	}
}

static void check_kind(enum service service, unsigned mode, enum principal_kind kind,
		       const char *id)
{
	switch (kind) {
	case PRINCIPAL_OPEN:
		assert(service == SERVICE_OPEN);
		return;
	case PRINCIPAL_ANONYMOUS:
		assert(service != SERVICE_OPEN && seen.count == 0);
		return;
	case PRINCIPAL_PEER:
		assert(mode & MODE_PEER && !(mode & MODE_WIRE));
		assert(service == SERVICE_OPEN || seen.count == 0);
		return;
	case PRINCIPAL_JWT:
		assert(service == SERVICE_REQUIRED);
		break;
	case PRINCIPAL_KEY:
		assert(service == SERVICE_REQUIRED || service == SERVICE_KEYS);
		break;
	}
	assert(seen.count == 1 && seen.good);
	assert(strcmp(seen.good->id, id) == 0);
	assert(!seen.in_query && (mode & MODE_WIRE || !(mode & MODE_PEER)));
}

static void check_user(const struct request *request, struct text named)
{
	const struct principal *principal = request->principal;

	if (principal->acts_for == ACTS_FOR_ANY)
		assert(text_equal(request->user, named));
	else if (principal->acts_for == ACTS_FOR_NONE)
		assert(!named.ptr && !request->user.ptr);
	else
		assert((!named.ptr || text_equal(named, principal->subject)) &&
		       text_equal(request->user, principal->subject));
}

/* --- without a connection --------------------------------------------------------------------- */

static bool is_taken(enum service service)
{
	if (service == SERVICE_KEYS)
		return seen.good && seen.good->id[0] == 'k';
	return seen.good && service == SERVICE_REQUIRED;
}

/* The principal was decided: it is the one whose credential is there, and that is forgotten. */
static void check_decided(const struct request *request, const struct head *head, unsigned mode,
			  struct text named)
{
	enum service service = mode & MODE_SERVICE;
	bool is_peer = mode & MODE_PEER;

	if (request->principal)
		check_kind(service, mode, request->principal->kind,
			   request->principal->id.ptr ? request->principal->id.ptr : "");
	if (request->outcome == OUTCOME_OK)
		check_user(request, named);
	else
		check_hidden(request->detail, strlen(request->detail));
	if (seen.in_query && service != SERVICE_OPEN)
		assert(credential_in_query(request->pairs, request->pairs_count));
	if (is_taken(service) && !is_peer &&
	    !credential_in_query(request->pairs, request->pairs_count))
		assert(request->principal && text_is(request->principal->id, seen.good->id));
	if (service != SERVICE_OPEN && seen.count + is_peer > 1)
		assert(request->outcome == OUTCOME_BAD_REQUEST);
	for (size_t i = 0; i < head->count; i++)
		if (text_is_caseless(head->headers[i].name, "authorization"))
			for (size_t at = 0; at < head->headers[i].value.len; at++)
				assert(head->headers[i].value.ptr[at] == '*');
}

/* As http/handler.c does it. */
static enum outcome take(const struct head *head, unsigned mode)
{
	static struct connections shared;
	static struct caller caller = { .name = "10.0.0.9" };
	static struct peer cron_peer, proxy = { .is_proxy = true };
	struct connection connection = { .shared = &shared, .caller = &caller };
	struct exchange *exchange = &connection.exchange;
	struct asked asked = { .route = route_find(head->target) };
	struct request *request = request_new(world.loop);
	struct text named;
	enum outcome outcome;

	cron_peer.principal = cron;
	shared.loop = world.loop;
	shared.metrics = world.metrics;
	shared.settings.auth = world.auths[mode & MODE_SERVICE];
	shared.settings.handlers.serves_anonymous = serves_anonymous;
	if (mode & (MODE_PEER | MODE_PROXY))
		connection.peer = mode & MODE_PEER ? &cron_peer : &proxy;
	exchange->request = request;
	exchange->asked = &asked;
	request->caller = request->address = text_of(caller.name);
	headers_in_frame(head, request, &asked.headers);
	exchange_take_route(exchange, head->method);
	if (!exchange_failed(exchange) && headers_in_read(head, "X-User-Id", request))
		exchange_take_query(exchange, head->method);
	named = request->user;
	request->principal = NULL;
	if (!exchange_failed(exchange)) {
		principal_in_take(&connection, head);
		check_decided(request, head, mode, named);
	}
	outcome = request->outcome;
	request_free(request);
	return outcome;
}

/* The same again is the same, but that an address fails three times and is limited then. */
static void check_again(enum outcome first, enum outcome again, unsigned times)
{
	bool limited = first == OUTCOME_UNAUTHENTICATED && seen.count && times >= FAILURES;

	assert(again == (limited ? OUTCOME_RATE_LIMITED : first));
}

static void try_head(unsigned mode)
{
	enum outcome first = OUTCOME_OK;

	for (unsigned times = 0; times < (mode & MODE_AGAIN ? AGAIN : 1); times++) {
		char *copy = malloc(world.head.len + 1);
		struct head head;
		enum outcome outcome = OUTCOME_BAD_REQUEST;

		assert(copy);
		if (world.head.len)
			memcpy(copy, world.head.ptr, world.head.len);
		copy[world.head.len] = '\0';
		head_lines_read(&head, copy, copy + world.head.len);
		if (!guard_refusal(&head))
			outcome = take(&head, mode);
		free(copy);
		if (!times)
			first = outcome;
		check_again(first, outcome, times);
	}
}

/* --- through libmicrohttpd -------------------------------------------------------------------- */

static int client_open(const struct listener *listener)
{
	static uint32_t turn_of;
	struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
	int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), done;

	assert(fd >= 0);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + turn_of++ % 200);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(listener_port(listener));
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	done = bind(fd, (struct sockaddr *)&from, sizeof(from));
	assert(done == 0);
	do
		done = connect(fd, (struct sockaddr *)&to, sizeof(to));
	while (done != 0 && errno == EINTR);
	assert(done == 0 || errno == EISCONN);
	return fd;
}

static void turn(int64_t us)
{
	world.now_us += us;
	library_clock_pass(us);
	loop_fake_clock(world.loop, world.now_us);
	loop_turn(world.loop, 0);
}

static void client_read(int client)
{
	char taken[4096];
	ssize_t got;

	for (unsigned turns = 0; turns < 8; turns++) {
		turn(0);
		while ((got = recv(client, taken, sizeof(taken), MSG_DONTWAIT)) > 0)
			buf_add(&world.reply, taken, (size_t)got);
	}
}

static void try_wire(unsigned mode)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	struct listener *listener = world.listeners[mode & MODE_SERVICE];
	int client = client_open(listener);

	world.taken = false;
	buf_clear(&world.reply);
	buf_literal(&world.head, "\r\n\r\n");
	(void)send(client, world.head.ptr, world.head.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	client_read(client);
	check_hidden(world.reply.ptr, world.reply.len);
	if (world.taken)
		check_kind(mode & MODE_SERVICE, mode, world.kind, world.id);
	(void)setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(client);
	for (unsigned turns = 0; listener->connections.count; turns++) {
		assert(turns < TURNS_MAX);
		turn(turns < 8 ? 0 : HTTP_SWEEP_US);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world.loop)
		start();
	if (!size)
		return 0;
	expand(data + 1, size - 1, data[0] & MODE_WIRE);
	see(data[0] & MODE_WIRE);
	turn(61 * US_PER_S);
	if (data[0] & MODE_WIRE)
		try_wire(data[0]);
	else
		try_head(data[0]);
	return 0;
}
