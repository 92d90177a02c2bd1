/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's thread runs its loop; everything it owns is made before and freed after that. */
#include "cmd/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "cmd/after_job.h"
#include "cmd/documents.h"
#include "cmd/endpoints.h"
#include "cmd/in_flight.h"
#include "cmd/refreshes.h"
#include "http/auth/auth.h"
#include "http/http.h"
#include "read/read.h"
#include "read/warm.h"
#include "router/feed_keeper.h"
#include "router/feed_tables.h"
#include "router/heavy_hitters.h"
#include "router/permission.h"
#include "write/write.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKER_IDLE_TIMEOUT_US (75 * US_PER_S)
#define WORKER_POST_PAUSE_NS 1000000

/* Of all workers. */
static struct writes_shared worker_shared;
static struct job_occupancy worker_occupancy = JOB_OCCUPANCY_INIT;

struct worker {
	char name[16];
	struct loop *loop;
	struct metrics *metrics;
	struct listener *listener;
	struct router *router;
	struct auth *auth; /* NULL: all clients are served */
	struct reads reads;
	struct writes writes;
	struct refreshes refreshes;
	struct documents *documents;
	struct warm warm;               /* of one worker */
	struct feed_tables feed_tables; /* of the first worker, as the next */
	struct feed_keeper feed_keeper;
	struct in_flight_board in_flight;
	struct snapshot *hitters; /* outlives the router: the admin page reads it */
	pthread_t thread;
	struct worker_events events;

	struct letter refresh;
	atomic_bool refreshing; /* the letter is on its way */
	struct letter drain;
	bool draining;
	bool drains_when_open;
	struct loop_hook on_turn; /* while draining: is everything answered? */
};

/* A new catalog and new limits on their way to the worker; freed on delivery. */
struct worker_reload {
	struct letter letter;
	struct worker *worker;
	struct catalog *catalog;
	const struct options *options;
};

static void worker_post(struct worker *worker, struct letter *letter)
{
	const struct timespec pause = { .tv_nsec = WORKER_POST_PAUSE_NS };

	while (!loop_post(worker->loop, letter))
		nanosleep(&pause, NULL);
}

static void worker_on_refresh(struct letter *letter, struct loop *loop)
{
	struct worker *worker = container_of(letter, struct worker, refresh);

	(void)loop;
	atomic_store_explicit(&worker->refreshing, false, memory_order_release);
	router_refresh(worker->router);
}

void worker_refresh(struct worker *worker)
{
	if (atomic_exchange_explicit(&worker->refreshing, true, memory_order_acq_rel))
		return;
	if (!loop_post(worker->loop, &worker->refresh))
		atomic_store_explicit(&worker->refreshing, false, memory_order_release);
}

static void worker_on_reload(struct letter *letter, struct loop *loop)
{
	struct worker_reload *message = container_of(letter, struct worker_reload, letter);

	(void)loop;
	router_set_catalog(message->worker->router, message->catalog);
	router_set_options(message->worker->router, message->options);
	feed_tables_reload(&message->worker->feed_tables);
	writes_reload(&message->worker->writes);
	listener_set_limits(message->worker->listener, (size_t)message->options->body_bytes_max,
			    message->options->request_timeout_us);
	catalog_let_go(message->catalog);
	free(message);
}

void worker_reload(struct worker *worker, struct catalog *catalog, const struct options *options)
{
	struct worker_reload *message = calloc(1, sizeof(*message));

	assert(message);
	message->letter.on_delivery = worker_on_reload;
	message->worker = worker;
	message->catalog = catalog_hold(catalog);
	message->options = options;
	worker_post(worker, &message->letter);
}

/* Keys on their way to the worker; freed on delivery. */
struct worker_keys {
	struct letter letter;
	struct worker *worker;
	struct warm_list *list;
};

static void worker_on_keys(struct letter *letter, struct loop *loop)
{
	struct worker_keys *message = container_of(letter, struct worker_keys, letter);

	(void)loop;
	warm_give(&message->worker->warm, message->list);
	free(message);
}

void worker_ask_again(struct worker *worker, struct warm_list *list)
{
	struct worker_keys *message = calloc(1, sizeof(*message));

	assert(message);
	message->letter.on_delivery = worker_on_keys;
	message->worker = worker;
	message->list = list;
	warm_announce(&worker->warm);
	worker_post(worker, &message->letter);
}

bool worker_asks_again(const struct worker *worker)
{
	return warm_is_busy(&worker->warm);
}

static void worker_on_turn(struct loop_hook *hook)
{
	struct worker *worker = container_of(hook, struct worker, on_turn);

	if (listener_in_flight(worker->listener) == 0)
		loop_stop(worker->loop);
}

static void worker_quiesce(struct worker *worker)
{
	worker->draining = true;
	listener_quiesce(worker->listener);
	warm_stop(&worker->warm);
	writes_drain(&worker->writes);
	refreshes_drain(&worker->refreshes);
	worker->on_turn.on_turn = worker_on_turn;
	loop_hook_add(worker->loop, &worker->on_turn, LOOP_STAGE_BURY);
	loop_again(worker->loop);
}

static void worker_on_open(void *arg)
{
	struct worker *worker = arg;

	if (worker->draining)
		return;
	listener_accept(worker->listener);
	if (worker->drains_when_open)
		worker_quiesce(worker);
	else
		worker->events.on_open(worker->events.arg);
}

static void worker_on_drain(struct letter *letter, struct loop *loop)
{
	struct worker *worker = container_of(letter, struct worker, drain);

	(void)loop;
	worker->drains_when_open =
		!router_is_open(worker->router) && listener_has_newcomers(worker->listener);
	if (!worker->drains_when_open)
		worker_quiesce(worker);
}

void worker_drain(struct worker *worker)
{
	worker_post(worker, &worker->drain);
}

/* What it is to see has happened. */
static void worker_on_query(struct request *request, void *arg)
{
	struct worker *worker = arg;

	read_take(&worker->reads, request);
}

static void worker_write(struct worker *worker, struct request *request)
{
	refreshes_expect(&worker->refreshes, request);
	write_take(&worker->writes, request);
}

static void worker_on_request(struct request *request, void *arg)
{
	struct worker *worker = arg;

	if (request->after_job.ptr)
		after_job_take(request, &worker->writes, worker_on_query, worker);
	else if (request->kind == REQUEST_DOCUMENT)
		documents_take(worker->documents, request);
	else if (request->kind == REQUEST_QUERY)
		read_take(&worker->reads, request);
	else
		worker_write(worker, request);
}

static void worker_free_paths(struct worker *worker)
{
	in_flight_stop(&worker->in_flight);
	refreshes_fini(&worker->refreshes);
	warm_fini(&worker->warm);
	reads_fini(&worker->reads);
	writes_fini(&worker->writes);
	feed_keeper_stop(&worker->feed_keeper);
	feed_tables_stop(&worker->feed_tables);
	router_free(worker->router);
	if (worker->auth)
		auth_free(worker->auth);
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;

	loop_run(worker->loop);
	if (worker->draining)
		loop_hook_remove(worker->loop, &worker->on_turn, LOOP_STAGE_BURY);
	listener_free(worker->listener);
	worker_free_paths(worker);
	request_cache_fini();
	worker->events.on_end(worker->events.arg);
	return NULL;
}

/* Of a number for all loops together; rounded up. */
static unsigned worker_share(int64_t all, int64_t loops)
{
	return (unsigned)((all + loops - 1) / loops);
}

/* Of --workers, which are dealt out to the loops. */
static unsigned worker_jobs(unsigned number, const struct options *options)
{
	return (unsigned)((options->workers + options->loops - 1 - number) / options->loops);
}

static bool worker_serves_anonymous(const struct request *request, void *arg)
{
	const struct worker *worker = arg;

	return permission_anonymous(worker->router, request);
}

static bool worker_listen(struct worker *worker, const struct options *options,
			  const struct worker_http *http, char *error, size_t error_room)
{
	const struct listener_settings settings = {
		.held = true,
		.connections_max = worker_share(options->connections_max, options->loops),
		.connections_per_address =
			worker_share(options->connections_per_address, options->loops),
		.connection_memory = (size_t)options->http_connection_memory,
		.body_bytes_max = (size_t)options->body_bytes_max,
		.request_timeout_us = options->request_timeout_us,
		.idle_timeout_us = WORKER_IDLE_TIMEOUT_US,
		.stream_stall_us = options->stream_stall_us,
		.user_header = options->user_header,
		.auth = worker->auth,
		/* With auth it is asked anew for each request whether all clients are served. */
		.origins = { .checks_host = true,
			     .hosts = options->hosts.items,
			     .hosts_count = options->hosts.count,
			     .origins = options->cors_origins.items,
			     .origins_count = options->cors_origins.count },
		.handlers = { .on_request = worker_on_request,
			      .serves_anonymous = worker_serves_anonymous,
			      .arg = worker },
		.peers = &http->endpoints->peers,
		.audit = http->audit,
	};

	worker->listener =
		listener_new(worker->loop, &settings, worker->metrics, error, error_room);
	for (unsigned i = 0; worker->listener && i < http->endpoints->api_count; i++) {
		int fd = endpoint_listen(&http->endpoints->api[i], true, error, error_room);

		if (fd < 0) {
			listener_free(worker->listener);
			return false;
		}
		listener_listen(worker->listener, fd);
	}
	return worker->listener != NULL;
}

struct worker *worker_start(unsigned number, const struct router_shared *shared, unsigned conns,
			    const struct worker_http *http, struct catalog *catalog,
			    const struct worker_events *events, char *error, size_t error_room)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	assert(worker);
	snprintf(worker->name, sizeof(worker->name), "loop-%u", number);
	worker->loop = loop_new(worker->name);
	worker->metrics = metrics_new();
	worker->events = *events;
	worker->refresh.on_delivery = worker_on_refresh;
	worker->drain.on_delivery = worker_on_drain;
	worker->router = router_new(worker->loop, shared, conns, catalog, worker->metrics);
	reads_init(&worker->reads, worker->router, http->cache);
	writes_init(&worker->writes, worker->router, &worker_shared);
	refreshes_init(&worker->refreshes, worker->router, &worker->reads);
	in_flight_start(&worker->in_flight, &worker->reads, &worker->writes);
	if (http->warm)
		warm_start(&worker->warm, &worker->reads, http->cache->store, http->warm);
	worker->hitters = snapshot_new(sizeof(struct heavy_hitters));
	worker->documents = http->documents;
	worker->auth = http->auth ? auth_new(http->auth) : NULL;
	router_open_then(worker->router, worker_on_open, worker);
	router_publish_heavy_hitters(worker->router, worker->hitters);
	if (number == 0) {
		writes_work(&worker->writes, &worker_occupancy);
		feed_keeper_start(&worker->feed_keeper, worker->router);
	}
	if (number == 0 && shared->feed && feed_tables_wanted(shared->options, shared->nodes_count))
		feed_tables_start(&worker->feed_tables, worker->router);
	writes_run_jobs(&worker->writes, &worker_occupancy, worker_jobs(number, shared->options));
	if (!worker_listen(worker, shared->options, http, error, error_room)) {
		worker_free_paths(worker);
		snapshot_free(worker->hitters);
		in_flight_free(&worker->in_flight);
		metrics_free(worker->metrics);
		free(worker);
		return NULL;
	}
	if (pthread_create(&worker->thread, NULL, worker_run, worker) != 0)
		log_fatal("serve", "no thread can be had");
	return worker;
}

struct snapshot *worker_heavy_hitters(const struct worker *worker)
{
	return worker->hitters;
}

struct snapshot *worker_in_flight(const struct worker *worker)
{
	return worker->in_flight.snapshot;
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

void worker_free(struct worker *worker)
{
	loop_free(worker->loop);
	snapshot_free(worker->hitters);
	in_flight_free(&worker->in_flight);
	metrics_free(worker->metrics);
	free(worker);
}
