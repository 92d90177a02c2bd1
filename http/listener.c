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
#include "http/chunked_reply.h"
#include "http/client_gone.h"
#include "http/deadlines.h"
#include "http/handler.h"
#include "http/memory_trim.h"
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
	struct listener *listener = arg;
	char line[256];

	refusal_on_log(&listener->connections, format, args);
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

		*context = connection_new(&listener->connections, mhd, fd);
	} else {
		handler_on_closed(*context);
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
	handler_on_target(connection, target);
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
	listener->connections.calls++;
	return handler_on_call(*context, method, version, upload, upload_bytes);
}

static void listener_on_completed(void *arg, struct MHD_Connection *mhd, void **context,
				  enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)mhd;
	handler_on_completed(*context, code);
	*context = NULL;
}

/* --- who is let in? --------------------------------------------------------------------------- */

static struct listener *listener_of_acceptor(struct acceptor *acceptor)
{
	return container_of(acceptor, struct listener_socket, acceptor)->listener;
}

unsigned listener_busy(const struct listener *listener)
{
	const struct connections *connections = &listener->connections;

	return (unsigned)(connections->count - connections->by_state[CONNECTION_RESTING].count -
			  connections->by_state[CONNECTION_PARTING].count -
			  connections->by_state[CONNECTION_CLOSING].count) +
	       connections->orphans.count;
}

static unsigned listener_open(const struct listener *listener)
{
	return (unsigned)listener->connections.count + listener->connections.orphans.count +
	       accept_queue_waiting(&listener->accept_queue);
}

static void listener_count_refused(struct listener *listener, const char *reason)
{
	/* The service's listeners are one to their clients; the admin listener is another. */
	uint64_t key = hash_bytes(reason, strlen(reason), !!listener->connections.settings.pages);
	char again[REPEATS_TEXT_BYTES];

	metric_add(listener->connections.metrics, METRIC_http_refused_total, METRIC_LABELS(reason),
		   1);
	if (repeats_allow(REPEATS_FULL, key, loop_now(listener->connections.loop), again))
		log_warn("http", "connections are refused: %s%s", reason, again);
}

static void listener_on_connected(struct acceptor *acceptor, int fd, const struct sockaddr *address,
				  socklen_t address_len)
{
	struct listener *listener = listener_of_acceptor(acceptor);
	size_t closing = listener->connections.by_state[CONNECTION_CLOSING].count;
	struct caller *caller = callers_take(&listener->connections.callers, address);
	struct newcomer *newcomer;

	/* Those that are closing hold no place that counts: the library is about to end them. */
	if (listener_open(listener) - closing >= listener->connections.settings.connections_max &&
	    !share_yield_place(&listener->connections, caller)) {
		callers_release(&listener->connections.callers, caller);
		listener_count_refused(listener, "connections-max");
		refusal_full(&listener->connections, fd,
			     "There are as many connections as are allowed");
		return;
	}
	callers_hold(&listener->connections.callers, caller, CALLERS_PLACES, 1);
	newcomer = accept_queue_add(&listener->accept_queue, fd, address, address_len, caller);
	list_append(&caller->newcomers, &newcomer->of_caller);
}

/* It waits no more. */
static void listener_forget(struct listener *listener, struct newcomer *newcomer)
{
	list_remove(&newcomer->caller->newcomers, &newcomer->of_caller);
	callers_let_go(&listener->connections.callers, newcomer->caller, CALLERS_PLACES, 1);
	callers_release(&listener->connections.callers, newcomer->caller);
	free(newcomer);
}

/* As connections_owner.on_turned_away. */
static void listener_turn_away(struct connections *connections, struct newcomer *newcomer,
			       const char *detail)
{
	struct listener *listener = container_of(connections, struct listener, connections);

	accept_queue_remove(&listener->accept_queue, newcomer);
	refusal_full(&listener->connections, newcomer->fd, detail);
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
static void listener_let_in(struct listener *listener, unsigned places, unsigned scans)
{
	struct newcomer *newcomer;

	while (places && scans-- && (newcomer = accept_queue_take(&listener->accept_queue))) {
		places -= listener_add(listener, newcomer);
		/* What the client has sent already is read in this turn. */
		listener->connections.library_due = true;
	}
	if (accept_queue_waiting(&listener->accept_queue))
		loop_again(listener->connections.loop);
}

/* Accepts no more; all that were accepted are let in. */
static void listener_shut(struct listener *listener)
{
	for (unsigned i = 0; i < listener->sockets_count; i++)
		acceptor_stop(&listener->sockets[i].acceptor);
	listener_let_in(listener, UINT_MAX, UINT_MAX);
}

static void listener_on_full(struct acceptor *acceptor, int fd)
{
	struct listener *listener = listener_of_acceptor(acceptor);

	listener_count_refused(listener, "descriptors");
	refusal_full(&listener->connections, fd, "There is no file descriptor left");
}

/* --- once per turn ---------------------------------------------------------------------------- */

static void listener_set_gauges(struct listener *listener)
{
	struct metrics *metrics = listener->connections.metrics;
	unsigned open = listener_open(listener), busy = listener_busy(listener);

	if (listener->connections.settings.pages)
		return;
	if (open != listener->gauge_connections)
		metric_set(metrics, METRIC_http_connections, NULL, open);
	if (busy != listener->gauge_in_flight)
		metric_set(metrics, METRIC_http_requests_in_flight, NULL, busy);
	listener->gauge_connections = open;
	listener->gauge_in_flight = busy;
}

static void listener_on_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	container_of(watch, struct listener, watch)->connections.library_due = true;
}

static bool listener_resume_from(struct listener *listener, enum connection_state state,
				 enum connection_state next_state)
{
	struct list *list = &listener->connections.by_state[state];
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
	listener->connections.library_due = watchdog_after_run(&listener->watchdog);
}

/* Not where the library need not run for any connection until there is a reply. */
static bool listener_must_suspend(const struct listener *listener)
{
	return listener->connections.to_suspend && !connections_all_wait(&listener->connections);
}

static void listener_on_answer(struct loop_hook *hook)
{
	struct listener *listener = container_of(hook, struct listener, on_answer);
	bool resumed = listener_resume(listener);

	if (accept_queue_waiting(&listener->accept_queue)) {
		accept_queue_scan(&listener->accept_queue);
		listener_let_in(listener, HTTP_NEWCOMERS_PER_TURN, HTTP_ACCEPTS_PER_TURN);
	}
	if (resumed || listener->connections.library_due)
		listener_run(listener);
	/* Sends the replies that were put together; suspends what was handed to the router. */
	if (resumed || listener_must_suspend(listener))
		listener_run(listener);
	if (listener->connections.library_due)
		loop_again(listener->connections.loop);
}

/* Requests that were done after the replies of this turn left. */
static void listener_on_bury(struct loop_hook *hook)
{
	struct listener *listener = container_of(hook, struct listener, on_bury);

	if (!list_empty(&listener->connections.by_state[CONNECTION_DONE]) ||
	    !list_empty(&listener->connections.by_state[CONNECTION_FED]))
		loop_again(listener->connections.loop);
	client_gone_close(&listener->connections);
	deadlines_make_room(&listener->connections);
	if (!list_empty(&listener->connections.by_state[CONNECTION_CLOSING]))
		watchdog_force_out(&listener->watchdog);
	listener_set_gauges(listener);
	while (!list_empty(&listener->connections.orphans.dead))
		request_free(container_of(list_take_first(&listener->connections.orphans.dead),
					  struct request, link));
}

/* --- what has taken too long ------------------------------------------------------------------ */

/* False: there may be more. */
static bool listener_sweep(struct listener *listener)
{
	bool all = deadlines_sweep(&listener->connections);

	watchdog_check_soon(&listener->watchdog);
	chunked_replies_sweep(&listener->connections);
	return all;
}

static void listener_on_sweep_due(struct loop_timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, connections.sweep);
	int64_t pause_us = listener_sweep(listener) ? HTTP_SWEEP_US : 0;
	size_t count = listener->connections.count;
	int64_t now_us = loop_now(listener->connections.loop);

	memory_trim(&listener->peak, count, now_us);
	if (count || listener->peak >= HTTP_TRIM_CONNECTIONS)
		loop_timer_set(listener->connections.loop, timer, now_us + pause_us);
}

static const struct connections_owner listener_owner = {
	.on_half_closed = client_gone_on_half_closed,
	.on_sweep_due = listener_on_sweep_due,
	.on_watch_due = client_gone_on_watch_due,
	.on_turned_away = listener_turn_away,
};

/* --- life ------------------------------------------------------------------------------------- */

static bool listener_start(struct listener *listener)
{
	const struct listener_settings *settings = &listener->connections.settings;

	/* What strictness refuses before 1.0, the guard refuses with a problem document. */
	listener->connections.sees_lines = MHD_get_version()[0] == '0';
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, listener_on_call, listener, MHD_OPTION_EXTERNAL_LOGGER,
		listener_on_log, listener, MHD_OPTION_CONNECTION_LIMIT,
		settings->connections_max + HTTP_YIELDING_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		settings->connections_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		settings->connection_memory, MHD_OPTION_STRICT_FOR_CLIENT,
		listener->connections.sees_lines ? 0 : 1, MHD_OPTION_URI_LOG_CALLBACK,
		listener_on_target, NULL, MHD_OPTION_UNESCAPE_CALLBACK, listener_on_unescape, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, listener_on_connection, listener,
		MHD_OPTION_NOTIFY_COMPLETED, listener_on_completed, NULL, MHD_OPTION_END);
	return listener->daemon != NULL;
}

static void listener_attach(struct listener *listener)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	assert(info);
	listener->watch = (struct loop_watch){ .fd = -1, .on_ready = listener_on_ready };
	loop_watch(listener->connections.loop, &listener->watch, info->epoll_fd, EPOLLIN);
	listener->on_answer.on_turn = listener_on_answer;
	loop_hook_add(listener->connections.loop, &listener->on_answer, LOOP_STAGE_ANSWER);
	listener->on_bury.on_turn = listener_on_bury;
	loop_hook_add(listener->connections.loop, &listener->on_bury, LOOP_STAGE_BURY);
}

void listener_listen(struct listener *listener, int fd)
{
	struct listener_socket *socket = &listener->sockets[listener->sockets_count++];

	assert(listener->sockets_count <= LISTENS_MAX);
	socket->listener = listener;
	socket->acceptor.on_connection = listener_on_connected;
	socket->acceptor.on_full = listener_on_full;
	acceptor_init(&socket->acceptor, listener->connections.loop, fd);
	if (!listener->connections.settings.held)
		acceptor_start(&socket->acceptor);
}

void listener_accept(struct listener *listener)
{
	if (listener->connections.settings.held && !listener->connections.quiescing)
		for (unsigned i = 0; i < listener->sockets_count; i++)
			acceptor_start(&listener->sockets[i].acceptor);
	listener->connections.settings.held = false;
}

bool listener_has_newcomers(const struct listener *listener)
{
	for (unsigned i = 0; i < listener->sockets_count; i++)
		if (acceptor_has_newcomers(&listener->sockets[i].acceptor))
			return true;
	return false;
}

struct listener *listener_new(struct loop *loop, const struct listener_settings *settings,
			      struct metrics *metrics, char *error, size_t error_room)
{
	struct listener *listener;
	int fd = -1;

	assert(!settings->pages != !settings->handlers.on_request);
	if (settings->address) {
		fd = address_listen(settings->address, false, error, error_room);
		if (fd < 0)
			return NULL;
	}
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		log_fatal("http", "out of memory");
	connections_init(&listener->connections, &listener_owner, loop, settings, metrics);
	accept_queue_init(&listener->accept_queue);
	if (!listener_start(listener)) {
		snprintf(error, error_room, "libmicrohttpd did not start");
		if (fd >= 0)
			close(fd);
		connections_fini(&listener->connections);
		free(listener);
		return NULL;
	}
	watchdog_init(&listener->watchdog, &listener->connections, listener->daemon);
	listener_attach(listener);
	if (fd >= 0) {
		listener->port = address_port(fd);
		listener_listen(listener, fd);
	}
	return listener;
}

uint16_t listener_port(const struct listener *listener)
{
	return listener->port;
}

void listener_quiesce(struct listener *listener)
{
	if (listener->connections.quiescing)
		return;
	listener->connections.quiescing = true;
	listener_shut(listener);
	/* Requests that came with those connections are read before resting ones are closed. */
	listener_run(listener);
	(void)listener_sweep(listener); /* and what is left, when it is due */
	loop_again(listener->connections.loop);
}

static unsigned listener_closing_with_router(const struct listener *listener)
{
	unsigned count = 0;

	list_each (&listener->connections.by_state[CONNECTION_CLOSING], it)
		count += container_of(it, struct connection, link)->exchange.with_router;
	return count;
}

unsigned listener_in_flight(const struct listener *listener)
{
	if (!listener->connections.quiescing)
		return listener_busy(listener);
	/* A connection that rests may bring one more request until it is closed; one that was shut
	 * down brings nothing. */
	return listener_busy(listener) +
	       (unsigned)listener->connections.by_state[CONNECTION_RESTING].count +
	       accept_queue_waiting(&listener->accept_queue) +
	       listener_closing_with_router(listener);
}

void listener_free(struct listener *listener)
{
	assert(listener_busy(listener) == 0);
	while (!list_empty(&listener->connections.orphans.dead))
		request_free(container_of(list_take_first(&listener->connections.orphans.dead),
					  struct request, link));
	listener_shut(listener);
	loop_unwatch(listener->connections.loop, &listener->watch);
	loop_hook_remove(listener->connections.loop, &listener->on_answer, LOOP_STAGE_ANSWER);
	loop_hook_remove(listener->connections.loop, &listener->on_bury, LOOP_STAGE_BURY);
	MHD_stop_daemon(listener->daemon);
	listener_set_gauges(listener);
	watchdog_fini(&listener->watchdog);
	connections_fini(&listener->connections);
	free(listener);
}

const char *http_library_version(void)
{
	return MHD_get_version();
}

void listener_set_limits(struct listener *listener, size_t body_bytes_max,
			 int64_t request_timeout_us)
{
	listener->connections.settings.body_bytes_max = body_bytes_max;
	listener->connections.settings.request_timeout_us = request_timeout_us;
}
