/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serve verb. The main thread makes everything, serves the admin listener, hears signals, and
 * frees everything in reverse. Life of the service:
 *
 *   starting ──► serving ──SIGTERM──► delaying ──over──► draining ──all answered──► exit 0
 *                  │  ▲                   └─────────────────┴──a second signal──► exit 1
 *                  └──┘ SIGHUP: the catalog is read again     or drain-ms over
 *
 * Starting: connections wait in the backlog until the nodes were looked at (router/readiness.h).
 */
#include "base/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmd/admin.h"
#include "cmd/admin_listener.h"
#include "cmd/admin_token.h"
#include "cmd/descriptors.h"
#include "cmd/documents.h"
#include "cmd/endpoints.h"
#include "cmd/jobs_desk.h"
#include "cmd/serve_auth.h"
#include "cmd/serve_cache.h"
#include "cmd/serve_feed.h"
#include "cmd/serve_keys.h"
#include "cmd/serve_warm.h"
#include "cmd/start.h"
#include "cmd/verbs.h"
#include "cmd/version.h"
#include "cmd/worker.h"
#include "pg/admission/concurrency.h"
#include "router/feed_tables.h"
#include "router/ratelimit.h"
#include "router/requirement.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define SERVE_DRAIN_GRACE_US (50 * US_PER_MS) /* an idle service ends well even with --drain-ms 0 */

struct serve {
	struct options options;
	int argc;
	char **argv; /* for SIGHUP */
	struct node *nodes[NODES_MAX];
	unsigned nodes_count;
	struct catalog *catalog;
	struct snapshot *topology;
	struct sessions *sessions;
	struct high_water high_water, acknowledged;
	struct feed_shared feed;
	struct cache *cache;     /* NULL: no answers are kept */
	struct serve_warm *warm; /* NULL: without --cache-warm */
	struct documents *documents;
	struct serve_keys keys;
	struct serve_auth auth;
	struct monitor *monitor;
	struct ratelimit *ratelimit;
	struct router_shared shared;
	struct worker *workers[LOOPS_MAX];
	unsigned workers_count;
	_Atomic unsigned workers_published; /* what the monitor's thread may wake */

	struct endpoints endpoints;
	struct audit *audit; /* NULL: there is no audit log */

	struct loop *loop;
	struct metrics *metrics;
	struct admin admin;
	struct listener *listener;
	struct loop_watch signals;
	struct loop_timer drain_over;
	struct letter ended; /* a worker has ended; the last one posts it */
	atomic_uint workers_left;
	struct letter opened;       /* every worker serves; the last one posts it */
	_Atomic unsigned readiness; /* workers that do not serve yet */
	bool announced;             /* READY=1 was said */
	struct loop_timer delay;    /* draining: requests are still taken */
	int code;
};

/* What a reload reads. */
struct reread {
	const struct options *options;
	struct catalog *catalog;
	struct admin_tokens tokens;
	struct keys_lines keys;
};

/* --- messages before and after the start ---------------------------------------------------- */

/* Before the service runs they are for a person at a terminal; afterwards for the log. */
static void serve_tell_lines(const struct serve *serve, const struct buf *lines)
{
	const char *at = lines->ptr, *end = at ? at + lines->len : NULL;

	while (at && at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		int len = (int)((line ? line : end) - at);

		if (serve->catalog || serve->options.log_format == LOG_JSON)
			log_warn("catalog", "%.*s", len, at);
		else
			fprintf(stderr, "%.*s\n", len, at);
		at = line ? line + 1 : end;
	}
}

/* NULL: the catalog has errors, or a rate limit does not fit it; both were logged. */
static struct catalog *serve_load(struct serve *serve, const struct options *options)
{
	struct buf lines;
	struct catalog *catalog;

	buf_init(&lines);
	catalog = catalog_load(serve->options.catalog, serve->catalog, &lines);
	if (catalog) {
		bool good;

		catalog_set_int8(catalog, options->int8 == 1);
		if (serve->options.check_not_null)
			catalog_check_not_null(catalog);
		catalog_notes(catalog, &lines);
		good = ratelimit_check(&options->rate_limits, catalog, &lines);
		if (!good) {
			catalog_let_go(catalog);
			catalog = NULL;
		}
	}
	serve_tell_lines(serve, &lines);
	buf_fini(&lines);
	return catalog;
}

/* Nothing is changed before all of it is there. NULL: it is; else what is wrong. */
static const char *serve_reread(struct serve *serve, struct reread *reread)
{
	const char *path = serve->options.admin_token_file;
	char error[512];

	reread->options = start_options_again(VERB_SERVE, "serve", serve->argc, serve->argv);
	if (!reread->options)
		return "an option is wrong";
	if (path && !admin_tokens_read(&reread->tokens, path, error, sizeof(error))) {
		log_error("serve", "--admin-token-file: %s", error);
		return "the file of tokens has errors";
	}
	if (!keys_lines_init(&reread->keys, reread->options, true))
		return "the --keys-file has errors";
	if (!serve_jwt_prepare(&serve->auth.jwt, error, sizeof(error))) {
		log_error("serve", "keys of JWTs: %s", error);
		return "the file of keys of JWTs has errors";
	}
	reread->catalog = serve_load(serve, reread->options);
	return reread->catalog ? NULL : "the catalog or a rate limit has errors";
}

static void serve_reload(struct serve *serve)
{
	struct reread reread = { .options = NULL };
	const char *wrong;

	if (serve->admin.draining)
		return;
	/* Whatever becomes of the rest: its old file may be gone already. */
	if (serve->audit)
		audit_reopen(serve->audit);
	wrong = serve_reread(serve, &reread);
	if (wrong) {
		log_error("serve", "nothing is reloaded: %s", wrong);
		keys_lines_fini(&reread.keys);
		return;
	}
	if (serve->announced)
		sd_notify(0, "RELOADING=1");
	log_set_level((enum log_level)reread.options->log_level);
	serve_cache_number(serve->cache, reread.catalog);
	for (unsigned i = 0; i < serve->workers_count; i++)
		worker_reload(serve->workers[i], reread.catalog, reread.options);
	monitor_set_options(serve->monitor, reread.options);
	serve->admin.tokens = reread.tokens;
	serve_keys_take(&serve->keys, &reread.keys);
	serve_jwt_take(&serve->auth.jwt);
	keys_lines_fini(&reread.keys);
	catalog_let_go(serve->catalog);
	serve->catalog = reread.catalog;
	serve_warm_reload(serve->warm, serve->catalog);
	documents_reload(serve->documents, serve->catalog);
	serve->admin.operations = serve->catalog->count;
	log_info("serve", "catalog reloaded: %u operations", serve->catalog->count);
	if (serve->announced)
		sd_notify(0, "READY=1");
}

/* Other threads run on meanwhile. */
static void __attribute__((noreturn)) serve_end_at_once(struct serve *serve)
{
	endpoints_close(&serve->endpoints);
	if (serve->audit)
		audit_settle(serve->audit);
	_exit(EXIT_FAILED);
}

static void serve_on_drain_over(struct loop_timer *timer)
{
	struct serve *serve = container_of(timer, struct serve, drain_over);

	log_error("serve", "not everything was answered within --drain-ms; stopping now");
	serve_end_at_once(serve);
}

/* The delay is over, or there is none. */
static void serve_quiesce(struct serve *serve)
{
	log_info("serve", "draining: answering what was accepted");
	serve->drain_over.on_due = serve_on_drain_over;
	loop_timer_set(serve->loop, &serve->drain_over,
		       loop_now(serve->loop) + serve->options.drain_us + SERVE_DRAIN_GRACE_US);
	endpoints_leave_api(&serve->endpoints);
	serve_warm_drain(serve->warm);
	for (unsigned i = 0; i < serve->workers_count; i++)
		worker_drain(serve->workers[i]);
}

static void serve_on_delay_over(struct loop_timer *timer)
{
	serve_quiesce(container_of(timer, struct serve, delay));
}

static void serve_drain(struct serve *serve)
{
	if (serve->admin.draining) {
		log_warn("serve", "a second signal: stopping at once");
		serve_end_at_once(serve);
	}
	sd_notify(0, "STOPPING=1");
	serve->admin.draining = true;
	if (!serve->options.drain_delay_us) {
		serve_quiesce(serve);
		return;
	}
	log_info("serve", "/readyz says 503; requests are taken for another %lld ms",
		 (long long)(serve->options.drain_delay_us / US_PER_MS));
	serve->delay.on_due = serve_on_delay_over;
	loop_timer_set(serve->loop, &serve->delay,
		       loop_now(serve->loop) + serve->options.drain_delay_us);
}

static void serve_on_signal(struct loop_watch *watch, uint32_t events)
{
	struct serve *serve = container_of(watch, struct serve, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			serve_reload(serve);
		else
			serve_drain(serve);
	}
}

static void serve_on_ended(struct letter *letter, struct loop *loop)
{
	(void)letter;
	loop_stop(loop);
}

static void serve_announce(struct serve *serve);

static void serve_on_opened(struct letter *letter, struct loop *loop)
{
	struct serve *serve = container_of(letter, struct serve, opened);

	(void)loop;
	if (!serve->admin.draining)
		serve_announce(serve);
}

/* On the worker's thread. */
static void serve_on_worker_open(void *arg)
{
	struct serve *serve = arg;

	if (atomic_fetch_sub(&serve->readiness, 1) != 1)
		return;
	if (!loop_post(serve->loop, &serve->opened))
		log_fatal("serve", "the main loop takes no letters");
}

/* On the worker's thread, last of all. */
static void serve_on_worker_end(void *arg)
{
	struct serve *serve = arg;

	if (atomic_fetch_sub(&serve->workers_left, 1) != 1)
		return;
	if (!loop_post(serve->loop, &serve->ended))
		log_fatal("serve", "the main loop takes no letters");
}

/* On the monitor's thread. */
static void serve_on_topology(void *arg)
{
	struct serve *serve = arg;
	unsigned count = atomic_load_explicit(&serve->workers_published, memory_order_acquire);

	for (unsigned i = 0; i < count; i++)
		worker_refresh(serve->workers[i]);
}

static void serve_on_promoted(void *arg, const struct history *history,
			      const struct branches *branches, struct position position)
{
	struct serve *serve = arg;

	sessions_promoted(serve->sessions, history, branches, position);
}

static struct position serve_acknowledged(void *arg)
{
	const struct serve *serve = arg;

	return high_water_get(&serve->acknowledged);
}

/* --- starting, in the order in which things need each other; each complains by itself -------- */

static bool serve_add_node(struct serve *serve, const char *option, const char *conninfo)
{
	char error[256];

	if (serve->nodes_count == NODES_MAX) {
		fprintf(stderr, "cqrsd serve: more than %d nodes\n", NODES_MAX);
		return false;
	}
	serve->nodes[serve->nodes_count] =
		node_new(serve->nodes_count, conninfo, error, sizeof(error));
	if (!serve->nodes[serve->nodes_count]) {
		fprintf(stderr, "cqrsd serve: %s: %s\n", option, error);
		return false;
	}
	node_show(serve->nodes[serve->nodes_count++],
		  (enum node_in_replies)serve->options.node_in_replies);
	return true;
}

static bool serve_make_nodes(struct serve *serve)
{
	if (!serve_add_node(serve, "--primary", serve->options.primary))
		return false;
	for (size_t i = 0; i < serve->options.replicas.count; i++)
		if (!serve_add_node(serve, "--replica", serve->options.replicas.items[i]))
			return false;
	return true;
}

static bool serve_check_user_header(const struct options *options)
{
	const char *wrong = user_header_wrong(options->user_header);

	if (wrong)
		fprintf(stderr, "cqrsd serve: --user-header: %s %s\n", options->user_header, wrong);
	return !wrong;
}

static void serve_hear_signals(struct serve *serve)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		log_fatal("serve", "no signalfd can be had");
	serve->signals = (struct loop_watch){ .fd = -1, .on_ready = serve_on_signal };
	loop_watch(serve->loop, &serve->signals, fd, EPOLLIN);
}

/* False: it was said on stderr. */
static bool serve_open_audit(struct serve *serve)
{
	char error[512];

	if (!serve->options.audit_log)
		return true;
	serve->audit = audit_open(serve->options.audit_log, error, sizeof(error));
	if (!serve->audit)
		fprintf(stderr, "cqrsd serve: --audit-log: %s\n", error);
	return serve->audit;
}

static bool serve_listen_admin(struct serve *serve)
{
	serve->admin.nodes = serve->nodes;
	serve->admin.reader = snapshot_reader_new(serve->topology);
	serve->admin.sessions = serve->sessions;
	serve->admin.cache = serve->cache;
	serve->admin.keys = &serve->keys;
	serve->admin.metrics = serve->metrics;
	serve->admin.operations = serve->catalog->count;
	serve->admin.catalog = &serve->catalog;
	serve->admin.jobs = jobs_desk_new(serve->loop, serve->metrics);
	serve->admin.readiness = &serve->readiness;
	serve->admin.shares_sessions = serve->options.sessions == SESSIONS_CLUSTER;
	serve->listener =
		admin_listen(&serve->admin, serve->loop, &serve->options, &serve->endpoints.admin,
			     serve->audit ? audit_queue_new(serve->audit) : NULL);
	return serve->listener;
}

static bool serve_start_workers(struct serve *serve)
{
	unsigned loops = (unsigned)serve->options.loops;
	unsigned conns = (unsigned)serve->options.pool_conns;
	const struct worker_events events = { .on_open = serve_on_worker_open,
					      .on_end = serve_on_worker_end,
					      .arg = serve };
	struct worker_http http = { .endpoints = &serve->endpoints,
				    .auth = serve->auth.off ? NULL : &serve->auth.settings,
				    .cache = serve->cache,
				    .documents = serve->documents };
	char error[256];

	atomic_store(&serve->workers_left, loops);
	atomic_store(&serve->readiness, loops);
	serve->ended.on_delivery = serve_on_ended;
	serve->opened.on_delivery = serve_on_opened;
	for (unsigned i = 0; i < loops; i++) {
		http.audit = serve->audit ? audit_queue_new(serve->audit) : NULL;
		http.warm = i == 0 ? serve_warm_events(serve->warm) : NULL;
		serve->workers[i] =
			worker_start(i, &serve->shared, conns / loops + (i < conns % loops), &http,
				     serve->catalog, &events, error, sizeof(error));
		if (!serve->workers[i]) {
			fprintf(stderr, "cqrsd serve: --listen: %s\n", error);
			return false;
		}
		serve->admin.hitters[i] =
			snapshot_reader_new(worker_heavy_hitters(serve->workers[i]));
		serve->admin.in_flight[i] =
			snapshot_reader_new(worker_in_flight(serve->workers[i]));
		serve->workers_count++;
		serve->admin.loops_count = serve->workers_count;
	}
	if (serve->audit)
		audit_start(serve->audit);
	serve_warm_start(serve->warm, serve->workers[0]);
	atomic_store_explicit(&serve->workers_published, loops, memory_order_release);
	/* What was published before the loops could be woken. */
	serve_on_topology(serve);
	return true;
}

static void serve_share(struct serve *serve)
{
	const struct topology_events events = {
		.on_promoted = serve_on_promoted,
		.acknowledged = serve_acknowledged,
		.on_change = serve_on_topology,
		.arg = serve,
	};

	serve->topology = snapshot_new(sizeof(struct topology));
	serve->cache = serve_cache_start(&serve->options);
	serve_cache_number(serve->cache, serve->catalog);
	serve->warm = serve_warm_new(&serve->options, serve->cache, serve->catalog);
	serve->documents = documents_start(&serve->options, serve->topology, serve->catalog);
	serve->sessions = sessions_new((size_t)serve->options.session_slots);
	serve->ratelimit = ratelimit_new(RATE_SLOTS);
	serve_auth_init(&serve->auth, &serve->options, serve->keys.store);
	serve->monitor = monitor_start(serve->nodes, serve->nodes_count, &serve->options,
				       serve->topology, &events, &serve->keys.events);
	serve->shared = (struct router_shared){
		.nodes = serve->nodes,
		.nodes_count = serve->nodes_count,
		.options = &serve->options,
		.topology = serve->topology,
		.sessions = serve->sessions,
		.high_water = &serve->high_water,
		.acknowledged = &serve->acknowledged,
		.monitor = serve->monitor,
		.ratelimit = serve->ratelimit,
		.feed = feed_tables_wanted(&serve->options, serve->nodes_count) ? &serve->feed
										: NULL,
		.callers_known = serve_auth_callers_known,
		.callers_arg = &serve->auth,
	};
}

static void serve_announce(struct serve *serve)
{
	log_info("serve", "cqrsd %s (%s): %u operations, %u nodes, %u loops", version_text(),
		 revision_text(), serve->catalog->count, serve->nodes_count, serve->workers_count);
	log_info("serve", "a session query sees what its user wrote through %s",
		 serve->options.sessions == SESSIONS_CLUSTER ? "any instance (--sessions cluster)"
							     : "this instance (--sessions local)");
	serve_cache_announce(&serve->options, serve->catalog, serve->nodes_count);
	if (serve->options.limit != CONCURRENCY_OFF)
		log_info("serve", "a node may have %lld batches at once (--limit %s, %lld cores%s)",
			 (long long)(2 * serve->options.node_cores),
			 serve->options.limit == CONCURRENCY_FIXED ? "fixed"
								   : "adaptive: for a beginning",
			 (long long)serve->options.node_cores,
			 serve->options.node_cores_guessed ? ", as this machine: --node-cores"
							   : "");
	endpoints_announce(&serve->endpoints);
	sd_notify(0, "READY=1");
	serve->announced = true;
	documents_prepare(serve->documents);
}

/* --- and in reverse ------------------------------------------------------------------------- */

static void serve_stop(struct serve *serve)
{
	for (unsigned i = 0; i < serve->workers_count; i++)
		worker_join(serve->workers[i]);
	serve_warm_stop(serve->warm);
	documents_stop(serve->documents);
	loop_timer_cancel(serve->loop, &serve->delay);
	loop_timer_cancel(serve->loop, &serve->drain_over);
	atomic_store(&serve->workers_published, 0);
	monitor_stop(serve->monitor);
	endpoints_close(&serve->endpoints);
	listener_quiesce(serve->listener);
	while (listener_in_flight(serve->listener))
		loop_turn(serve->loop, US_PER_MS);
	listener_free(serve->listener);
	jobs_desk_free(serve->admin.jobs);
	if (serve->audit)
		audit_close(serve->audit);
	for (unsigned i = 0; i < serve->nodes_count; i++)
		node_free(serve->nodes[i]);
	for (unsigned i = 0; i < serve->workers_count; i++) {
		snapshot_reader_free(serve->admin.hitters[i]);
		snapshot_reader_free(serve->admin.in_flight[i]);
		worker_free(serve->workers[i]);
	}
	serve_cache_stop(serve->cache);
	loop_unwatch(serve->loop, &serve->signals);
	snapshot_reader_free(serve->admin.reader);
	snapshot_free(serve->topology);
	sessions_free(serve->sessions);
	serve_keys_fini(&serve->keys);
	ratelimit_free(serve->ratelimit);
	serve_auth_fini(&serve->auth);
	catalog_let_go(serve->catalog);
	request_cache_fini();
	loop_free(serve->loop);
	metrics_free(serve->metrics);
	log_info("serve", "stopped");
}

int serve_main(int argc, char **argv)
{
	static struct serve serve;
	int code;

	serve.argc = argc;
	serve.argv = argv;
	if (!start_options(&serve.options, VERB_SERVE, "serve", argc, argv, &code))
		return code;
	if (!serve_make_nodes(&serve) || !endpoints_check_browsers(&serve.options) ||
	    !serve_check_user_header(&serve.options) || !serve_cache_check(&serve.options) ||
	    !serve_auth_check(&serve.options) || !endpoints_check(&serve.options) ||
	    !endpoints_read_peers(&serve.endpoints, &serve.options) ||
	    !serve_auth_check_peers(&serve.options, &serve.endpoints.peers) ||
	    !admin_read_tokens(&serve.admin, &serve.options))
		return EXIT_USAGE;
	serve.catalog = serve_load(&serve, &serve.options);
	if (!serve.catalog || !serve_keys_start(&serve.keys, &serve.options) ||
	    !serve_jwt_start(&serve.auth.jwt, &serve.options) ||
	    !serve_feed_check(&serve.options, serve.nodes_count))
		return EXIT_FAILED;
	descriptors_provide(&serve.options, serve.nodes_count);
	serve.loop = loop_new("main");
	serve.metrics = metrics_new();
	serve_hear_signals(&serve);
	serve_share(&serve);
	if (!serve_open_audit(&serve) || !endpoints_open(&serve.endpoints, &serve.options) ||
	    !serve_listen_admin(&serve) || !serve_start_workers(&serve))
		serve_end_at_once(&serve);
	loop_run(serve.loop);
	serve_stop(&serve);
	return EXIT_DONE;
}
