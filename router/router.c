/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop's router: its pools, its copy of the topology, who is parked at its nodes. The paths of
 * requests are in read/ and write/.
 */
#include "router/router.h"

#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROUTER_PROBE_EVERY_US US_PER_MS
#define ROUTER_SAMPLE_EVERY_US US_PER_S
#define ROUTER_CONNECT_TIMEOUT_US (3 * US_PER_S)
#define ROUTER_ANSWER_GRACE_US US_PER_S
#define ROUTER_RETRIES_PERCENT 10
#define ROUTER_RETRIES_PER_S 1
#define ROUTER_HEDGES_PERCENT 2

static void router_probe(struct router_node *node);

/* While there is something to publish: what faded away is published once more. */
static void router_publish_hitters(struct router *router)
{
	if (!router->hitters_out || !router->hitters_charged)
		return;
	heavy_hitters_decay(&router->hitters, loop_now(router->loop));
	router->hitters_charged = router->hitters.tops[HEAVY_HITTERS_CALLERS].count > 0;
	snapshot_publish(router->hitters_out, &router->hitters);
}

/* Gauges of this loop and how long its turns take: a sample now and then, not each turn. */
static void router_on_sample(struct loop_timer *timer)
{
	struct router *router = container_of(timer, struct router, sample);

	metric_observe(router->metrics, METRIC_loop_turn_seconds, NULL, loop_turn_us(router->loop));
	router_publish_hitters(router);
	loop_timer_set(router->loop, timer, loop_now(router->loop) + ROUTER_SAMPLE_EVERY_US);
}

static void router_on_probe_again(struct loop_timer *timer)
{
	router_probe(container_of(timer, struct router_node, probe_again));
}

/* Every loop has its own; a stream may come to any of them. */
static unsigned router_streams_max(const struct options *options)
{
	return (unsigned)((options->stream_conns + options->loops - 1) / options->loops);
}

/* Of what a node can do, one loop's part. */
static unsigned router_share(const struct options *options, int64_t of_node)
{
	return (unsigned)((of_node + options->loops - 1) / options->loops);
}

static void router_on_refresh(void *arg)
{
	router_refresh(arg);
}

static bool router_on_opened(void *arg, unsigned node)
{
	const struct router *router = arg;

	if (router->shared.callers_known &&
	    !router->shared.callers_known(router->shared.callers_arg))
		return false;
	return pool_opened(router->nodes[node].pool);
}

static void router_health_init(struct router *router, unsigned at)
{
	struct router_node *node = &router->nodes[at];

	node->retries = (struct budget){ .percent = ROUTER_RETRIES_PERCENT,
					 .reserve = ROUTER_RETRIES_PER_S * WINDOW_S };
	node->hedges = (struct budget){ .percent = ROUTER_HEDGES_PERCENT };
	health_init(&node->health, &router->health_env, at, router->shared.nodes[at]->name,
		    node->pool);
}

static void router_node_init(struct router *router, unsigned at, unsigned conns)
{
	struct router_node *node = &router->nodes[at];
	const struct options *options = router->shared.options;
	struct pool_settings settings = {
		.conns_max = conns,
		.streams_max = router_streams_max(options),
		.jobs_max = router_share(options, options->workers),
		.queue_max = (unsigned)options->queue_max,
		.concurrency = (enum concurrency_kind)options->limit,
		.concurrency_fixed = router_share(options, 2 * options->node_cores),
		.concurrency_floor = router_share(options, options->node_cores),
		.cores = (unsigned)options->node_cores,
		.group_max = (unsigned)options->group_commands,
		.batch_calls_max = (unsigned)options->batch_calls,
		.queue_wait_us = options->queue_wait_us,
		.statement_timeout_us = options->request_timeout_us,
		.connect_timeout_us = ROUTER_CONNECT_TIMEOUT_US,
		.answer_timeout_us = options->request_timeout_us + ROUTER_ANSWER_GRACE_US,
	};

	node->router = router;
	node->pool = pool_new(router->loop, router->shared.nodes[at], router->metrics, &settings);
	node->probe_again.on_due = router_on_probe_again;
	waiters_init(&node->waiters);
	arena_init(&node->probe_arena);
	router_health_init(router, at);
}

static struct catalog_ref *catalog_ref_new(struct catalog *catalog)
{
	struct catalog_ref *catalog_ref = calloc(1, sizeof(*catalog_ref));

	assert(catalog_ref);
	catalog_ref->catalog = catalog_hold(catalog);
	catalog_ref->users = 1;
	return catalog_ref;
}

void catalog_ref_drop(struct catalog_ref *catalog_ref)
{
	assert(catalog_ref->users > 0);
	if (--catalog_ref->users)
		return;
	catalog_let_go(catalog_ref->catalog);
	free(catalog_ref);
}

static struct pool *router_pool_of(void *arg, unsigned node)
{
	struct router *router = arg;

	return router->nodes[node].pool;
}

/* For commands from now on: of what is kept before, nothing is given (router/feed_tables.c). */
static void router_keep_relations(struct router *router)
{
	if (router->shared.options->cache_bytes && catalog_has_cache(router->catalog_ref->catalog))
		feed_doubts_keep(&router->feed_doubts);
}

static void router_begin_index(struct router *router)
{
	router->read_index_env = (struct read_index_env){
		.loop = router->loop,
		.topology = &router->topology,
		.metrics = router->metrics,
		.pool_of = router_pool_of,
		.refresh = router_on_refresh,
		.arg = router,
	};
	read_index_init(&router->read_index, &router->read_index_env);
	router->witnesses_env = (struct witnesses_env){
		.topology = &router->topology,
		.pool_of = router_pool_of,
		.arg = router,
	};
	witnesses_init(&router->witnesses, &router->witnesses_env);
}

struct router *router_new(struct loop *loop, const struct router_shared *shared, unsigned conns,
			  struct catalog *catalog, struct metrics *metrics)
{
	struct router *router = calloc(1, sizeof(*router));
	uint64_t seed;

	assert(router);
	assert(shared->nodes_count <= NODES_MAX);
	router->loop = loop;
	router->shared = *shared;
	router->metrics = metrics;
	router->catalog_ref = catalog_ref_new(catalog);
	router->topology.primary = -1;
	router->health_env = (struct health_env){
		.loop = loop,
		.metrics = metrics,
		.topology = &router->topology,
		.options = &router->shared.options,
		.refresh = router_on_refresh,
		.arg = router,
	};
	router->readiness_env = (struct readiness_env){
		.loop = loop,
		.topology = &router->topology,
		.refresh = router_on_refresh,
		.opened = router_on_opened,
		.arg = router,
	};
	list_init(&router->describing);
	list_init(&router->watchers);
	router_begin_index(router);
	feed_desk_init(&router->feed_desk, loop, shared->feed);
	router->feed_doubts = (struct feed_doubts){
		.loop = loop,
		.shared = shared->feed,
		.topology = &router->topology,
		.pause_us = shared->options->lag_poll_us,
		.refresh = router_on_refresh,
		.arg = router,
	};
	router_keep_relations(router);
	router->reader = snapshot_reader_new(shared->topology);
	random_bytes(&seed, sizeof(seed));
	random_init(&router->random, seed);
	for (unsigned i = 0; i < shared->nodes_count; i++)
		router_node_init(router, i, conns);
	heavy_hitters_init(&router->hitters, loop_now(loop));
	router->sample.on_due = router_on_sample;
	router_on_sample(&router->sample);
	return router;
}

void router_open_then(struct router *router, void (*on_open)(void *arg), void *arg)
{
	readiness_begin(&router->readiness, &router->readiness_env, on_open, arg);
}

bool router_is_open(const struct router *router)
{
	return !router->readiness.closed;
}

void router_free(struct router *router)
{
	assert(list_empty(&router->watchers));
	feed_doubts_fini(&router->feed_doubts);
	read_index_fini(&router->read_index);
	witnesses_fini(&router->witnesses);
	for (unsigned i = 0; i < router->shared.nodes_count; i++) {
		struct router_node *node = &router->nodes[i];

		assert(node->waiters.count == 0);
		loop_timer_cancel(router->loop, &node->probe_again);
		if (node->probing)
			pool_forget(node->pool, &node->probe);
		health_fini(&node->health);
		pool_free(node->pool);
		arena_fini(&node->probe_arena);
	}
	loop_timer_cancel(router->loop, &router->sample);
	readiness_end(&router->readiness);
	snapshot_reader_free(router->reader);
	if (router->tokens)
		token_maker_free(router->tokens);
	catalog_ref_drop(router->catalog_ref);
	free(router);
}

void router_publish_heavy_hitters(struct router *router, struct snapshot *snapshot)
{
	router->hitters_out = snapshot;
}

void router_set_catalog(struct router *router, struct catalog *catalog)
{
	catalog_ref_drop(router->catalog_ref);
	router->catalog_ref = catalog_ref_new(catalog);
	router_keep_relations(router);
}

void router_set_options(struct router *router, const struct options *options)
{
	router->shared.options = options;
}

static void router_set_role(struct router_node *node, enum node_role role)
{
	if (node->role == role)
		return;
	node->role = role;
	pool_set_role(node->pool, role);
}

/* A node as the monitor sees it now, against what this loop saw last. */
static void router_apply(struct router *router, unsigned at, const struct node_view *view)
{
	struct router_node *node = &router->nodes[at];
	struct node_use *use = &router->uses[at];
	bool gone = node->up && !node_is_up(view);
	bool leads = router->topology.primary == (int)at;
	bool restarted = node->role == NODE_PRIMARY && leads && node->life != view->life;
	bool dethroned = node->role == NODE_PRIMARY && (!leads || restarted);
	bool returned = node_is_up(view) && node->life && (!node->up || node->life != view->life);
	enum node_role role = node->role;

	if (node->life != view->life) {
		node->life = view->life;
		use->replayed = 0;
	}
	if (view->started_us)
		pool_expect(node->pool, view->started_us);
	if (node_is_up(view) && !node->up)
		pool_dial_now(node->pool);
	node->up = node_is_up(view);
	/* Commands that wait there must not be run there: it may have been replaced. */
	if (dethroned)
		router_set_role(node, NODE_REPLICA);
	if (gone || dethroned)
		pool_abandon(node->pool, gone        ? "the node does not answer"
					 : restarted ? "the primary was restarted"
						     : "the node is not the primary any more");
	if ((!dethroned || restarted) && view->role != NODE_UNKNOWN)
		router_set_role(node, view->role);
	/* Commands wait for it now: the pause after conns that were lost is over. */
	if (node->role == NODE_PRIMARY && (role != NODE_PRIMARY || restarted))
		pool_dial_now(node->pool);
	if (role != NODE_UNKNOWN && role != node->role)
		health_renew(&node->health, false);
	else if (returned)
		health_renew(&node->health, true);
	if (view->role == NODE_REPLICA)
		router_learn(router, at, view->position.lsn);
}

/* Nothing that a token signs begins like this: those begin with a version. */
static void router_derive_tag_key(struct router *router)
{
	static const char name[] = "key of entity tags";
	struct signer *signer = signer_new(router->tokens_key);

	signer_sign(signer, name, sizeof(name) - 1, router->tag_key);
	signer_free(signer);
}

static void router_learn_key(struct router *router)
{
	const struct topology *topology = &router->topology;

	if (!topology->key_known || !topology->system_identifier)
		return;
	if (router->tokens && router->tokens_of == topology->system_identifier &&
	    memcmp(router->tokens_key, topology->key, sizeof(router->tokens_key)) == 0)
		return;
	if (router->tokens)
		token_maker_free(router->tokens);
	router->tokens = token_maker_new(topology->key, topology->system_identifier);
	router->tokens_of = topology->system_identifier;
	memcpy(router->tokens_key, topology->key, sizeof(router->tokens_key));
	router_derive_tag_key(router);
}

static void router_take_topology(struct router *router)
{
	if (snapshot_version(router->shared.topology) == router->version)
		return;
	router->version = snapshot_read(router->reader, &router->topology);
	router_learn_key(router);
	router->stamp = (struct branch_position){ 0 };
	for (unsigned i = 0; i < router->topology.count; i++) {
		struct node_view view = router->topology.nodes[i];

		router_apply(router, i, &view);
	}
	list_each (&router->watchers, it) {
		struct router_watcher *watcher = container_of(it, struct router_watcher, link);

		watcher->on_change(watcher);
	}
}

static uint32_t router_roles(const struct router *router)
{
	const struct feed_shared *feed = router->shared.feed;

	return feed ? atomic_load_explicit(&feed->roles, memory_order_acquire) : 0;
}

/* Does the node show the change? What is on a later timeline goes on from there. */
static bool router_shows_roles(const struct router *router, unsigned node)
{
	const struct feed_shared *feed = router->shared.feed;
	uint32_t timeline = atomic_load_explicit(&feed->roles_timeline, memory_order_relaxed);
	uint64_t lsn = atomic_load_explicit(&feed->roles_lsn, memory_order_relaxed);
	const struct node_view *view = &router->topology.nodes[node];

	if (view->position.timeline != timeline)
		return view->position.timeline > timeline;
	return view->role == NODE_PRIMARY || view->position.lsn >= lsn ||
	       router->uses[node].replayed >= lsn;
}

/* Conns of before a change of roles are closed once the node has it: what is prepared behind that
 * is of the roles of now. */
static void router_renew(struct router *router)
{
	uint32_t last = router_roles(router);
	bool all = true;

	if (router->renewal == last)
		return;
	for (unsigned i = 0; i < router->topology.count; i++) {
		struct router_node *node = &router->nodes[i];

		if (node->renewal != last && router_shows_roles(router, i)) {
			node->renewal = last;
			pool_renew(node->pool);
		}
		all = all && node->renewal == last;
	}
	if (all)
		router->renewal = last;
}

void router_refresh(struct router *router)
{
	router_take_topology(router);
	router_renew(router);
}

uint32_t router_renewal(const struct router *router, unsigned node)
{
	return router->nodes[node].renewal;
}

bool router_renewal_is_last(const struct router *router, uint32_t renewal)
{
	return renewal == router_roles(router);
}

void router_add_watcher(struct router *router, struct router_watcher *watcher)
{
	assert(watcher->on_change);
	list_append(&router->watchers, &watcher->link);
}

void router_remove_watcher(struct router *router, struct router_watcher *watcher)
{
	list_remove(&router->watchers, &watcher->link);
}

/* Positions of an answer are nearly always of one life: what its tokens say of it is kept. */
void router_token(struct router *router, struct position position, char out[TOKEN_TEXT_MAX + 1])
{
	const struct life *last = lives_last(&router->topology.lives);

	if (!router->stamp.timeline || router->stamp_of != position.timeline ||
	    position.lsn <= router->stamp_from) {
		router->stamp = topology_token(&router->topology, position);
		router->stamp_from = last ? last->began : 0;
		router->stamp_of = position.lsn > router->stamp_from ? position.timeline : 0;
	}
	router->stamp.lsn = position.lsn;
	token_make(router->tokens, router->stamp, out);
}

void router_learn(struct router *router, unsigned node, uint64_t replayed)
{
	struct node_use *use = &router->uses[node];

	if (replayed <= use->replayed)
		return;
	use->replayed = replayed;
	waiters_reached(&router->nodes[node].waiters, replayed);
}

bool router_gone_over(const struct router *router, unsigned node, const struct call *call)
{
	uint32_t seen = router->topology.nodes[node].position.timeline;

	return CONTROL_TIMELINES && seen && call->timeline &&
	       branch_number(call->timeline) != branch_number(seen);
}

void router_learn_call(struct router *router, unsigned node, const struct call *call)
{
	if (router_gone_over(router, node, call))
		monitor_poll_now(router->shared.monitor);
	else
		router_learn(router, node, call->lower);
}

struct pool *router_primary_pool(struct router *router)
{
	router_refresh(router);
	return router->topology.primary < 0 ? NULL : router->nodes[router->topology.primary].pool;
}

static void router_on_probe(struct call *call)
{
	struct router_node *node = container_of(call, struct router_node, probe);
	struct router *router = node->router;
	unsigned at = (unsigned)(node - router->nodes);

	node->probing = false;
	if (call->end == CALL_OK && call->in_recovery)
		router_learn_call(router, at, call);
	if (node->waiters.count)
		loop_timer_set(router->loop, &node->probe_again,
			       loop_now(router->loop) + ROUTER_PROBE_EVERY_US);
}

/* While a request is parked at the node: ask how far it is, again a moment after each answer. */
static void router_probe(struct router_node *node)
{
	if (node->probing || !node->waiters.count)
		return;
	loop_timer_cancel(node->router->loop, &node->probe_again);
	arena_reset(&node->probe_arena);
	node->probe = (struct call){
		.kind = CALL_PROBE,
		.arena = &node->probe_arena,
		.on_done = router_on_probe,
	};
	node->probing = pool_submit(node->pool, &node->probe);
	if (!node->probing)
		loop_timer_set(node->router->loop, &node->probe_again,
			       loop_now(node->router->loop) + ROUTER_PROBE_EVERY_US);
}

bool router_watch(struct router *router, unsigned node, struct waiter *waiter)
{
	if (!waiters_park(&router->nodes[node].waiters, waiter))
		return false;
	if (!router->nodes[node].probe_again.slot)
		router_probe(&router->nodes[node]);
	return true;
}
