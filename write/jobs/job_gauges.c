/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs are counted, and the oldest one is found, in one pass: no index has all of them in the order
 * in which they are due, and while an old snapshot keeps deleted rows each pass reads them, too.
 * Of dead letters not more than --jobs-max are counted.
 */
#include "write/jobs/job_gauges.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "write/jobs/job_statement.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define GAUGES_EVERY_US (10 * US_PER_S)
#define GAUGES_SOON_US US_PER_S /* after the start */
#define GAUGES_TIMES 20         /* no more of the time than a twentieth is spent on counting */

/* clang-format off */
static const char gauges_text[] =
	"WITH waiting AS MATERIALIZED (SELECT CASE WHEN attempts > 0 THEN 'retrying'"
	" WHEN run_at > now() THEN 'scheduled' ELSE 'queued' END AS state, count(*) AS jobs,"
	" min(run_at) AS first_at FROM cqrsd.job GROUP BY 1)"
	" SELECT 'jobs' AS gauge, state AS name, jobs::float8 AS value FROM waiting"
	" UNION ALL SELECT 'oldest', '', coalesce(greatest(extract(epoch FROM now()"
	" - min(first_at)), 0), 0)::float8 FROM waiting"
	" UNION ALL SELECT 'dead', command, count(*)::float8 FROM"
	" (SELECT command FROM cqrsd.job_dead LIMIT $1) AS counted GROUP BY command";
/* clang-format on */

static struct statement gauges_statement;
static pthread_once_t gauges_once = PTHREAD_ONCE_INIT;

static void gauges_on_due(struct loop_timer *timer);

static void gauges_make(void)
{
	static const uint32_t params[] = { INT8OID };
	static const uint32_t columns[] = { TEXTOID, TEXTOID, FLOAT8OID };

	job_statement_make(&gauges_statement, "jobs.gauges", gauges_text,
			   (struct job_types){ params, 1 }, (struct job_types){ columns, 3 });
}

static void gauges_again(struct job_gauges *gauges, int64_t pause_us)
{
	struct router *router = gauges->router;
	int64_t jitter_us = (int64_t)random_below(&router->random, (uint64_t)pause_us / 10);

	loop_timer_set(router->loop, &gauges->timer, loop_now(router->loop) + pause_us - jitter_us);
}

void job_gauges_start(struct job_gauges *gauges, struct router *router)
{
	pthread_once(&gauges_once, gauges_make);
	*gauges = (struct job_gauges){ .router = router, .timer.on_due = gauges_on_due };
	arena_init(&gauges->arena);
	buf_init(&gauges->out);
	gauges_again(gauges, GAUGES_SOON_US);
}

void job_gauges_stop(struct job_gauges *gauges)
{
	if (!gauges->router)
		return;
	if (gauges->pool)
		pool_forget(gauges->pool, &gauges->call);
	loop_timer_cancel(gauges->router->loop, &gauges->timer);
	arena_fini(&gauges->arena);
	buf_fini(&gauges->out);
	gauges->router = NULL;
}

/* --- what is shown ---------------------------------------------------------------------------- */

static void gauges_forget(struct metrics *metrics)
{
	metric_forget(metrics, METRIC_jobs);
	metric_forget(metrics, METRIC_job_oldest_queued_seconds);
	metric_forget(metrics, METRIC_dead_letters);
}

/* Of what there are none no row tells. */
static void gauges_clear(const struct router *router)
{
	const struct catalog *catalog = router->catalog_ref->catalog;
	static const char *const states[] = { "scheduled", "queued", "retrying" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		metric_set(router->metrics, METRIC_jobs, METRIC_LABELS(states[i]), 0);
	for (unsigned i = 0; i < catalog->count; i++)
		if (operation_is_job(&catalog->operations[i]))
			metric_set(router->metrics, METRIC_dead_letters,
				   METRIC_LABELS(catalog->operations[i].name), 0);
}

static void gauges_show_row(struct metrics *metrics, const struct json *row)
{
	struct text gauge = json_text(json_get(row, "gauge"));
	const char *name = json_text(json_get(row, "name")).ptr;
	struct text number = json_source(json_get(row, "value"));
	double value = strtod(number.ptr, NULL); /* a comma or a brace follows */

	if (text_is(gauge, "jobs"))
		metric_set(metrics, METRIC_jobs, METRIC_LABELS(name), value);
	else if (text_is(gauge, "oldest"))
		metric_set(metrics, METRIC_job_oldest_queued_seconds, NULL, value);
	else
		metric_set(metrics, METRIC_dead_letters, METRIC_LABELS(name), value);
}

static void gauges_show(struct job_gauges *gauges)
{
	struct json *json = json_read_rows((struct text){ gauges->out.ptr, gauges->out.len });

	gauges_forget(gauges->router->metrics);
	if (!json)
		return;
	gauges_clear(gauges->router);
	for (const struct json *row = json_first(json); row; row = json_next(row))
		gauges_show_row(gauges->router->metrics, row);
	json_free(json);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void gauges_on_done(struct call *call)
{
	struct job_gauges *gauges = container_of(call, struct job_gauges, call);
	int64_t pause_us = GAUGES_TIMES * (call->done_us - call->sent_us);

	gauges->pool = NULL;
	if (call->end == CALL_ERROR && !gauges->complained)
		log_warn("jobs", "jobs cannot be counted for metrics: %s (%s)", call->error.message,
			 call->error.sqlstate);
	gauges->complained = call->end == CALL_ERROR;
	if (call->end == CALL_OK)
		gauges_show(gauges);
	else
		gauges_forget(gauges->router->metrics);
	gauges_again(gauges, call->end == CALL_OK && pause_us > GAUGES_EVERY_US ? pause_us
										: GAUGES_EVERY_US);
}

static void gauges_on_due(struct loop_timer *timer)
{
	struct job_gauges *gauges = container_of(timer, struct job_gauges, timer);
	struct router *router = gauges->router;
	struct pool *pool = NULL;

	if (catalog_has_jobs(router->catalog_ref->catalog))
		pool = router_primary_pool(router);
	arena_reset(&gauges->arena);
	buf_clear(&gauges->out);
	gauges->values[0] =
		arena_printf(&gauges->arena, "%lld", (long long)router->shared.options->jobs_max);
	gauges->call = (struct call){
		.kind = CALL_QUERY,
		.statement = &gauges_statement,
		.values = gauges->values,
		.arena = &gauges->arena,
		.out = &gauges->out,
		.on_done = gauges_on_done,
	};
	if (pool && pool_submit(pool, &gauges->call)) {
		gauges->pool = pool;
		return;
	}
	gauges_forget(router->metrics);
	gauges_again(gauges, GAUGES_EVERY_US);
}
