/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's thread: one loop, one conn to each node, one question at a time on it. What the
 * answers mean is router/views.c; here is when to ask, what to do when nobody answers, and when to
 * publish.
 *
 *   due ──► asked ──► answered: the next look one --lag-poll-ms after this one was asked, sooner
 *             │                 at a replica that may return, at once when somebody hurries
 *             └─────► silent:   a strike; an open conn that does not answer is given up
 *
 * A primary that has flushed half a record is nudged (router/nudge.h).
 * Each --resolve-ms a scout (router/scout.h) sees where a node's name leads by now. What it finds
 * is looked at from then on where the server that was is of no use, or loops are led elsewhere.
 *
 * A node is asked for its identity before its first look and whenever its life is a new one, and
 * for the token key until one of the nodes has told it. While there is no primary, every node is
 * looked at often. What only a walsender tells is asked beside the looks.
 */
#include "router/monitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pg/pool.h"
#include "pg/reach.h"
#include "pg/timeline.h"
#include "router/history.h"
#include "router/nudge.h"
#include "router/poll.h"
#include "router/scout.h"
#include "router/views.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HURRY_US US_PER_MS /* looks and publications are at least this far apart */
#define PATIENCE_US_MIN (100 * US_PER_MS)
#define CONNECT_TICK_US (20 * US_PER_MS)
#define RETURNING_LOOKS 4 /* in the time of one, at a replica that is not in rotation */
#define CONNECT_US_MAX (3 * US_PER_S)
#define KEY_AGAIN_US US_PER_S             /* the schema may appear while we run */
#define ORPHANED_LOOK_US (20 * US_PER_MS) /* between looks while there is no primary */
#define HISTORY_US_MAX US_PER_S           /* a new primary waits no longer for its history */
#define HISTORY_AGAIN_US (250 * US_PER_MS)
#define HISTORY_REFUSED_US (5 * US_PER_S) /* doubled by each refusal in a row */
#define HISTORY_REFUSALS_MAX 7

#define SCOUT_SOON_US US_PER_S /* while there is no primary, or conns of loops went astray */

#define CONFIRM_US (5 * US_PER_MS) /* between two looks at a primary that may need a nudge */

enum question { ASK_IDENTITY, ASK_KEY, ASK_LOOK, ASK_NUDGE, QUESTIONS };

/* One node being watched. */
struct watched {
	struct monitor *monitor;
	unsigned index;
	struct pool *pool;
	struct loop_timer timer; /* while asked: its patience; otherwise: when to ask */
	bool asked;
	bool hurried; /* the next look need not wait for its turn */
	int64_t asked_us;
	enum question question;   /* being asked, or next */
	unsigned identified_life; /* of the view, when it was asked for its identity; 0: never */
	int64_t identified_us;    /* the start of the server that told it; 0: nothing told */
	char server[POLL_SERVER_BYTES]; /* the address that it told; "": none yet */
	bool schema;                    /* it has the table of the token key */
	int64_t key_again_us;           /* no sooner */
	struct nudge nudge;
	enum nudge_advice advice;     /* what comes of the last look */
	bool refused[QUESTIONS];      /* answered with an error, and said so */
	struct timeline_ask *history; /* under way, or NULL */
	uint32_t history_of;          /* what was asked for last */
	int64_t history_again_us;     /* the same no sooner */
	unsigned history_refusals;    /* in a row */
	struct scout scout;
	unsigned strays; /* of reach, when the name was followed last */
	struct call call;
	struct arena arena;
	struct buf out;
};

struct monitor {
	struct loop *loop;
	pthread_t thread;
	struct metrics *metrics;
	struct snapshot *snapshot;
	void (*on_change)(void *arg);
	void *arg;
	int64_t poll_us, patience_us, resolve_us;

	struct letter hurry;
	atomic_bool hurrying;                    /* the letter is on its way */
	_Atomic(const struct options *) options; /* the newest; taken over before the next look */
	const struct options *options_used;

	struct views views;
	struct topology published;
	int64_t published_us;
	bool news; /* something was learned since */
	struct loop_hook hook;
	struct loop_timer publish_at;

	struct statement statements[QUESTIONS];
	unsigned count;
	struct watched nodes[NODES_MAX];
};

static void monitor_take_options(struct monitor *monitor);
static void monitor_prepare(struct monitor *monitor);
static void monitor_watch(struct monitor *monitor, unsigned index, const struct node *node);
static void *monitor_run(void *arg);
static void monitor_on_turn(struct loop_hook *hook);
static void monitor_on_publish_at(struct loop_timer *timer);
static void monitor_on_hurry(struct letter *letter, struct loop *loop);
static void watched_on_timer(struct loop_timer *timer);
static void watched_on_call(struct call *call);
static void watched_on_scout(struct scout *scout, const struct look *look);

struct monitor *monitor_start(struct node *const *nodes, unsigned count,
			      const struct options *options, struct snapshot *topology,
			      struct sessions *sessions, void (*on_change)(void *arg), void *arg)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	sigset_t all, before;
	int error;

	if (!monitor)
		log_fatal("monitor", "no memory");
	monitor->loop = loop_new("monitor");
	monitor->metrics = metrics_new();
	monitor->snapshot = topology;
	monitor->on_change = on_change;
	monitor->arg = arg;
	monitor->count = count;
	views_init(&monitor->views, nodes, count, sessions);
	atomic_init(&monitor->options, options);
	monitor_take_options(monitor);
	monitor_prepare(monitor);
	for (unsigned i = 0; i < count; i++)
		monitor_watch(monitor, i, nodes[i]);

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
	for (unsigned i = 0; i < QUESTIONS; i++)
		statement_fini(&monitor->statements[i]);
	free(monitor);
}

void monitor_hurry(struct monitor *monitor)
{
	if (atomic_exchange(&monitor->hurrying, true))
		return;
	if (!loop_post(monitor->loop, &monitor->hurry))
		atomic_store(&monitor->hurrying, false);
}

void monitor_set_options(struct monitor *monitor, const struct options *options)
{
	atomic_store(&monitor->options, options);
	monitor_hurry(monitor);
}

static void monitor_take_options(struct monitor *monitor)
{
	const struct options *options = atomic_load(&monitor->options);

	if (options == monitor->options_used)
		return;
	monitor->options_used = options;
	monitor->poll_us = options->lag_poll_us;
	monitor->resolve_us = options->resolve_us;
	monitor->patience_us = 2 * options->lag_poll_us > PATIENCE_US_MIN ? 2 * options->lag_poll_us
									  : PATIENCE_US_MIN;
	views_set_limits(&monitor->views, options);
}

/* The questions have no parameters and answer one text. */
static void monitor_prepare(struct monitor *monitor)
{
	static const struct {
		const char *name, *text;
	} questions[QUESTIONS] = {
		[ASK_IDENTITY] = { "monitor.identity", poll_identity },
		[ASK_KEY] = { "monitor.key", poll_key },
		[ASK_LOOK] = { "monitor.look", poll_look },
		[ASK_NUDGE] = { "monitor.nudge", poll_nudge },
	};
	enum { TEXTOID = 25 };

	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct statement *statement = &monitor->statements[i];
		struct shape *shape = shape_new(0, 1);

		statement->id = statement_next_id();
		statement->name = questions[i].name;
		statement->text = questions[i].text;
		shape->column_types[0].oid = TEXTOID;
		statement_set_shape(statement, shape);
	}
	monitor->hook.on_turn = monitor_on_turn;
	monitor->publish_at.on_due = monitor_on_publish_at;
	monitor->hurry.on_delivery = monitor_on_hurry;
	loop_hook_add(monitor->loop, &monitor->hook, LOOP_STAGE_ANSWER);
}

static const struct pool_settings monitor_settings = {
	.conns_max = 1,
	.queue_max = 1,
	.queue_wait_us = CONNECT_US_MAX,
	.statement_timeout_us = CONNECT_US_MAX,
	.connect_timeout_us = CONNECT_US_MAX,
	.answer_timeout_us = CONNECT_US_MAX,
	.watches = true,
};

static void monitor_watch(struct monitor *monitor, unsigned index, const struct node *node)
{
	struct watched *watched = &monitor->nodes[index];

	watched->monitor = monitor;
	watched->index = index;
	watched->timer.on_due = watched_on_timer;
	arena_init(&watched->arena);
	buf_init(&watched->out);
	scout_init(&watched->scout, watched_on_scout);
	watched->scout.begun_us = loop_now(monitor->loop);
	watched->pool = pool_new(monitor->loop, node, monitor->metrics, &monitor_settings);
	pool_set_role(watched->pool, NODE_REPLICA);
	loop_timer_set(monitor->loop, &watched->timer, loop_now(monitor->loop));
}

static void *monitor_run(void *arg)
{
	struct monitor *monitor = arg;

	loop_run(monitor->loop);
	for (unsigned i = 0; i < monitor->count; i++) {
		struct watched *watched = &monitor->nodes[i];

		loop_timer_cancel(monitor->loop, &watched->timer);
		timeline_ask_forget(watched->history);
		if (watched->asked)
			pool_forget(watched->pool, &watched->call);
		scout_fini(&watched->scout);
		pool_free(watched->pool);
		arena_fini(&watched->arena);
		buf_fini(&watched->out);
	}
	loop_timer_cancel(monitor->loop, &monitor->publish_at);
	loop_hook_remove(monitor->loop, &monitor->hook, LOOP_STAGE_ANSWER);
	loop_turn(monitor->loop, 0);
	return NULL;
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool watched_wants_key(const struct watched *watched, int64_t now_us)
{
	const struct views *views = &watched->monitor->views;

	return watched->schema && !views->topology.key_known && views_ours(views, watched->index) &&
	       now_us >= watched->key_again_us;
}

/* The first look begins the first life. */
static unsigned watched_life(const struct watched *watched)
{
	unsigned life = watched->monitor->views.topology.nodes[watched->index].life;

	return life ? life : 1;
}

/* The schema may be there by now; a life may be another server's. */
static bool watched_wants_identity(const struct watched *watched, int64_t now_us)
{
	const struct topology *topology = &watched->monitor->views.topology;

	return watched->identified_life != watched_life(watched) ||
	       (!watched->schema && !topology->key_known && now_us >= watched->key_again_us);
}

/*
 * When to look whether waiting is still worth it; now or earlier: it is not. Without a conn there
 * is nobody to wait for but the one that is being made, and that for one turn.
 */
static int64_t watched_patient_until_us(const struct watched *watched)
{
	const struct monitor *monitor = watched->monitor;
	int64_t tick_us = loop_now(monitor->loop) + CONNECT_TICK_US;
	int64_t turn_us = watched->asked_us +
			  (monitor->poll_us > CONNECT_TICK_US ? monitor->poll_us : CONNECT_TICK_US);

	if (pool_connected(watched->pool))
		return watched->asked_us + monitor->patience_us;
	if (!pool_conns(watched->pool, CONN_DIALING) && !pool_conns(watched->pool, CONN_CONNECTING))
		return 0;
	return tick_us < turn_us ? tick_us : turn_us;
}

static void watched_ask(struct watched *watched)
{
	struct monitor *monitor = watched->monitor;
	int64_t now_us = loop_now(monitor->loop);
	struct statement *statement;

	assert(!watched->asked);
	monitor_take_options(monitor);
	if (watched_wants_identity(watched, now_us))
		watched->question = ASK_IDENTITY;
	else if (watched_wants_key(watched, now_us))
		watched->question = ASK_KEY;
	else if (watched->advice == NUDGE_NOW && !watched->refused[ASK_NUDGE])
		watched->question = ASK_NUDGE;
	else
		watched->question = ASK_LOOK;
	if (watched->question == ASK_NUDGE)
		watched->advice = NUDGE_NOT;
	statement = &monitor->statements[watched->question];
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
	watched->hurried = false;
	loop_timer_set(
		monitor->loop, &watched->timer,
		now_us + (pool_connected(watched->pool) ? monitor->patience_us : CONNECT_TICK_US));
}

/* Until the next look. A replica that is there but not in rotation should not be kept waiting. */
static int64_t watched_pause_us(const struct watched *watched)
{
	const struct monitor *monitor = watched->monitor;
	const struct node_view *view = &monitor->views.topology.nodes[watched->index];

	if (watched->hurried)
		return HURRY_US;
	if (monitor->views.topology.primary < 0 && monitor->poll_us > ORPHANED_LOOK_US)
		return ORPHANED_LOOK_US;
	if (watched->advice == NUDGE_LOOK_SOON && CONFIRM_US < monitor->poll_us)
		return CONFIRM_US;
	if (view->role == NODE_REPLICA && !view->in_rotation &&
	    monitor->poll_us / RETURNING_LOOKS > HURRY_US)
		return monitor->poll_us / RETURNING_LOOKS;
	return monitor->poll_us;
}

static unsigned watched_strays(const struct watched *watched)
{
	return atomic_load(&watched->monitor->views.nodes[watched->index]->reach->strays);
}

/* A conn that is lost is made anew anyway. */
static void watched_send_scout(struct watched *watched)
{
	struct monitor *monitor = watched->monitor;
	bool soon =
		monitor->views.topology.primary < 0 || watched_strays(watched) != watched->strays;
	int64_t pause_us =
		soon && monitor->resolve_us > SCOUT_SOON_US ? SCOUT_SOON_US : monitor->resolve_us;

	if (!monitor->resolve_us || watched->scout.pool || !pool_connected(watched->pool) ||
	    loop_now(monitor->loop) < watched->scout.begun_us + pause_us)
		return;
	scout_begin(&watched->scout, monitor->loop, monitor->views.nodes[watched->index],
		    monitor->metrics, &monitor_settings, &monitor->statements[ASK_LOOK]);
}

/* After an answer, or none. */
static void watched_rest(struct watched *watched)
{
	struct loop *loop = watched->monitor->loop;
	int64_t due_us = watched->asked_us + watched_pause_us(watched);

	assert(!watched->asked);
	watched_send_scout(watched);
	loop_timer_set(loop, &watched->timer, due_us > loop_now(loop) ? due_us : loop_now(loop));
}

static void watched_silent(struct watched *watched, const char *reason)
{
	views_silent(&watched->monitor->views, watched->index, reason);
	watched->monitor->news = true;
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
	/* A commit may take its time: that the node answers is for the next look to tell. */
	if (watched->question == ASK_NUDGE)
		watched_rest(watched);
	else
		watched_silent(watched, *reason ? reason : "no connection yet");
}

static void monitor_on_hurry(struct letter *letter, struct loop *loop)
{
	struct monitor *monitor = container_of(letter, struct monitor, hurry);

	atomic_store(&monitor->hurrying, false);
	for (unsigned i = 0; i < monitor->count; i++) {
		struct watched *watched = &monitor->nodes[i];

		if (!monitor->views.topology.nodes[i].up)
			continue;
		/* A look that is out may have been answered already, before what is hoped for. */
		watched->hurried = true;
		if (!watched->asked && watched->asked_us + HURRY_US < watched->timer.due_us)
			loop_timer_set(loop, &watched->timer, watched->asked_us + HURRY_US);
	}
}

/* --- names ----------------------------------------------------------------------------------- */

/* Another server answers by the node's name: is it to be looked at from now on? A balancer over
 * several servers would otherwise move us at each look. */
static bool watched_should_move(const struct watched *watched, const struct look *look)
{
	const struct topology *topology = &watched->monitor->views.topology;
	const struct node_view *view = &topology->nodes[watched->index];

	if (watched_strays(watched) != watched->strays)
		return true;
	if (topology->primary < 0 && !look->in_recovery)
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
	timeline_ask_forget(watched->history);
	watched->history = NULL;
	watched->identified_life = 0;
	watched->identified_us = 0;
	watched->server[0] = '\0';
	memset(&watched->nudge, 0, sizeof(watched->nudge));
	watched->advice = NUDGE_NOT;
	views_moved(&watched->monitor->views, watched->index);
	watched->monitor->news = true;
	watched_ask(watched);
}

static void watched_on_scout(struct scout *scout, const struct look *look)
{
	struct watched *watched = container_of(scout, struct watched, scout);
	const struct topology *topology = &watched->monitor->views.topology;
	int64_t started_us = topology->nodes[watched->index].started_us;
	bool elsewhere = look && look->started_us != started_us;
	unsigned strays = watched_strays(watched);

	if (elsewhere && watched_should_move(watched, look))
		watched_move(watched, scout_keep(scout));
	if (look)
		watched->strays = strays;
}

/* --- histories ------------------------------------------------------------------------------- */

static void watched_on_history(void *owner, const struct timeline_told *told)
{
	struct watched *watched = owner;
	struct views *views = &watched->monitor->views;
	struct history history;
	const char *reason = told->refusal;

	watched->history = NULL;
	watched->monitor->news = true;
	if (!reason && !history_read(&history, told->timeline, told->history))
		reason = "its history file cannot be read";
	if (!reason) {
		watched->history_refusals = 0;
		watched->history_again_us = loop_now(watched->monitor->loop) + HISTORY_AGAIN_US;
		views_told_history(views, watched->index, &history);
		return;
	}
	watched->history_again_us = loop_now(watched->monitor->loop) +
				    (HISTORY_REFUSED_US << watched->history_refusals);
	if (watched->history_refusals < HISTORY_REFUSALS_MAX)
		watched->history_refusals++;
	views_refused_history(views, watched->index, reason);
}

static void watched_ask_history(struct watched *watched)
{
	struct monitor *monitor = watched->monitor;
	uint32_t wanted = views_wants_history(&monitor->views, watched->index);

	if (wanted == VIEWS_WANTS_NOTHING || watched->history ||
	    (wanted == watched->history_of && loop_now(monitor->loop) < watched->history_again_us))
		return;
	watched->history_of = wanted;
	watched->history = timeline_ask(monitor->loop, monitor->views.nodes[watched->index],
					wanted == VIEWS_WANTS_TIMELINE ? 0 : wanted, HISTORY_US_MAX,
					watched_on_history, watched);
}

/* --- answers --------------------------------------------------------------------------------- */

/* PostgreSQL refuses to tell: said once, and lived without. */
static void watched_refused(struct watched *watched)
{
	if (!watched->refused[watched->question])
		log_with(
			LOG_WARN, "monitor",
			LOG_FIELDS({ "node", watched->monitor->views.nodes[watched->index]->name }),
			"%s: %s (%s)", watched->call.statement->name, watched->call.error.message,
			watched->call.error.sqlstate);
	watched->refused[watched->question] = true;
}

static void watched_on_identity(struct watched *watched, bool told)
{
	struct topology *topology = &watched->monitor->views.topology;
	struct identity identity = { 0 };

	if (told &&
	    !poll_read_identity((struct text){ watched->out.ptr, watched->out.len }, &identity))
		identity = (struct identity){ 0 };
	/* The conn was made anew, and led elsewhere. */
	if (*watched->server && *identity.server && strcmp(watched->server, identity.server) != 0)
		views_moved(&watched->monitor->views, watched->index);
	memcpy(watched->server, identity.server, sizeof(watched->server));
	watched->identified_us = identity.started_us;
	views_identified(&watched->monitor->views, watched->index, identity.system_identifier);
	views_told_limits(&watched->monitor->views, watched->index, identity.limits);
	watched->identified_life = watched_life(watched);
	watched->schema = identity.schema;
	watched->key_again_us = watched->schema ? 0 : watched->asked_us + KEY_AGAIN_US;
	if (told && !identity.schema && views_ours(&watched->monitor->views, watched->index))
		topology->schema_missing = !topology->key_known;
	watched_ask(watched);
}

static void watched_on_key(struct watched *watched, bool told)
{
	struct topology *topology = &watched->monitor->views.topology;

	watched->key_again_us = watched->asked_us + KEY_AGAIN_US;
	/* Another node may have told it while this one was asked. */
	if (!topology->key_known && told &&
	    poll_read_key((struct text){ watched->out.ptr, watched->out.len }, topology->key)) {
		topology->key_known = true;
		topology->schema_missing = false;
		log_info("monitor", "the token key is known");
	}
	watched_ask(watched);
}

static void watched_on_look(struct watched *watched, bool told)
{
	struct monitor *monitor = watched->monitor;
	struct look look;

	if (!told || !poll_read_look((struct text){ watched->out.ptr, watched->out.len }, &look)) {
		watched_silent(watched, "it answers with an error");
		return;
	}
	if (watched->identified_us && look.started_us != watched->identified_us) {
		/* Not of the server that told its identity: first things first. */
		watched->identified_us = 0;
		watched->identified_life = 0;
		watched_ask(watched);
		return;
	}
	views_answered(&monitor->views, watched->index, &look, watched->call.sent_us,
		       loop_now(monitor->loop));
	watched_ask_history(watched);
	watched->advice = monitor->views.topology.primary == (int)watched->index
				  ? nudge_look(&watched->nudge, &look)
				  : NUDGE_NOT;
	if (watched->advice == NUDGE_NOW)
		watched_ask(watched);
	else
		watched_rest(watched);
}

static void watched_on_call(struct call *call)
{
	struct watched *watched = container_of(call, struct watched, call);
	bool told = call->end == CALL_OK && call->rows == 1;

	assert(watched->asked);
	watched->asked = false;
	watched->monitor->news = true;
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
		watched_on_identity(watched, told);
		return;
	case ASK_KEY:
		watched_on_key(watched, told);
		return;
	case ASK_LOOK:
		watched_on_look(watched, told);
		return;
	case ASK_NUDGE:
		watched->hurried = true;
		watched_rest(watched);
		return;
	case QUESTIONS:
		break;
	}
	assert(!"a question");
}

/* --- publishing ------------------------------------------------------------------------------ */

static void monitor_on_turn(struct loop_hook *hook)
{
	struct monitor *monitor = container_of(hook, struct monitor, hook);
	int64_t now_us = loop_now(monitor->loop);
	bool differs;

	if (!monitor->news)
		return;
	if (now_us < monitor->published_us + HURRY_US) {
		loop_timer_set(monitor->loop, &monitor->publish_at,
			       monitor->published_us + HURRY_US);
		return;
	}
	views_refresh(&monitor->views, now_us);
	for (unsigned i = 0; i < monitor->count; i++)
		monitor->views.topology.nodes[i].full =
			reach_full(monitor->views.nodes[i]->reach, now_us);
	differs = topology_differs(&monitor->published, &monitor->views.topology);
	monitor->published = monitor->views.topology;
	monitor->published_us = now_us;
	monitor->news = false;
	snapshot_publish(monitor->snapshot, &monitor->published);
	if (differs)
		monitor->on_change(monitor->arg);
}

/* The turn that this timer makes publishes. */
static void monitor_on_publish_at(struct loop_timer *timer)
{
	(void)timer;
}
