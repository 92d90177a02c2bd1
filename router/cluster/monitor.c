/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's thread: one loop, one conn to each node, one question at a time on it. What the
 * answers mean is router/cluster/topology_build.c; here is when to ask, and what to do
 * without an answer.
 *
 *   due ──► asked ──► answered: the next query one --lag-poll-ms after this one was asked, sooner
 *             │                 at a replica that may return, at once after monitor_poll_now
 *             └─────► silent:   a strike; an open conn that does not answer is given up
 *
 * A primary that has flushed half a record is asked for a WAL flush
 * (router/cluster/wal_flush.h). Each --resolve-ms a name check (router/cluster/name_check.h)
 * sees where a node's name leads by now. What it finds is looked at from then on where the
 * server that was is of no use, or loops are led elsewhere.
 *
 * A node is asked for its identity before its first status and whenever its life is a new one, and
 * for the token key until one of the nodes has told it. While there is no primary, every node is
 * asked often. What only a walsender tells is asked beside the status queries.
 */
#include "router/cluster/monitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pg/pool.h"
#include "pg/reconnect.h"
#include "router/cluster/replay_limits.h"
#include "router/cluster/standbys.h"
#include "router/cluster/topology_build.h"
#include "router/cluster/watched.h"
#include "router/cluster/watched_lives.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define POLL_NOW_US US_PER_MS /* status queries are at least this far apart */
#define CONNECT_TICK_US (20 * US_PER_MS)
#define RETURNING_POLLS 4     /* in the time of one, at a replica that is not in rotation */
#define KEY_AGAIN_US US_PER_S /* the schema may appear while we run */
#define ORPHANED_POLL_US (20 * US_PER_MS) /* between status queries while there is no primary */

#define NAME_CHECK_SOON_US US_PER_S /* while there is no primary, or conns of loops went astray */

#define FLUSH_SOON_US                                                                              \
	(5 * US_PER_MS) /* between two status queries to a primary that may need a WAL flush */

static struct pool *monitor_pool_of(void *arg, unsigned index);
static void monitor_take_options(struct monitor *monitor);
static void monitor_watch(struct monitor *monitor, unsigned index, const struct node *node);
static void *monitor_run(void *arg);
static void monitor_on_poll_now(struct letter *letter, struct loop *loop);
static void watched_on_timer(struct loop_timer *timer);
static void watched_on_call(struct call *call);
static void watched_on_history(struct history_ask *history);
static void watched_on_name_check(struct name_check *name_check, const struct node_status *status);

struct monitor *monitor_start(struct node *const *nodes, unsigned count,
			      const struct options *options, struct snapshot *topology,
			      const struct topology_events *events, const struct key_events *keys)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	sigset_t all, before;
	int error;

	if (!monitor)
		log_fatal("monitor", "no memory");
	monitor->loop = loop_new("monitor");
	monitor->metrics = metrics_new();
	monitor->count = count;
	cluster_init(&monitor->cluster, nodes, count, events);
	atomic_init(&monitor->options, options);
	monitor_take_options(monitor);
	questions_init(monitor->statements);
	publication_init(&monitor->publication, monitor->loop, &monitor->cluster, topology);
	monitor->poll_now.on_delivery = monitor_on_poll_now;
	for (unsigned i = 0; i < count; i++)
		monitor_watch(monitor, i, nodes[i]);
	key_reader_init(&monitor->keys, monitor->loop, &monitor->cluster, monitor->metrics, keys,
			monitor_pool_of, monitor);

	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&monitor->thread, NULL, monitor_run, monitor);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		log_fatal("monitor", "no thread: %s", strerror(error));
	return monitor;
}

void monitor_stop(struct monitor *monitor)
{
	loop_stop(monitor->loop);
	pthread_join(monitor->thread, NULL);
	loop_free(monitor->loop);
	metrics_free(monitor->metrics);
	questions_fini(monitor->statements);
	free(monitor);
}

void monitor_poll_now(struct monitor *monitor)
{
	if (atomic_exchange(&monitor->polling_now, true))
		return;
	if (!loop_post(monitor->loop, &monitor->poll_now))
		atomic_store(&monitor->polling_now, false);
}

void monitor_set_options(struct monitor *monitor, const struct options *options)
{
	atomic_store(&monitor->options, options);
	monitor_poll_now(monitor);
}

static void monitor_take_options(struct monitor *monitor)
{
	const struct options *options = atomic_load(&monitor->options);

	if (options == monitor->options_used)
		return;
	monitor->options_used = options;
	monitor->poll_us = options->lag_poll_us;
	monitor->resolve_us = options->resolve_us;
	monitor->patience_us = silence_limit_us(options);
	cluster_set_limits(&monitor->cluster, options);
}

static struct pool *monitor_pool_of(void *arg, unsigned index)
{
	const struct monitor *monitor = arg;

	return monitor->nodes[index].pool;
}

static void monitor_watch(struct monitor *monitor, unsigned index, const struct node *node)
{
	struct watched *watched = &monitor->nodes[index];

	watched->monitor = monitor;
	watched->index = index;
	watched->timer.on_due = watched_on_timer;
	arena_init(&watched->arena);
	buf_init(&watched->out);
	name_check_init(&watched->name_check, watched_on_name_check);
	watched->name_check.begun_us = loop_now(monitor->loop);
	history_ask_init(&watched->history, monitor->loop, &monitor->cluster, index,
			 watched_on_history);
	watched_lives_init(watched);
	watched->pool = pool_new(monitor->loop, node, monitor->metrics, &questions_pool);
	pool_set_role(watched->pool, NODE_REPLICA);
	loop_timer_set(monitor->loop, &watched->timer, loop_now(monitor->loop));
}

static void *monitor_run(void *arg)
{
	struct monitor *monitor = arg;

	loop_run(monitor->loop);
	key_reader_fini(&monitor->keys);
	for (unsigned i = 0; i < monitor->count; i++) {
		struct watched *watched = &monitor->nodes[i];

		loop_timer_cancel(monitor->loop, &watched->timer);
		history_ask_forget(&watched->history);
		life_writer_fini(&watched->life_writer);
		if (watched->asked)
			pool_forget(watched->pool, &watched->call);
		name_check_fini(&watched->name_check);
		pool_free(watched->pool);
		arena_fini(&watched->arena);
		buf_fini(&watched->out);
	}
	publication_fini(&monitor->publication);
	loop_turn(monitor->loop, 0);
	return NULL;
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool watched_wants_key(const struct watched *watched, int64_t now_us)
{
	const struct cluster *cluster = &watched->monitor->cluster;

	return watched->schema && !cluster->topology.key_known &&
	       cluster_ours(cluster, watched->index) && now_us >= watched->key_again_us;
}

/* The first status begins the first life. */
static unsigned watched_life(const struct watched *watched)
{
	unsigned life = watched->monitor->cluster.topology.nodes[watched->index].life;

	return life ? life : 1;
}

/* The schema may be there by now; a life may be another server's. */
static bool watched_wants_identity(const struct watched *watched, int64_t now_us)
{
	const struct topology *topology = &watched->monitor->cluster.topology;

	return watched->identified_life != watched_life(watched) ||
	       (!watched->schema && !topology->key_known && now_us >= watched->key_again_us);
}

/*
 * When to look whether waiting is still worth it; now or earlier: it is not. Without a conn there
 * is nothing to wait for but the one that is being made, and that for one turn.
 */
static int64_t watched_patient_until_us(const struct watched *watched)
{
	const struct monitor *monitor = watched->monitor;
	int64_t tick_us = loop_now(monitor->loop) + CONNECT_TICK_US;
	int64_t turn_us = watched->asked_us +
			  (monitor->poll_us > CONNECT_TICK_US ? monitor->poll_us : CONNECT_TICK_US);

	if (pool_connected(watched->pool))
		return silence_ends_us(&watched->silence, monitor->patience_us);
	if (!pool_conns(watched->pool, CONN_DIALING) && !pool_conns(watched->pool, CONN_CONNECTING))
		return 0;
	return tick_us < turn_us ? tick_us : turn_us;
}

static enum question watched_wants(const struct watched *watched)
{
	int64_t now_us = loop_now(watched->monitor->loop);

	if (watched_wants_identity(watched, now_us))
		return ASK_IDENTITY;
	if (watched_wants_key(watched, now_us))
		return ASK_KEY;
	if (watched_wants_lives(watched, now_us))
		return ASK_LIVES;
	if (watched->advice == WAL_FLUSH_NOW && !watched->refused[ASK_WAL_FLUSH])
		return ASK_WAL_FLUSH;
	return ASK_STATUS;
}

static void watched_ask_this(struct watched *watched, enum question question)
{
	struct monitor *monitor = watched->monitor;
	int64_t now_us = loop_now(monitor->loop);
	struct statement *statement = &monitor->statements[question];

	assert(!watched->asked);
	watched->question = question;
	if (question == ASK_WAL_FLUSH)
		watched->advice = WAL_FLUSH_NOT_DUE;
	/* Whatever happened to the last one, this is no slow statement. */
	atomic_store(&statement->running_us, 0);
	arena_reset(&watched->arena);
	buf_clear(&watched->out);
	watched->call = (struct call){
		.kind = CALL_QUERY,
		.statement = statement,
		.arena = &watched->arena,
		.out = &watched->out,
		.rows_max = 1,
		.on_done = watched_on_call,
	};
	if (!pool_connected(watched->pool))
		pool_dial_now(watched->pool);
	watched->asked = pool_submit(watched->pool, &watched->call);
	assert(watched->asked);
	watched->asked_us = now_us;
	silence_begin(&watched->silence, now_us);
	watched->poll_now = false;
	loop_timer_set(
		monitor->loop, &watched->timer,
		now_us + (pool_connected(watched->pool) ? monitor->patience_us : CONNECT_TICK_US));
}

static void watched_ask(struct watched *watched)
{
	monitor_take_options(watched->monitor);
	watched_ask_this(watched, watched_wants(watched));
}

/* Until the next status query. A replica that is there but not in rotation should not be kept
 * waiting. */
static int64_t watched_pause_us(const struct watched *watched)
{
	const struct monitor *monitor = watched->monitor;
	const struct node_view *view = &monitor->cluster.topology.nodes[watched->index];

	if (watched->poll_now)
		return POLL_NOW_US;
	if (monitor->cluster.topology.primary < 0 && monitor->poll_us > ORPHANED_POLL_US)
		return ORPHANED_POLL_US;
	if (watched->advice == WAL_FLUSH_ASK_SOON && FLUSH_SOON_US < monitor->poll_us)
		return FLUSH_SOON_US;
	if (view->role == NODE_REPLICA && !view->in_rotation &&
	    monitor->poll_us / RETURNING_POLLS > POLL_NOW_US)
		return monitor->poll_us / RETURNING_POLLS;
	return monitor->poll_us;
}

static unsigned watched_strays(const struct watched *watched)
{
	return atomic_load(&watched->monitor->cluster.nodes[watched->index]->reconnect->strays);
}

/* A conn that is lost is made anew anyway. */
static void watched_send_name_check(struct watched *watched)
{
	struct monitor *monitor = watched->monitor;
	bool soon =
		monitor->cluster.topology.primary < 0 || watched_strays(watched) != watched->strays;
	int64_t pause_us = soon && monitor->resolve_us > NAME_CHECK_SOON_US ? NAME_CHECK_SOON_US
									    : monitor->resolve_us;

	if (!monitor->resolve_us || watched->name_check.pool || !pool_connected(watched->pool) ||
	    loop_now(monitor->loop) < watched->name_check.begun_us + pause_us)
		return;
	name_check_begin(&watched->name_check, monitor->loop,
			 monitor->cluster.nodes[watched->index], monitor->metrics, &questions_pool,
			 &monitor->statements[ASK_STATUS]);
}

/* After an answer, or none. */
static void watched_rest(struct watched *watched)
{
	struct loop *loop = watched->monitor->loop;
	int64_t due_us = watched->asked_us + watched_pause_us(watched);

	assert(!watched->asked);
	watched_send_name_check(watched);
	loop_timer_set(loop, &watched->timer, due_us > loop_now(loop) ? due_us : loop_now(loop));
}

static void watched_silent(struct watched *watched, const char *reason)
{
	topology_build_silent(&watched->monitor->cluster, watched->index, reason);
	publication_has_news(&watched->monitor->publication);
	watched_rest(watched);
}

static void watched_on_timer(struct loop_timer *timer)
{
	struct watched *watched = container_of(timer, struct watched, timer);
	struct loop *loop = watched->monitor->loop;
	const char *reason;

	if (!watched->asked) {
		watched_ask(watched);
		return;
	}
	silence_excuse(&watched->silence, loop_now(loop) - timer->due_us, loop_now(loop));
	if (watched_patient_until_us(watched) > loop_now(loop)) {
		loop_timer_set(loop, timer, watched_patient_until_us(watched));
		return;
	}
	/* A conn that is still being made has a time-out of its own. */
	pool_forget(watched->pool, &watched->call);
	watched->asked = false;
	reason = pool_last_error(watched->pool);
	if (pool_connected(watched->pool)) {
		reason = "no answer";
		pool_abandon(watched->pool, "no answer to the monitor");
	}
	/* A commit may take its time, and a table be locked: that the node answers is for the next
	 * status query to tell. */
	if (watched->question == ASK_LIVES)
		watched_lives_are_late(watched);
	if (watched->question == ASK_WAL_FLUSH || watched->question == ASK_LIVES)
		watched_rest(watched);
	else
		watched_silent(watched, *reason ? reason : "no connection yet");
}

static void monitor_on_poll_now(struct letter *letter, struct loop *loop)
{
	struct monitor *monitor = container_of(letter, struct monitor, poll_now);

	atomic_store(&monitor->polling_now, false);
	for (unsigned i = 0; i < monitor->count; i++) {
		struct watched *watched = &monitor->nodes[i];

		if (!node_is_up(&monitor->cluster.topology.nodes[i]))
			continue;
		/* A status query that is out may have been answered already, before what is hoped
		 * for. */
		watched->poll_now = true;
		if (!watched->asked && watched->asked_us + POLL_NOW_US < watched->timer.due_us)
			loop_timer_set(loop, &watched->timer, watched->asked_us + POLL_NOW_US);
	}
}

/* --- names ----------------------------------------------------------------------------------- */

/* Another server answers by the node's name: is it to be looked at from now on? A balancer over
 * several servers would otherwise move us at each status query. */
static bool watched_should_move(const struct watched *watched, const struct node_status *status)
{
	const struct topology *topology = &watched->monitor->cluster.topology;
	const struct node_view *view = &topology->nodes[watched->index];

	if (watched_strays(watched) != watched->strays)
		return true;
	if (topology->primary < 0 && !status->in_recovery)
		return true;
	return !view->in_rotation;
}

static void watched_move(struct watched *watched, struct pool *pool)
{
	if (watched->asked)
		pool_forget(watched->pool, &watched->call);
	watched->asked = false;
	pool_free(watched->pool);
	watched->pool = pool;
	history_ask_forget(&watched->history);
	life_writer_forget(&watched->life_writer);
	watched->identified_life = 0;
	watched->identified_us = 0;
	watched->server[0] = '\0';
	memset(&watched->wal_flush, 0, sizeof(watched->wal_flush));
	watched->advice = WAL_FLUSH_NOT_DUE;
	topology_build_moved(&watched->monitor->cluster, watched->index);
	publication_has_news(&watched->monitor->publication);
	watched_ask(watched);
}

static void watched_on_name_check(struct name_check *name_check, const struct node_status *status)
{
	struct watched *watched = container_of(name_check, struct watched, name_check);
	const struct topology *topology = &watched->monitor->cluster.topology;
	int64_t started_us = topology->nodes[watched->index].started_us;
	bool elsewhere = status && status->started_us != started_us;
	unsigned strays = watched_strays(watched);

	if (elsewhere && watched_should_move(watched, status))
		watched_move(watched, name_check_keep(name_check));
	if (status)
		watched->strays = strays;
}

static void watched_on_history(struct history_ask *history)
{
	struct watched *watched = container_of(history, struct watched, history);

	publication_has_news(&watched->monitor->publication);
}

/* --- answers --------------------------------------------------------------------------------- */

/* PostgreSQL refuses to tell: said once, and lived without. */
static void watched_refused(struct watched *watched)
{
	if (!watched->refused[watched->question])
		questions_complain(&watched->call,
				   watched->monitor->cluster.nodes[watched->index]->name);
	watched->refused[watched->question] = true;
}

static void watched_on_identity(struct watched *watched, bool answered)
{
	struct topology *topology = &watched->monitor->cluster.topology;
	struct identity identity = { 0 };

	if (answered && !node_status_read_identity(
				(struct text){ watched->out.ptr, watched->out.len }, &identity))
		identity = (struct identity){ 0 };
	/* The conn was made anew, and led elsewhere. */
	if (*watched->server && *identity.server && strcmp(watched->server, identity.server) != 0)
		topology_build_moved(&watched->monitor->cluster, watched->index);
	memcpy(watched->server, identity.server, sizeof(watched->server));
	watched->identified_us = identity.started_us;
	topology_build_identified(&watched->monitor->cluster, watched->index,
				  identity.system_identifier);
	replay_limits_take(&watched->monitor->cluster, watched->index, identity.limits);
	topology_build_tells_lives(&watched->monitor->cluster, watched->index, identity.lives);
	watched->identified_life = watched_life(watched);
	watched->lives_late_us = 0; /* of the life before */
	watched->schema = identity.schema;
	watched->key_again_us = watched->schema ? 0 : watched->asked_us + KEY_AGAIN_US;
	if (answered && !identity.schema &&
	    cluster_ours(&watched->monitor->cluster, watched->index))
		topology->schema_missing = !topology->key_known;
	watched_ask(watched);
}

static void watched_on_key(struct watched *watched, bool answered)
{
	struct topology *topology = &watched->monitor->cluster.topology;

	watched->key_again_us = watched->asked_us + KEY_AGAIN_US;
	/* Another node may have told it while this one was asked. */
	if (!topology->key_known && answered &&
	    node_status_read_key((struct text){ watched->out.ptr, watched->out.len },
				 topology->key)) {
		topology->key_known = true;
		topology->schema_missing = false;
		log_info("monitor", "the token key is known");
	}
	watched_ask(watched);
}

/* What cannot wait for the next turn is asked now. */
static void watched_go_on(struct watched *watched)
{
	if (watched->advice == WAL_FLUSH_NOW ||
	    watched_wants_lives(watched, loop_now(watched->monitor->loop)))
		watched_ask(watched);
	else
		watched_rest(watched);
}

static void watched_on_standbys(struct watched *watched, bool answered)
{
	struct monitor *monitor = watched->monitor;
	struct standbys standbys = { .state = STANDBYS_UNREADABLE };

	watched->standbys_us = watched->asked_us + monitor->poll_us;
	if (answered)
		standbys_read(&standbys, (struct text){ watched->out.ptr, watched->out.len });
	topology_build_take_standbys(&monitor->cluster, watched->index, &standbys);
	watched_go_on(watched);
}

static void watched_on_status(struct watched *watched, bool answered)
{
	struct monitor *monitor = watched->monitor;
	struct node_status status;

	if (!answered ||
	    !node_status_read((struct text){ watched->out.ptr, watched->out.len }, &status)) {
		watched_silent(watched, "it answers with an error");
		return;
	}
	if (watched->identified_us && status.started_us != watched->identified_us) {
		/* Not of the server that told its identity: first things first. */
		watched->identified_us = 0;
		watched->identified_life = 0;
		watched_ask(watched);
		return;
	}
	topology_build_answered(&monitor->cluster, watched->index, &status, watched->call.sent_us,
				loop_now(monitor->loop));
	history_ask_on_status(&watched->history);
	watched->advice = monitor->cluster.topology.primary == (int)watched->index
				  ? wal_flush_advise(&watched->wal_flush, &status)
				  : WAL_FLUSH_NOT_DUE;
	watched_begin_life(watched, &questions_pool);
	/* Settings change at any time. */
	if (topology_build_wants_standbys(&monitor->cluster, watched->index, &status) &&
	    loop_now(monitor->loop) >= watched->standbys_us)
		watched_ask_this(watched, ASK_STANDBYS);
	else
		watched_go_on(watched);
}

static void watched_on_call(struct call *call)
{
	struct watched *watched = container_of(call, struct watched, call);
	bool answered = call->end == CALL_OK && call->rows == 1;

	assert(watched->asked);
	watched->asked = false;
	publication_has_news(&watched->monitor->publication);
	if (call->end == CALL_UNSENT || call->end == CALL_LOST) {
		watched_silent(watched, call->lost_reason);
		return;
	}
	if (call->end == CALL_ERROR)
		watched_refused(watched);
	else
		watched->refused[watched->question] = false;
	switch (watched->question) {
	case ASK_IDENTITY:
		watched_on_identity(watched, answered);
		return;
	case ASK_KEY:
		watched_on_key(watched, answered);
		return;
	case ASK_LIVES:
		watched_on_lives(watched, answered);
		watched_ask(watched);
		return;
	case ASK_STANDBYS:
		watched_on_standbys(watched, answered);
		return;
	case ASK_STATUS:
		watched_on_status(watched, answered);
		return;
	case ASK_WAL_FLUSH:
		watched->poll_now = true;
		watched_rest(watched);
		return;
	case QUESTIONS:
		break;
	}
	assert(!"a question");
}
