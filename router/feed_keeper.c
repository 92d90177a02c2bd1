/* SPDX-License-Identifier: Apache-2.0 */
/* Each minute: is there another catalog? */
#include "router/feed_keeper.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <string.h>

#define KEEPER_EVERY_US (60 * US_PER_S)
#define KEEPER_AGAIN_US US_PER_S

enum { TEXTOID = 25 };

static struct statement keeper_right;
static pthread_once_t keeper_once = PTHREAD_ONCE_INIT;

static void keeper_on_due(struct loop_timer *timer);

static void keeper_make(void)
{
	static const uint32_t text = TEXTOID;

	statement_make_known(
		&keeper_right, "feed.right",
		"SELECT CASE WHEN c.oid IS NULL THEN 'missing'"
		" WHEN has_schema_privilege(n.oid, 'USAGE')"
		" AND has_table_privilege(c.oid, 'INSERT') THEN 'granted' ELSE 'refused' END"
		" AS \"right\" FROM (SELECT 1) AS one"
		" LEFT JOIN pg_namespace AS n ON n.nspname = 'cqrsd'"
		" LEFT JOIN pg_class AS c ON c.relnamespace = n.oid"
		" AND c.relname = 'invalidation'",
		(struct oids){ NULL, 0 }, (struct oids){ &text, 1 });
}

struct statement *feed_right(void)
{
	pthread_once(&keeper_once, keeper_make);
	return &keeper_right;
}

const char *feed_right_lacks(struct text row)
{
	if (text_is(row, "{\"right\":\"granted\"}"))
		return NULL;
	return text_is(row, "{\"right\":\"missing\"}")
		       ? "run cqrsd migrate"
		       : "the role needs USAGE on the schema cqrsd and INSERT on the table "
			 "cqrsd.invalidation";
}

const struct operation *feed_writer(const struct catalog *catalog)
{
	for (unsigned i = 0; i < catalog->count; i++)
		if (catalog->operations[i].kind == REQUEST_COMMAND &&
		    catalog->operations[i].tags_count)
			return &catalog->operations[i];
	return NULL;
}

/* --- its life --------------------------------------------------------------------------------- */

static void keeper_refresh(void *arg)
{
	router_refresh(arg);
}

static struct pool *keeper_pool_of(void *arg, unsigned node)
{
	struct router *router = arg;

	return router->nodes[node].pool;
}

static void keeper_again(struct feed_keeper *keeper, int64_t pause_us)
{
	loop_timer_set(keeper->router->loop, &keeper->timer,
		       loop_now(keeper->router->loop) + pause_us);
}

void feed_keeper_start(struct feed_keeper *keeper, struct router *router)
{
	*keeper = (struct feed_keeper){ .router = router, .timer.on_due = keeper_on_due };
	keeper->env = (struct feed_env){
		.loop = router->loop,
		.topology = &router->topology,
		.metrics = router->metrics,
		.pool_of = keeper_pool_of,
		.refresh = keeper_refresh,
		.arg = router,
	};
	feed_marker_init(&keeper->marker, &keeper->env);
	arena_init(&keeper->arena);
	buf_init(&keeper->out);
	keeper_again(keeper, 0);
}

static void keeper_know(struct feed_keeper *keeper, struct catalog *catalog)
{
	if (keeper->known)
		catalog_let_go(keeper->known);
	keeper->known = catalog ? catalog_hold(catalog) : NULL;
}

void feed_keeper_stop(struct feed_keeper *keeper)
{
	if (!keeper->router)
		return;
	feed_marker_fini(&keeper->marker);
	loop_timer_cancel(keeper->router->loop, &keeper->timer);
	if (keeper->pool)
		pool_forget(keeper->pool, &keeper->call);
	keeper_know(keeper, NULL);
	arena_fini(&keeper->arena);
	buf_fini(&keeper->out);
	keeper->router = NULL;
}

/* --- may rows be written? --------------------------------------------------------------------- */

static void keeper_on_right(struct call *call)
{
	struct feed_keeper *keeper = container_of(call, struct feed_keeper, call);
	const struct operation *writer = feed_writer(keeper->known);
	const char *lacks;

	keeper->pool = NULL;
	if (call->end != CALL_OK) {
		keeper_know(keeper, NULL);
		keeper_again(keeper, KEEPER_AGAIN_US);
		return;
	}
	lacks = feed_right_lacks((struct text){ keeper->out.ptr, keeper->out.len });
	if (lacks)
		log_error("feed", "commands with @invalidates fail, %s among them: %s",
			  writer->name, lacks);
}

static void keeper_ask(struct feed_keeper *keeper)
{
	struct pool *pool = router_primary_pool(keeper->router);

	arena_reset(&keeper->arena);
	buf_clear(&keeper->out);
	keeper->call = (struct call){
		.kind = CALL_QUERY,
		.statement = feed_right(),
		.arena = &keeper->arena,
		.out = &keeper->out,
		.rows_max = 1,
		.on_done = keeper_on_right,
	};
	if (pool && pool_submit(pool, &keeper->call)) {
		keeper->pool = pool;
		return;
	}
	keeper_know(keeper, NULL);
	keeper_again(keeper, KEEPER_AGAIN_US);
}

static void keeper_on_due(struct loop_timer *timer)
{
	struct feed_keeper *keeper = container_of(timer, struct feed_keeper, timer);
	struct catalog *catalog = keeper->router->catalog_ref->catalog;

	keeper_again(keeper, KEEPER_EVERY_US);
	if (keeper->pool || keeper->known == catalog)
		return;
	keeper_know(keeper, catalog);
	if (!feed_writer(catalog)) {
		feed_marker_stop(&keeper->marker);
		return;
	}
	feed_marker_run(&keeper->marker);
	keeper_ask(keeper);
}
