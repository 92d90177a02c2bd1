/* SPDX-License-Identifier: Apache-2.0 */
/* A round that finds two queries at odds about a relation has met a change: it is made again. */
#include "router/feed_tables.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "router/cache_reads.h"
#include "router/feed_found.h"
#include "router/requirement.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_EVERY_US (60 * US_PER_S)
#define TABLES_AGAIN_US US_PER_S
#define TABLES_MINUTES 10 /* a round is made in any case */

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

/* A round that came to nothing, or was of no use, is made again. */
static void tables_retry(struct feed_tables *tables)
{
	int64_t since_us = loop_now(tables->router->loop) - tables->began_us;

	tables->due = true;
	tables_again(tables, since_us < tables->pause_us ? tables->pause_us - since_us : 0);
	if (tables->pause_us < TABLES_EVERY_US)
		tables->pause_us *= 2;
}

static void tables_make_due(struct feed_tables *tables)
{
	tables->due = true;
	if (!tables->catalog && !tables->pool)
		tables_again(tables, 0);
}

static void tables_on_change(void *arg)
{
	struct feed_tables *tables = arg;

	tables->changes++;
	tables_make_due(tables);
}

/* The node that the feed is read on may not show yet what the last round has seen. */
static void tables_on_shape(void *arg, bool as_found)
{
	struct router *router = arg;
	struct feed_tables *tables = router->feed_tables;

	if (as_found && !tables->due)
		tables->pause_us = TABLES_AGAIN_US;
	if (!as_found && !tables->due && !tables->catalog)
		tables_retry(tables);
}

/* Do queries come that ask the index, and may be answered by less? */
static bool tables_may_index(const struct options *options, unsigned nodes_count)
{
	return options->feed != FEED_OFF && nodes_count > 1 &&
	       (options->sessions == SESSIONS_CLUSTER || options->strong == STRONG_REPLICAS);
}

/* May the feed say of answers that are kept what has touched them? */
static bool tables_may_fence(const struct options *options, unsigned nodes_count)
{
	return options->feed == FEED_TABLE || (options->feed == FEED_LOGICAL && nodes_count > 1);
}

bool feed_tables_wanted(const struct options *options, unsigned nodes_count)
{
	return options->cache_bytes || tables_may_index(options, nodes_count);
}

void feed_tables_start(struct feed_tables *tables, struct router *router)
{
	*tables = (struct feed_tables){
		.router = router,
		.feed = (enum feed_option)router->shared.options->feed,
	};
	tables->schema = (struct schema_watch){ .env = &tables->env,
						.on_change = tables_on_change,
						.arg = tables };
	tables->env = (struct feed_env){
		.loop = router->loop,
		.topology = &router->topology,
		.nodes = router->shared.nodes,
		.decoded = tables->feed == FEED_LOGICAL,
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
	feed_alone_init(&tables->alone, &tables->env);
	schema_watch_init(&tables->schema);
	arena_init(&tables->arena);
	buf_init(&tables->out);
	tables->timer.on_due = tables_on_due;
	tables->pause_us = TABLES_AGAIN_US;
	feed_tables_reload(tables);
}

/* --- who is asked ----------------------------------------------------------------------------- */

static bool tables_keeps(const struct feed_tables *tables)
{
	return tables->router->shared.options->cache_bytes && catalog_has_cache(tables->catalog);
}

static bool tables_will_keep(const struct feed_tables *tables)
{
	const struct router *router = tables->router;

	return router->shared.options->cache_bytes &&
	       catalog_has_cache(router->catalog_ref->catalog);
}

/* Will a round of the catalog of now ask for anything? */
static bool tables_have_questions(const struct feed_tables *tables)
{
	const struct router_shared *shared = &tables->router->shared;

	return tables_will_keep(tables) || tables_may_index(shared->options, shared->nodes_count);
}

/* Of a query whether its answers may be kept, of a command what it writes to. */
static bool tables_asks_cache(const struct feed_tables *tables, const struct operation *operation)
{
	return tables_keeps(tables) && (operation->cache_us || operation->kind == REQUEST_COMMAND);
}

/* Does it matter whether the feed sees all that changes what it reads? */
static bool tables_asks_feed(const struct feed_tables *tables, const struct operation *operation)
{
	const struct router_shared *shared = &tables->router->shared;

	return operation->kind == REQUEST_QUERY &&
	       (tables_may_index(shared->options, shared->nodes_count) ||
		(tables_asks_cache(tables, operation) &&
		 tables_may_fence(shared->options, shared->nodes_count)));
}

static struct statement *tables_question(const struct feed_tables *tables,
					 const struct operation *operation)
{
	if (!tables_asks_cache(tables, operation))
		return tables_asks_feed(tables, operation) ? feed_reads(tables->feed) : NULL;
	return operation->kind == REQUEST_QUERY ? cache_reads(tables->feed) : feed_writes();
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void tables_drop_round(struct feed_tables *tables)
{
	for (unsigned i = 0; tables->catalog && i < tables->catalog->count; i++)
		free(tables->found[i].relations);
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
	feed_alone_stop(&tables->alone);
	schema_watch_fini(&tables->schema);
	loop_timer_cancel(tables->router->loop, &tables->timer);
	if (tables->pool)
		pool_forget(tables->pool, &tables->call);
	tables_drop_round(tables);
	if (tables->known)
		catalog_let_go(tables->known);
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
	tables->due = true;
	tables->failed = false;
	tables->changes_of = tables->changes;
	tables->began_us = loop_now(tables->router->loop);
	tables_ask_next(tables);
}

/* --- what was found --------------------------------------------------------------------------- */

static void tables_unite(const struct feed_tables *tables, struct feed_union *all)
{
	*all = (struct feed_union){ 0 };
	for (unsigned i = 0; i < tables->catalog->count; i++) {
		struct feed_found *found = &tables->found[i];

		if (found->counts && !feed_union_has_room(all, found)) {
			found->counts = false;
			all->left_out++;
		}
		for (size_t j = 0; found->counts && j < found->count; j++)
			feed_union_add(all, &found->relations[j]);
	}
}

/* --- what becomes of it ----------------------------------------------------------------------- */

/* Are the tags of the query these, under the version of now? */
static bool tables_has_tags(const struct feed_tables *tables, const struct statement *statement,
			    const struct feed_found *found)
{
	uint32_t version;
	bool same = feed_found_is(
		found, atomic_load_explicit(&statement->tags, memory_order_relaxed), &version);

	if (!version || version != tables->version)
		return !found->counts;
	return found->counts && same;
}

static bool tables_are_as_before(const struct feed_tables *tables, const struct feed_union *all)
{
	int64_t shape = 0;

	for (size_t i = 0; i < all->count; i++)
		shape += all->relations[i].shape;
	if (!tables->version || all->count != tables->ids_count || shape != tables->shape)
		return false;
	for (unsigned i = 0; i < tables->catalog->count; i++)
		if (!tables_has_tags(tables, tables->catalog->operations[i].statement,
				     &tables->found[i]))
			return false;
	return true;
}

static void tables_write_one(const struct feed_tables *tables, struct statement *statement,
			     const struct feed_found *found)
{
	uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX];

	feed_found_ids(found, tags);
	statement_set_tags(statement, found->counts ? tables->version : 0, tags,
			   found->counts ? found->count : 0);
}

static void tables_write(struct feed_tables *tables, const struct feed_union *all)
{
	tables->version++;
	for (unsigned i = 0; i < tables->catalog->count; i++)
		if (tables->catalog->operations[i].kind == REQUEST_QUERY)
			tables_write_one(tables, tables->catalog->operations[i].statement,
					 &tables->found[i]);
	tables->shape = 0;
	tables->ids_count = all->count;
	for (size_t i = 0; i < all->count; i++) {
		tables->ids[i] = all->relations[i].id;
		tables->shape += all->relations[i].shape;
	}
}

static void tables_follow(struct feed_tables *tables, unsigned counting)
{
	struct feed_relations relations = { tables->ids, tables->ids_count, tables->shape,
					    tables->version };

	if (!counting) {
		feed_reader_stop(&tables->reader);
		feed_marker_stop(&tables->marker);
		return;
	}
	feed_alone_stop(&tables->alone);
	if (tables->feed == FEED_TABLE)
		feed_marker_run(&tables->marker);
	feed_reader_run(&tables->reader, &relations);
}

/* --- what is kept ----------------------------------------------------------------------------- */

static void tables_set_relations(struct feed_tables *tables, struct statement *statement,
				 const struct feed_found *found)
{
	uint64_t ids[FEED_RELATIONS_OF_QUERY_MAX];
	uint32_t version;

	if (!found->relations) {
		statement_set_relations(statement, 0, ids, 0);
		return;
	}
	if (feed_found_is(found, atomic_load_explicit(&statement->relations, memory_order_relaxed),
			  &version))
		return;
	feed_found_ids(found, ids);
	statement_set_relations(statement, ++tables->sets, ids, found->count);
}

/*
 * Answers are kept from now on, unless a loop has not heard yet of the first catalog that has some:
 * its commands are not in doubt on what they write to. False: so it is.
 */
static bool tables_keep(struct feed_tables *tables)
{
	struct feed_shared *shared = tables->env.shared;
	bool all = atomic_load_explicit(&shared->keepers, memory_order_acquire) ==
		   atomic_load_explicit(&shared->posts_count, memory_order_acquire);

	for (unsigned i = 0; i < tables->catalog->count; i++) {
		struct statement *statement = tables->catalog->operations[i].statement;
		const struct feed_found *found = &tables->found[i];

		if (tables_asks_cache(tables, &tables->catalog->operations[i]))
			tables_set_relations(tables, statement, found);
		atomic_store_explicit(&statement->cached, all ? found->cached : CACHED_UNKNOWN,
				      memory_order_release);
	}
	return all;
}

static void tables_complain_of_room(struct feed_tables *tables, unsigned left_out)
{
	if (left_out && !tables->crowded)
		log_warn("feed",
			 "%u queries are not read by table: with the relations of those before "
			 "them there are more than %d",
			 left_out, FEED_RELATIONS_MAX);
	tables->crowded = left_out;
}

static void tables_take_round(struct feed_tables *tables, const struct feed_union *all)
{
	unsigned counting = feed_found_counting(tables->found, tables->catalog->count);

	tables_complain_of_room(tables, all->left_out);
	if (!tables_are_as_before(tables, all)) {
		tables_write(tables, all);
		tables_follow(tables, counting);
	}
	if (!counting && tables_keeps(tables))
		feed_alone_run(&tables->alone);
	if (tables_keeps(tables)) {
		tables->failed = !tables_keep(tables) || tables->failed;
		if (tables->changes_of == tables->changes)
			schema_watch_asked(&tables->schema);
	}
	if (tables->known)
		catalog_let_go(tables->known);
	tables->known = catalog_hold(tables->catalog);
	tables->known_triggers = tables->triggers;
	tables->minutes = 0;
	tables->complained = tables->failed;
	metric_set(tables->router->metrics, METRIC_feed_queries, NULL, counting);
}

static void tables_end_round(struct feed_tables *tables)
{
	struct feed_union all;

	tables_unite(tables, &all);
	if (!all.odds)
		tables_take_round(tables, &all);
	tables_drop_round(tables);
	if (all.odds || tables->failed) {
		tables_retry(tables);
		return;
	}
	tables->due = tables->changes_of != tables->changes ||
		      tables->known != tables->router->catalog_ref->catalog;
	tables_again(tables, tables->due ? 0 : TABLES_EVERY_US);
}

void feed_tables_reload(struct feed_tables *tables)
{
	if (!tables->router)
		return;
	if (tables_will_keep(tables))
		schema_watch_run(&tables->schema);
	else
		schema_watch_stop(&tables->schema);
	tables_make_due(tables);
}

/* --- one query -------------------------------------------------------------------------------- */

/* Once, until a round has come to its end without. what: a query, or NULL. */
static void tables_complain(struct feed_tables *tables, const char *what)
{
	const struct pg_error *error = &tables->call.error;

	if (tables->complained)
		return;
	tables->complained = true;
	if (!what)
		log_warn("feed", "reads by table are off: run cqrsd migrate: %s (%s)",
			 error->message, error->sqlstate);
	else
		log_warn("feed",
			 "what %s reads cannot be found out, so that it is not read by "
			 "table: %s (%s)",
			 what, error->message, error->sqlstate);
}

/* A statement that PostgreSQL cannot take for that goes on to be one. */
static bool tables_may_do_later(const struct call *call)
{
	return strncmp(call->error.sqlstate, "42", 2) != 0 &&
	       strncmp(call->error.sqlstate, "0A", 2) != 0;
}

static void tables_take_reads(struct feed_tables *tables, const struct operation *operation,
			      struct feed_found *found)
{
	struct text rows = { tables->out.ptr, tables->out.len };
	enum feed_reads_end end = feed_reads_take(rows, &found->relations, &found->count);

	found->counts = end == FEED_READS_COUNT;
	if (!found->counts)
		*found = (struct feed_found){ 0 };
	if (end == FEED_READS_TOO_MANY)
		log_warn("feed", "%s reads more than %d relations, and is not read by table",
			 operation->name, FEED_RELATIONS_OF_QUERY_MAX);
}

static void tables_take_cache(struct feed_tables *tables, const struct operation *operation,
			      struct feed_found *found)
{
	struct text rows = { tables->out.ptr, tables->out.len };
	struct cache_found reads;
	const char *why;

	found->cached = CACHED_NEVER;
	if (!cache_reads_take(rows, &tables->arena, &reads))
		return;
	feed_found_take(found, reads.relations, reads.count);
	found->counts = !reads.why[CACHE_UNSEEN] && tables_asks_feed(tables, operation);
	why = cache_refusal(operation, &reads, &tables->arena);
	if (!why)
		found->cached = cache_varies(operation, &reads) ? CACHED_BY_USER : CACHED_FOR_ALL;
	else if (tables->known != tables->catalog)
		log_warn("cache", "answers of %s are not kept: %s", operation->name, why);
}

/* What a command writes to; where that is not known, all there is. */
static void tables_take_writes(struct feed_tables *tables, struct feed_found *found)
{
	struct text rows = { tables->out.ptr, tables->out.len };

	if (feed_reads_take(rows, &found->relations, &found->count) != FEED_READS_COUNT)
		*found = (struct feed_found){ 0 };
}

static void tables_take(struct feed_tables *tables, const struct operation *operation)
{
	struct feed_found *found = &tables->found[tables->next];

	if (operation->kind == REQUEST_COMMAND)
		tables_take_writes(tables, found);
	else if (tables_asks_cache(tables, operation))
		tables_take_cache(tables, operation, found);
	else
		tables_take_reads(tables, operation, found);
}

static void tables_on_done(struct call *call)
{
	struct feed_tables *tables = container_of(call, struct feed_tables, call);
	const struct operation *operation = &tables->catalog->operations[tables->next];

	tables->pool = NULL;
	if (call->end == CALL_OK) {
		tables_take(tables, operation);
	} else if (call->end == CALL_ERROR) {
		tables_complain(tables, operation->name);
		tables->failed = tables->failed || tables_may_do_later(call);
	} else {
		tables_drop_round(tables);
		tables_again(tables, TABLES_AGAIN_US);
		return;
	}
	tables->next++;
	tables_ask_next(tables);
}

static void tables_ask_next(struct feed_tables *tables)
{
	struct statement *question = NULL;
	struct pool *pool;

	while (tables->next < tables->catalog->count &&
	       !(question = tables_question(tables, &tables->catalog->operations[tables->next])))
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
		.statement = question,
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
	if (call->end == CALL_ERROR)
		tables_complain(tables, NULL);
	if (call->end != CALL_OK ||
	    !feed_triggers_take((struct text){ tables->out.ptr, tables->out.len }, &triggers)) {
		tables_again(tables, call->end == CALL_ERROR ? TABLES_EVERY_US : TABLES_AGAIN_US);
		return;
	}
	tables->triggers = triggers;
	if (tables->known == tables->router->catalog_ref->catalog && !tables->due &&
	    tables->known_triggers == triggers && ++tables->minutes < TABLES_MINUTES)
		tables_again(tables, TABLES_EVERY_US);
	else
		tables_begin_round(tables);
}

static void tables_on_due(struct loop_timer *timer)
{
	struct feed_tables *tables = container_of(timer, struct feed_tables, timer);
	struct pool *pool = router_primary_pool(tables->router);

	if (tables->catalog || tables->pool || schema_watch_waits(&tables->schema))
		return;
	if (!tables_have_questions(tables)) {
		tables_again(tables, TABLES_AGAIN_US);
		return;
	}
	arena_reset(&tables->arena);
	buf_clear(&tables->out);
	tables->call = (struct call){
		.kind = CALL_QUERY,
		.statement = feed_triggers(tables->feed),
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
