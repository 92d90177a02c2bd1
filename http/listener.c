/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libmicrohttpd daemon inside a loop: its epoll descriptor is one of the loop's, and it runs once
 * at the end of a turn, after everything that was done in this turn has been resumed.
 */
#include "http/listener.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/repeats.h"
#include "http/address.h"
#include "http/refusal.h"
#include "http/share.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* --- what libmicrohttpd calls ----------------------------------------------------------------- */

static void listener_on_log(void *arg, const char *format, va_list args)
{
	char line[256];

	refusal_on_log(arg, format, args);
	if (!log_enabled(LOG_DEBUG))
		return;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("http", "libmicrohttpd: %s", line);
}

static struct connection *listener_connection(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void listener_on_connection(void *arg, struct MHD_Connection *mhd, void **context,
				   enum MHD_ConnectionNotificationCode code)
{
	struct listener *listener = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		int fd =
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

		*context = connection_new(listener, mhd, fd);
	} else {
		connection_free(*context);
		*context = NULL;
	}
}

/*
 * The library would make a record of each argument, in memory that the reply needs. The target lies
 * in its buffer, and it is about to cut it at the question mark itself.
 */
static void listener_hide_arguments(const char *target)
{
	char *question = target ? strchr(target, '?') : NULL;

	if (question && question[1])
		question[1] = '\0';
}

static void *listener_on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	struct connection *connection = listener_connection(mhd);

	(void)arg;
	exchange_on_target(connection, target);
	listener_hide_arguments(target);
	/* Where there is no memory for it, there is none for the reply either: that is 431. */
	(void)MHD_set_connection_value(mhd, MHD_HEADER_KIND, head_no_cookie, "");
	return connection;
}

/* The library would decode what we have copied and decode ourselves. */
static size_t listener_on_unescape(void *arg, struct MHD_Connection *mhd, char *text)
{
	(void)arg;
	(void)mhd;
	return strlen(text);
}

static enum MHD_Result listener_on_call(void *arg, struct MHD_Connection *mhd, const char *url,
					const char *method, const char *version, const char *upload,
					size_t *upload_bytes, void **context)
{
	struct listener *listener = arg;

	(void)mhd;
	(void)url;
	listener->watchdog.calls++;
	return exchange_on_call(*context, method, version, upload, upload_bytes);
}

static void listener_on_completed(void *arg, struct MHD_Connection *mhd, void **context,
				  enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)mhd;
	exchange_on_completed(*context, code);
	*context = NULL;
}

/* --- who is let in? --------------------------------------------------------------------------- */

unsigned listener_busy(const struct listener *listener)
{
	size_t count = 0;

	for (unsigned i = CONNECTION_ARRIVING; i <= CONNECTION_SENDING; i++)
		count += listener->connections[i].count;
	return (unsigned)count + listener->orphans;
}

static unsigned listener_open(const struct listener *listener)
{
	return listener_busy(listener) +
	       (unsigned)(listener->connections[CONNECTION_RESTING].count +
			  listener->connections[CONNECTION_CLOSING].count +
			  accept_queue_waiting(&listener->accept_queue));
}

static void listener_count_refused(struct listener *listener, const char *reason)
{
	/* The service's listeners are one to their clients; the admin listener is another. */
	uint64_t key = hash_bytes(reason, strlen(reason), !!listener->settings.pages);
	char again[REPEATS_TEXT_BYTES];

	metric_add(listener->metrics, METRIC_http_refused_total, METRIC_LABELS(reason), 1);
	if (repeats_allow(REPEATS_FULL, key, loop_now(listener->loop), again))
		log_warn("http", "connections are refused: %s%s", reason, again);
}

static void listener_on_connected(struct acceptor *acceptor, int fd, const struct sockaddr *address,
				  socklen_t address_len)
{
	struct listener *listener = container_of(acceptor, struct listener, acceptor);
	size_t closing = listener->connections[CONNECTION_CLOSING].count;
	struct caller *caller = callers_take(&listener->callers, address);
	struct newcomer *newcomer;

	/* Those that are closing hold no place that counts: the library is about to end them. */
	if (listener_open(listener) - closing >= listener->settings.connections_max &&
	    !share_yield_place(listener, caller)) {
		callers_release(&listener->callers, caller);
		listener_count_refused(listener, "connections-max");
		refusal_full(listener, fd, "There are as many connections as are allowed");
		return;
	}
	callers_hold(&listener->callers, caller, CALLERS_PLACES, 1);
	newcomer = accept_queue_add(&listener->accept_queue, fd, address, address_len, caller);
	list_append(&caller->newcomers, &newcomer->of_caller);
}

/* It waits no more. */
static void listener_forget(struct listener *listener, struct newcomer *newcomer)
{
	list_remove(&newcomer->caller->newcomers, &newcomer->of_caller);
	callers_let_go(&listener->callers, newcomer->caller, CALLERS_PLACES, 1);
	callers_release(&listener->callers, newcomer->caller);
	free(newcomer);
}

void listener_turn_away(struct listener *listener, struct newcomer *newcomer, const char *detail)
{
	accept_queue_remove(&listener->accept_queue, newcomer);
	refusal_full(listener, newcomer->fd, detail);
	listener_forget(listener, newcomer);
}

/* False: it is closed; who has too many connections needs not be told. */
static bool listener_add(struct listener *listener, struct newcomer *newcomer)
{
	bool added = MHD_add_connection(listener->daemon, newcomer->fd,
					(const struct sockaddr *)&newcomer->address,
					newcomer->address_len) == MHD_YES;

	/* From now on its connection holds the place. */
	listener_forget(listener, newcomer);
	if (added)
		return true;
	listener_count_refused(listener, "connections-per-address");
	return false;
}

/* Those who are refused take no place of the others. */
static void listener_let_in(struct listener *listener, unsigned places, unsigned looks)
{
	struct newcomer *newcomer;

	while (places && looks-- && (newcomer = accept_queue_take(&listener->accept_queue))) {
		places -= listener_add(listener, newcomer);
		/* What the client has sent already is read in this turn. */
		listener->ready = true;
	}
	if (accept_queue_waiting(&listener->accept_queue))
		loop_again(listener->loop);
}

/* Nobody comes any more. */
static void listener_shut(struct listener *listener)
{
	acceptor_stop(&listener->acceptor);
	listener_let_in(listener, UINT_MAX, UINT_MAX);
}

static void listener_on_full(struct acceptor *acceptor, int fd)
{
	struct listener *listener = container_of(acceptor, struct listener, acceptor);

	listener_count_refused(listener, "descriptors");
	refusal_full(listener, fd, "There is no file descriptor left");
}

/* --- once per turn ---------------------------------------------------------------------------- */

static void listener_tell_gauges(struct listener *listener)
{
	double connections = listener_open(listener), in_flight = listener_busy(listener);

	if (listener->settings.pages)
		return;
	if (connections != listener->gauge_connections)
		metric_set(listener->metrics, METRIC_http_connections, NULL, connections);
	if (in_flight != listener->gauge_in_flight)
		metric_set(listener->metrics, METRIC_http_requests_in_flight, NULL, in_flight);
	listener->gauge_connections = connections;
	listener->gauge_in_flight = in_flight;
}

static void listener_on_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	container_of(watch, struct listener, watch)->ready = true;
}

static bool listener_resume_from(struct listener *listener, enum connection_state state,
				 enum connection_state next_state)
{
	struct list *list = &listener->connections[state];
	bool any = !list_empty(list);

	for (struct list_link *it = list->head.next, *next; it != &list->head; it = next) {
		struct connection *connection = container_of(it, struct connection, link);

		next = it->next;
		if (!connection->suspended)
			continue; /* its handler is called anyway */
		connection->suspended = false;
		connection_move(connection, next_state);
		MHD_resume_connection(connection->mhd);
	}
	return any;
}

static bool listener_resume(struct listener *listener)
{
	bool done = listener_resume_from(listener, CONNECTION_DONE, CONNECTION_RESUMED);
	bool fed = listener_resume_from(listener, CONNECTION_FED, CONNECTION_STREAMING);

	return done || fed;
}

static void listener_run(struct listener *listener)
{
	if (MHD_run(listener->daemon) != MHD_YES)
		log_debug("http", "libmicrohttpd could not wait for its sockets");
	listener->ready = watchdog_after_run(listener);
	if (listener->ready)
		loop_again(listener->loop);
}

static void listener_on_answer(struct loop_hook *hook)
{
	struct listener *listener = container_of(hook, struct listener, on_answer);
	bool resumed = listener_resume(listener);

	if (accept_queue_waiting(&listener->accept_queue)) {
		accept_queue_look(&listener->accept_queue);
		listener_let_in(listener, HTTP_NEWCOMERS_PER_TURN, HTTP_ACCEPTS_PER_TURN);
	}
	if (resumed || listener->ready)
		listener_run(listener);
	/* Suspends what was handed to the router just now. */
	if (listener->to_suspend)
		listener_run(listener);
}

/* Requests that were done after the replies of this turn left. */
static void listener_on_bury(struct loop_hook *hook)
{
	struct listener *listener = container_of(hook, struct listener, on_bury);

	if (!list_empty(&listener->connections[CONNECTION_DONE]) ||
	    !list_empty(&listener->connections[CONNECTION_FED]))
		loop_again(listener->loop);
	connections_close_half_closed(listener);
	connections_make_room(listener);
	if (!list_empty(&listener->connections[CONNECTION_CLOSING]))
		watchdog_force_out(listener);
	listener_tell_gauges(listener);
	while (!list_empty(&listener->dead))
		request_free(container_of(list_take_first(&listener->dead), struct request, link));
}

/* --- life ------------------------------------------------------------------------------------- */

static bool listener_start(struct listener *listener)
{
	const struct listener_settings *settings = &listener->settings;

	/* What strictness refuses before 1.0, the guard refuses with a problem document. */
	listener->sees_lines = MHD_get_version()[0] == '0';
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, listener_on_call, listener, MHD_OPTION_EXTERNAL_LOGGER,
		listener_on_log, listener, MHD_OPTION_CONNECTION_LIMIT,
		settings->connections_max + HTTP_YIELDING_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		settings->connections_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		settings->connection_memory, MHD_OPTION_STRICT_FOR_CLIENT,
		listener->sees_lines ? 0 : 1, MHD_OPTION_URI_LOG_CALLBACK, listener_on_target, NULL,
		MHD_OPTION_UNESCAPE_CALLBACK, listener_on_unescape, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, listener_on_connection, listener,
		MHD_OPTION_NOTIFY_COMPLETED, listener_on_completed, NULL, MHD_OPTION_END);
	return listener->daemon != NULL;
}

static void listener_attach(struct listener *listener, int fd)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	assert(info);
	listener->watch = (struct loop_watch){ .fd = -1, .on_ready = listener_on_ready };
	loop_watch(listener->loop, &listener->watch, info->epoll_fd, EPOLLIN);
	listener->on_answer.on_turn = listener_on_answer;
	loop_hook_add(listener->loop, &listener->on_answer, LOOP_STAGE_ANSWER);
	listener->on_bury.on_turn = listener_on_bury;
	loop_hook_add(listener->loop, &listener->on_bury, LOOP_STAGE_BURY);
	listener->acceptor.on_connection = listener_on_connected;
	listener->acceptor.on_full = listener_on_full;
	acceptor_init(&listener->acceptor, listener->loop, fd);
	if (!listener->settings.held)
		acceptor_start(&listener->acceptor);
}

void listener_accept(struct listener *listener)
{
	if (listener->settings.held && !listener->quiescing)
		acceptor_start(&listener->acceptor);
	listener->settings.held = false;
}

bool listener_has_newcomers(const struct listener *listener)
{
	return acceptor_has_newcomers(&listener->acceptor);
}

struct listener *listener_new(struct loop *loop, const struct listener_settings *settings,
			      struct metrics *metrics, char *error, size_t error_room)
{
	struct listener *listener;
	uint64_t seed;
	int fd = address_listen(settings->address, settings->reuse_port, error, error_room);

	assert(!settings->pages != !settings->handlers.on_request);
	if (fd < 0)
		return NULL;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		log_fatal("http", "out of memory");
	listener->loop = loop;
	listener->settings = *settings;
	listener->settings.address = NULL;
	listener->metrics = metrics;
	listener->port = address_port(fd);
	buf_init(&listener->line);
	random_bytes(&seed, sizeof(seed));
	random_init(&listener->random, seed);
	callers_init(&listener->callers, random_next(&listener->random));
	list_init(&listener->dead);
	connections_init(listener);
	watchdog_init(listener);
	accept_queue_init(&listener->accept_queue);
	lingering_close_init(&listener->lingering_close, loop);
	if (!listener_start(listener)) {
		snprintf(error, error_room, "%s: libmicrohttpd did not start", settings->address);
		close(fd);
		free(listener);
		return NULL;
	}
	listener_attach(listener, fd);
	return listener;
}

uint16_t listener_port(const struct listener *listener)
{
	return listener->port;
}

void listener_quiesce(struct listener *listener)
{
	if (listener->quiescing)
		return;
	listener->quiescing = true;
	listener_shut(listener);
	/* Requests that came with those connections are read before resting ones are closed. */
	listener_run(listener);
	(void)connections_sweep(listener); /* and what is left, when it is due */
	loop_again(listener->loop);
}

static unsigned listener_closing_with_router(const struct listener *listener)
{
	unsigned count = 0;

	list_each (&listener->connections[CONNECTION_CLOSING], it)
		count += container_of(it, struct connection, link)->exchange.with_router;
	return count;
}

unsigned listener_in_flight(const struct listener *listener)
{
	if (!listener->quiescing)
		return listener_busy(listener);
	/* A connection that rests may bring one more request until it is closed; one that was shut
	 * down brings nothing. */
	return listener_busy(listener) + (unsigned)listener->connections[CONNECTION_RESTING].count +
	       accept_queue_waiting(&listener->accept_queue) +
	       listener_closing_with_router(listener);
}

void listener_free(struct listener *listener)
{
	assert(listener_busy(listener) == 0);
	while (!list_empty(&listener->dead))
		request_free(container_of(list_take_first(&listener->dead), struct request, link));
	listener_shut(listener);
	loop_unwatch(listener->loop, &listener->watch);
	loop_hook_remove(listener->loop, &listener->on_answer, LOOP_STAGE_ANSWER);
	loop_hook_remove(listener->loop, &listener->on_bury, LOOP_STAGE_BURY);
	MHD_stop_daemon(listener->daemon);
	listener_tell_gauges(listener);
	connections_fini(listener);
	callers_fini(&listener->callers);
	watchdog_fini(listener);
	lingering_close_fini(&listener->lingering_close);
	buf_fini(&listener->line);
	free(listener);
}

const char *http_library_version(void)
{
	return MHD_get_version();
}

void listener_set_limits(struct listener *listener, size_t body_bytes_max,
			 int64_t request_timeout_us)
{
	listener->settings.body_bytes_max = body_bytes_max;
	listener->settings.request_timeout_us = request_timeout_us;
}
