/* SPDX-License-Identifier: Apache-2.0 */
/* A round that finds two queries at odds about a relation has met a change: it is made again. */
#include "router/feed_tables.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "router/feed_reads.h"
#include "router/requirement.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_EVERY_US (60 * US_PER_S)
#define TABLES_AGAIN_US US_PER_S
#define TABLES_MINUTES 10 /* a round is made in any case */

/* What a round has found of one query. */
struct feed_found {
	struct statement_tags *tags; /* ours until it is published; NULL: not asked */
	int64_t *shapes;             /* [tags->count], beside the tags */
};

static void tables_on_due(struct loop_timer *timer);
static void tables_ask_next(struct feed_tables *tables);

static void tables_refresh(void *arg)
{
	router_refresh(arg);
}

static struct pool *tables_pool_of(void *arg, unsigned node)
{
	struct router *router = arg;

	return router->nodes[node].pool;
}

static void tables_again(struct feed_tables *tables, int64_t pause_us)
{
	loop_timer_set(tables->router->loop, &tables->timer,
		       loop_now(tables->router->loop) + pause_us);
}

/* Sooner than planned, but no more than once a second. */
static void tables_on_shape(void *arg)
{
	struct router *router = arg;
	struct feed_tables *tables = router->feed_tables;
	int64_t since_us = loop_now(router->loop) - tables->began_us;

	if (tables->changed || tables->catalog)
		return;
	tables->changed = true;
	tables_again(tables, since_us < TABLES_AGAIN_US ? TABLES_AGAIN_US - since_us : 0);
}

bool feed_tables_wanted(const struct options *options, unsigned nodes_count)
{
	return options->feed == FEED_TABLE && nodes_count > 1 &&
	       (options->sessions == SESSIONS_CLUSTER || options->strong == STRONG_REPLICAS);
}

void feed_tables_start(struct feed_tables *tables, struct router *router)
{
	*tables = (struct feed_tables){ .router = router };
	tables->env = (struct feed_env){
		.loop = router->loop,
		.topology = &router->topology,
		.metrics = router->metrics,
		.shared = router->shared.feed,
		.pause_us = router->shared.options->lag_poll_us,
		.pool_of = tables_pool_of,
		.refresh = tables_refresh,
		.on_shape = tables_on_shape,
		.arg = router,
	};
	router->feed_tables = tables;
	feed_reader_init(&tables->reader, &tables->env);
	feed_marker_init(&tables->marker, &tables->env);
	arena_init(&tables->arena);
	buf_init(&tables->out);
	tables->timer.on_due = tables_on_due;
	tables_again(tables, 0);
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void tables_drop_round(struct feed_tables *tables)
{
	for (unsigned i = 0; tables->catalog && i < tables->catalog->count; i++) {
		free(tables->found[i].tags);
		free(tables->found[i].shapes);
	}
	free(tables->found);
	tables->found = NULL;
	if (tables->catalog)
		catalog_let_go(tables->catalog);
	tables->catalog = NULL;
}

void feed_tables_stop(struct feed_tables *tables)
{
	if (!tables->router)
		return;
	feed_reader_fini(&tables->reader);
	feed_marker_fini(&tables->marker);
	loop_timer_cancel(tables->router->loop, &tables->timer);
	if (tables->pool)
		pool_forget(tables->pool, &tables->call);
	tables_drop_round(tables);
	free(tables->ids);
	arena_fini(&tables->arena);
	buf_fini(&tables->out);
	tables->router->feed_tables = NULL;
	tables->router = NULL;
}

static void tables_begin_round(struct feed_tables *tables)
{
	tables->catalog = catalog_hold(tables->router->catalog_ref->catalog);
	tables->found = calloc(tables->catalog->count + 1, sizeof(*tables->found));
	assert(tables->found);
	tables->next = 0;
	tables->changed = false;
	tables->began_us = loop_now(tables->router->loop);
	tables_ask_next(tables);
}

/* --- what was found --------------------------------------------------------------------------- */

/* All relations of all queries, or of those that count, each once. */
struct tables_union {
	uint64_t *ids;
	int64_t *shapes;
	size_t count;
	int64_t shape;
	bool odds; /* two queries saw different states of one */
};

static void tables_add(struct tables_union *all, uint64_t id, int64_t shape)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->ids[i] != id)
			continue;
		all->odds = all->odds || all->shapes[i] != shape;
		return;
	}
	all->ids[all->count] = id;
	all->shapes[all->count++] = shape;
	all->shape += shape;
}

static void tables_unite(const struct feed_tables *tables, struct tables_union *all)
{
	size_t most = 1;

	for (unsigned i = 0; i < tables->catalog->count; i++)
		most += tables->found[i].tags ? tables->found[i].tags->count : 0;
	*all = (struct tables_union){ .ids = calloc(most, sizeof(uint64_t)),
				      .shapes = calloc(most, sizeof(int64_t)) };
	assert(all->ids);
	assert(all->shapes);
	for (unsigned i = 0; i < tables->catalog->count; i++) {
		const struct feed_found *found = &tables->found[i];

		for (unsigned j = 0; found->tags && found->tags->counts && j < found->tags->count;
		     j++)
			tables_add(all, found->tags->tags[j], found->shapes[j]);
	}
}

static unsigned tables_publish(struct feed_tables *tables)
{
	unsigned counting = 0;

	for (unsigned i = 0; i < tables->catalog->count; i++) {
		struct feed_found *found = &tables->found[i];

		if (!found->tags)
			continue;
		counting += found->tags->counts;
		found->tags->version = tables->version;
		statement_set_tags(tables->catalog->operations[i].statement, found->tags);
		found->tags = NULL;
	}
	return counting;
}

static void tables_follow(struct feed_tables *tables, struct tables_union *all, unsigned counting)
{
	struct feed_relations relations = { all->ids, all->count, all->shape, tables->version };

	if (!counting) {
		feed_reader_stop(&tables->reader);
		feed_marker_stop(&tables->marker);
	} else {
		feed_marker_run(&tables->marker);
		feed_reader_run(&tables->reader, &relations);
	}
	free(tables->ids);
	tables->ids = all->ids;
	all->ids = NULL;
}

static void tables_end_round(struct feed_tables *tables)
{
	struct tables_union all;
	unsigned counting;

	tables_unite(tables, &all);
	if (all.odds) {
		tables_again(tables, TABLES_AGAIN_US);
	} else {
		tables->version++;
		counting = tables_publish(tables);
		tables_follow(tables, &all, counting);
		tables->known = tables->catalog;
		metric_set(tables->router->metrics, METRIC_feed_queries, NULL, counting);
		tables->minutes = 0;
		tables_again(tables, TABLES_EVERY_US);
	}
	free(all.ids);
	free(all.shapes);
	tables_drop_round(tables);
}

/* --- one query -------------------------------------------------------------------------------- */

static void tables_complain(struct feed_tables *tables)
{
	const struct call *call = &tables->call;

	if (call->end == CALL_ERROR && !tables->complained &&
	    strcmp(call->error.sqlstate, "42883") == 0)
		log_warn("feed", "reads by table are off: run cqrsd migrate: %s",
			 call->error.message);
	tables->complained = tables->complained || call->end == CALL_ERROR;
}

static void tables_on_done(struct call *call)
{
	struct feed_tables *tables = container_of(call, struct feed_tables, call);
	struct feed_found *found = &tables->found[tables->next];

	tables->pool = NULL;
	tables_complain(tables);
	if (call->end == CALL_LOST || call->end == CALL_UNSENT) {
		tables_drop_round(tables);
		tables_again(tables, TABLES_AGAIN_US);
		return;
	}
	/* A query that cannot be told of does not count. */
	if (call->end == CALL_OK)
		found->tags = feed_reads_take((struct text){ tables->out.ptr, tables->out.len },
					      &found->shapes);
	if (!found->tags)
		found->tags = statement_tags_new(0);
	tables->next++;
	tables_ask_next(tables);
}

static void tables_ask_next(struct feed_tables *tables)
{
	struct pool *pool;

	while (tables->next < tables->catalog->count &&
	       tables->catalog->operations[tables->next].kind != REQUEST_QUERY)
		tables->next++;
	if (tables->next == tables->catalog->count) {
		tables_end_round(tables);
		return;
	}
	pool = router_primary_pool(tables->router);
	arena_reset(&tables->arena);
	buf_clear(&tables->out);
	feed_reads_values(&tables->catalog->operations[tables->next], &tables->arena,
			  tables->values);
	tables->call = (struct call){
		.kind = CALL_COMMAND,
		.statement = feed_reads(),
		.values = tables->values,
		.arena = &tables->arena,
		.out = &tables->out,
		.on_done = tables_on_done,
	};
	if (pool && pool_submit(pool, &tables->call)) {
		tables->pool = pool;
		return;
	}
	tables_drop_round(tables);
	tables_again(tables, TABLES_AGAIN_US);
}

/* --- is a round due? -------------------------------------------------------------------------- */

static void tables_on_triggers(struct call *call)
{
	struct feed_tables *tables = container_of(call, struct feed_tables, call);
	int64_t triggers = 0;

	tables->pool = NULL;
	tables_complain(tables);
	if (call->end != CALL_OK ||
	    !feed_triggers_take((struct text){ tables->out.ptr, tables->out.len }, &triggers)) {
		tables_again(tables, call->end == CALL_ERROR ? TABLES_EVERY_US : TABLES_AGAIN_US);
		return;
	}
	if (tables->known == tables->router->catalog_ref->catalog && !tables->changed &&
	    tables->triggers == triggers && ++tables->minutes < TABLES_MINUTES) {
		tables_again(tables, TABLES_EVERY_US);
		return;
	}
	tables->triggers = triggers;
	tables_begin_round(tables);
}

static void tables_on_due(struct loop_timer *timer)
{
	struct feed_tables *tables = container_of(timer, struct feed_tables, timer);
	struct pool *pool = router_primary_pool(tables->router);

	if (tables->catalog || tables->pool)
		return;
	arena_reset(&tables->arena);
	buf_clear(&tables->out);
	tables->call = (struct call){
		.kind = CALL_QUERY,
		.statement = feed_triggers(),
		.arena = &tables->arena,
		.out = &tables->out,
		.rows_max = 1,
		.on_done = tables_on_triggers,
	};
	if (pool && pool_submit(pool, &tables->call))
		tables->pool = pool;
	else
		tables_again(tables, TABLES_AGAIN_US);
}
