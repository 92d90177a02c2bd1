/* SPDX-License-Identifier: Apache-2.0 */
/* Stamps are compared, nothing else: a sum over rows has no order. */
#include "router/schema_watch.h"

#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"

#include <pthread.h>
#include <string.h>

#define SCHEMA_EVERY_US (2 * US_PER_S)
#define SCHEMA_SHARE 50 /* it takes no more than one of so many parts of the time */
#define SCHEMA_AGAIN_US US_PER_S
#define SCHEMA_BLIND_US (60 * US_PER_S)
#define SCHEMA_ERRORS_MAX 3

enum { INT8OID = 20 };

/*
 * A row that is written anew has another xmin. Where that happens for other reasons (TRUNCATE and
 * REINDEX write the row of the table, a password that of the role), the columns that count are
 * summed instead. What is temporary is of one session, which is none that answers queries. What
 * was there before the first object of one's own changes by rights alone.
 */
static const char schema_sql[] =
	"WITH lasting AS MATERIALIZED (SELECT c.oid FROM pg_catalog.pg_class AS c"
	" WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'c') AND c.relpersistence <> 't')"
	" SELECT coalesce(sum(hashtextextended(s.part, 0) >> 20), 0)::bigint AS stamp,"
	" coalesce(sum(hashtextextended(s.part, 0) >> 20)"
	" FILTER (WHERE s.part ~ '^(role|member|setting)'), 0)::bigint AS roles FROM ("
	"SELECT 'path' || current_setting('search_path') AS part"
	" UNION ALL SELECT 'class' || row(c.oid, c.relname, c.relnamespace, c.relkind, c.relowner,"
	" c.relpersistence,"
	" c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relacl,"
	" CASE WHEN c.relkind = 'v' THEN c.reloptions END)::text"
	" FROM pg_catalog.pg_class AS c JOIN lasting AS l ON l.oid = c.oid"
	" UNION ALL SELECT 'attribute' || a.attrelid || ' ' || a.attnum || ' ' || a.xmin"
	" FROM pg_catalog.pg_attribute AS a JOIN lasting AS l ON l.oid = a.attrelid"
	" WHERE a.attnum > 0 AND (a.attrelid >= 16384 OR a.attacl IS NOT NULL)"
	" UNION ALL SELECT 'attrdef' || d.oid || ' ' || d.xmin"
	" FROM pg_catalog.pg_attrdef AS d JOIN lasting AS l ON l.oid = d.adrelid"
	" UNION ALL SELECT 'rewrite' || r.oid || ' ' || r.xmin"
	" FROM pg_catalog.pg_rewrite AS r JOIN lasting AS l ON l.oid = r.ev_class"
	" UNION ALL SELECT 'trigger' || t.oid || ' ' || t.xmin"
	" FROM pg_catalog.pg_trigger AS t JOIN lasting AS l ON l.oid = t.tgrelid"
	" WHERE NOT t.tgisinternal"
	" UNION ALL SELECT 'constraint' || k.oid || ' ' || k.xmin"
	" FROM pg_catalog.pg_constraint AS k"
	" WHERE k.contypid <> 0 OR k.conrelid IN (SELECT l.oid FROM lasting AS l)"
	" UNION ALL SELECT 'inherits' || i.inhrelid || ' ' || i.inhparent || ' ' || i.xmin"
	" FROM pg_catalog.pg_inherits AS i JOIN lasting AS l ON l.oid = i.inhrelid"
	" UNION ALL SELECT 'policy' || p.oid || ' ' || p.xmin FROM pg_catalog.pg_policy AS p"
	" UNION ALL SELECT 'proc' || p.oid || ' ' || p.xmin FROM pg_catalog.pg_proc AS p"
	" JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
	" WHERE (p.oid >= 16384 OR p.proacl IS NOT NULL) AND n.nspname !~ '^pg_temp_'"
	" UNION ALL SELECT 'namespace' || n.oid || ' ' || n.xmin"
	" FROM pg_catalog.pg_namespace AS n WHERE n.nspname !~ '^pg_(toast_)?temp_'"
	" UNION ALL SELECT 'type' || t.oid || ' ' || t.xmin FROM pg_catalog.pg_type AS t"
	" WHERE t.oid >= 16384 AND t.typtype IN ('b', 'd', 'e', 'r') AND t.typelem = 0"
	" UNION ALL SELECT 'enum' || e.oid || ' ' || e.xmin FROM pg_catalog.pg_enum AS e"
	" UNION ALL SELECT 'operator' || o.oid || ' ' || o.xmin"
	" FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384"
	" UNION ALL SELECT 'cast' || c.oid || ' ' || c.xmin"
	" FROM pg_catalog.pg_cast AS c WHERE c.oid >= 16384"
	" UNION ALL SELECT 'dict' || d.oid || ' ' || d.xmin"
	" FROM pg_catalog.pg_ts_dict AS d WHERE d.oid >= 16384"
	" UNION ALL SELECT 'map' || m.mapcfg || ' ' || m.maptokentype || ' ' || m.mapseqno"
	" || ' ' || m.xmin FROM pg_catalog.pg_ts_config_map AS m WHERE m.mapcfg >= 16384"
	" UNION ALL SELECT 'role' || row(r.oid, r.rolname, r.rolsuper, r.rolinherit,"
	" r.rolbypassrls)::text FROM pg_catalog.pg_roles AS r"
	" UNION ALL SELECT 'member' || m.roleid || ' ' || m.member || ' ' || m.xmin"
	" FROM pg_catalog.pg_auth_members AS m"
	" UNION ALL SELECT 'setting' || s.setdatabase || ' ' || s.setrole || ' ' || s.xmin"
	" FROM pg_catalog.pg_db_role_setting AS s"
	" UNION ALL SELECT 'database' || row(d.datdba, d.datacl)::text"
	" FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()"
	") AS s (part)";

static struct statement schema_statement;
static pthread_once_t schema_once = PTHREAD_ONCE_INIT;

static void schema_on_due(struct loop_timer *timer);

static void schema_make(void)
{
	static const uint32_t numbers[] = { INT8OID, INT8OID };

	statement_make_known(&schema_statement, "schema.stamp", schema_sql,
			     (struct oids){ NULL, 0 }, (struct oids){ numbers, 2 });
}

struct statement *schema_stamp(void)
{
	pthread_once(&schema_once, schema_make);
	return &schema_statement;
}

/* --- its life --------------------------------------------------------------------------------- */

static void schema_again(struct schema_watch *watch, int64_t pause_us)
{
	loop_timer_set(watch->env->loop, &watch->timer, loop_now(watch->env->loop) + pause_us);
}

static void schema_doubt(struct schema_watch *watch)
{
	if (!watch->doubts)
		stripes_doubt(&watch->env->shared->stripes, STRIPES_TAG_ALL);
	watch->doubts = true;
}

/* What was read below position is out of date; POSITION_NONE: nothing is. */
static void schema_settle(struct schema_watch *watch, struct position position)
{
	struct stripes *stripes = &watch->env->shared->stripes;

	if (watch->doubts)
		stripes_settle(stripes, STRIPES_TAG_ALL, stripes_lsn(stripes, position));
	watch->doubts = false;
}

void schema_watch_init(struct schema_watch *watch)
{
	arena_init(&watch->arena);
	buf_init(&watch->out);
	watch->timer.on_due = schema_on_due;
}

void schema_watch_run(struct schema_watch *watch)
{
	if (watch->state != SCHEMA_OFF)
		return;
	watch->state = SCHEMA_NEW;
	schema_doubt(watch);
	schema_again(watch, 0);
}

void schema_watch_stop(struct schema_watch *watch)
{
	if (watch->pool)
		pool_forget(watch->pool, &watch->call);
	watch->pool = NULL;
	loop_timer_cancel(watch->env->loop, &watch->timer);
	schema_settle(watch, POSITION_NONE);
	watch->state = SCHEMA_OFF;
	watch->errors = 0;
}

void schema_watch_fini(struct schema_watch *watch)
{
	schema_watch_stop(watch);
	arena_fini(&watch->arena);
	buf_fini(&watch->out);
}

bool schema_watch_waits(const struct schema_watch *watch)
{
	return watch->state == SCHEMA_NEW;
}

void schema_watch_asked(struct schema_watch *watch)
{
	if (watch->state != SCHEMA_ASKING)
		return;
	watch->state = SCHEMA_PROVING;
	watch->outdated = watch->pool != NULL;
	if (!watch->pool)
		schema_again(watch, 0);
}

/* --- what it has read ------------------------------------------------------------------------- */

static bool schema_is_as_known(const struct schema_watch *watch, uint32_t timeline)
{
	if (watch->state == SCHEMA_NEW || watch->state == SCHEMA_BLIND)
		return false;
	return !CONTROL_CACHE_SCHEMA ||
	       (watch->timeline == timeline && watch->out.len == watch->stamp_len &&
		memcmp(watch->out.ptr, watch->stamp, watch->stamp_len) == 0);
}

/* Of the stamp that was read the part that is of roles: it is the last of its row. */
static void schema_roles(const struct schema_watch *watch, char roles[SCHEMA_STAMP_MAX])
{
	static const char name[] = "\"roles\"";
	const char *at = memmem(watch->out.ptr, watch->out.len, name, sizeof(name) - 1);
	size_t len = at ? (size_t)(watch->out.ptr + watch->out.len - at) : 0;

	memset(roles, 0, SCHEMA_STAMP_MAX);
	memcpy(roles, at ? at : "", len < SCHEMA_STAMP_MAX ? len : SCHEMA_STAMP_MAX - 1);
}

/* Behind it, where no stamp is known or roles are other ones, nothing prepared before is run. A
 * change that a promotion took away before it was seen is on no node that is left. */
static void schema_tell_roles(struct schema_watch *watch, struct position position)
{
	struct feed_shared *shared = watch->env->shared;
	char roles[SCHEMA_STAMP_MAX];

	schema_roles(watch, roles);
	if (watch->state != SCHEMA_NEW && watch->state != SCHEMA_BLIND &&
	    strcmp(roles, watch->roles) == 0)
		return;
	memcpy(watch->roles, roles, sizeof(roles));
	atomic_store_explicit(&shared->roles_lsn, position.lsn, memory_order_relaxed);
	atomic_store_explicit(&shared->roles_timeline, position.timeline, memory_order_relaxed);
	atomic_fetch_add_explicit(&shared->roles, 1, memory_order_release);
}

static void schema_know(struct schema_watch *watch, uint32_t timeline)
{
	watch->timeline = timeline;
	watch->stamp_len = watch->out.len;
	memcpy(watch->stamp, watch->out.ptr, watch->out.len);
}

static void schema_take(struct schema_watch *watch, struct position position)
{
	if (schema_is_as_known(watch, position.timeline)) {
		if (watch->state != SCHEMA_PROVING || watch->outdated)
			return;
		schema_settle(watch, position);
		watch->state = SCHEMA_SURE;
		return;
	}
	schema_doubt(watch);
	if (watch->state != SCHEMA_NEW && watch->state != SCHEMA_BLIND)
		metric_add(watch->env->metrics, METRIC_cache_schema_changes_total, NULL, 1);
	schema_tell_roles(watch, position);
	schema_know(watch, position.timeline);
	watch->state = SCHEMA_ASKING;
	watch->on_change(watch->arg);
}

static void schema_take_error(struct schema_watch *watch)
{
	const struct pg_error *error = &watch->call.error;

	if (++watch->errors != SCHEMA_ERRORS_MAX)
		return;
	log_warn("cache",
		 "changes of the schema, of rights and of policies are seen 10 minutes later: "
		 "%s (%s)",
		 error->message, error->sqlstate);
	watch->state = SCHEMA_BLIND;
	schema_settle(watch, watch->env->topology->primary_position);
	watch->on_change(watch->arg);
}

/* Has it answered as the primary that it was asked as? */
static bool schema_is_of_primary(const struct schema_watch *watch)
{
	const struct topology *topology = watch->env->topology;

	return !watch->call.in_recovery && watch->call.wal_end &&
	       topology->primary == (int)watch->node &&
	       topology->nodes[watch->node].life == watch->life &&
	       position_known(topology->primary_position);
}

static bool schema_is_good(const struct schema_watch *watch)
{
	return watch->call.end == CALL_OK && watch->out.len &&
	       watch->out.len <= sizeof(watch->stamp) && schema_is_of_primary(watch);
}

static int64_t schema_pause_us(const struct schema_watch *watch)
{
	int64_t pause_us = SCHEMA_SHARE * (watch->call.done_us - watch->call.sent_us);

	if (watch->state == SCHEMA_BLIND)
		return SCHEMA_BLIND_US;
	if (!schema_is_good(watch))
		return SCHEMA_AGAIN_US;
	if (watch->outdated)
		return 0;
	return pause_us > SCHEMA_EVERY_US ? pause_us : SCHEMA_EVERY_US;
}

static void schema_on_done(struct call *call)
{
	struct schema_watch *watch = container_of(call, struct schema_watch, call);
	const struct feed_env *env = watch->env;

	env->refresh(env->arg);
	watch->pool = NULL;
	if (call->end == CALL_ERROR) {
		schema_take_error(watch);
	} else if (schema_is_good(watch)) {
		watch->errors = 0;
		schema_take(watch, (struct position){ env->topology->primary_position.timeline,
						      call->wal_end });
	}
	schema_again(watch, schema_pause_us(watch));
}

/* --- what it asks ----------------------------------------------------------------------------- */

static void schema_on_due(struct loop_timer *timer)
{
	struct schema_watch *watch = container_of(timer, struct schema_watch, timer);
	const struct feed_env *env = watch->env;
	struct pool *pool;

	env->refresh(env->arg);
	if (watch->state == SCHEMA_OFF || watch->pool)
		return;
	schema_again(watch, SCHEMA_AGAIN_US);
	if (env->topology->primary < 0)
		return;
	watch->node = (unsigned)env->topology->primary;
	watch->life = env->topology->nodes[watch->node].life;
	watch->outdated = false;
	arena_reset(&watch->arena);
	buf_clear(&watch->out);
	watch->call = (struct call){
		.kind = CALL_QUERY,
		.statement = schema_stamp(),
		.arena = &watch->arena,
		.out = &watch->out,
		.rows_max = 1,
		.on_done = schema_on_done,
	};
	pool = env->pool_of(env->arg, watch->node);
	if (!pool_submit(pool, &watch->call))
		return;
	loop_timer_cancel(env->loop, &watch->timer);
	watch->pool = pool;
}
