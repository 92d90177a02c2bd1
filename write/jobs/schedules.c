/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is kept from one reading of the rows to the next but what this process has set: the rows
 * say the rest. Times are the primary's; the loop's clock only measures how long to sleep.
 */
#include "write/jobs/schedules.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "router/claims.h"
#include "write/jobs/job_row.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SCHEDULES_SLEEP_US (15 * US_PER_S) /* longest: others may have changed rows */
#define SCHEDULES_HELD_US US_PER_S         /* while one is due, but paused or busy */
#define SCHEDULES_SHIFTED_US (50 * US_PER_MS)
#define SCHEDULES_BEATEN_US (20 * US_PER_MS) /* another instance was quicker to set a row */
#define SCHEDULES_TROUBLE_US US_PER_S
#define SCHEDULES_JITTER_US (20 * US_PER_MS) /* so that instances do not meet at each due time */
#define SCHEDULES_SEEN_US (25 * US_PER_S)    /* then an instance with that spec says so again */
#define SCHEDULES_LEFT_US (60 * US_PER_S)    /* unseen for so long: no such instance is left */
#define SCHEDULES_STEP_US US_PER_S           /* the clock of a new primary may be behind by that */

static_assert(SCHEDULES_SLEEP_US + SCHEDULES_SEEN_US <= SCHEDULES_LEFT_US * 2 / 3,
	      "what is there is seen in time, also where a reading fails");

#define TRACE_BYTES 64

static void schedules_on_due(struct loop_timer *timer);
static void schedules_on_fetched(struct call *call);
static void schedules_on_set(struct call *call);
static void schedules_on_run(struct call *call);

/* What was asked last was asked of this primary, by this catalog. */
static bool schedules_are_current(const struct job_schedules *schedules)
{
	const struct router *router = schedules->router;

	return schedules->catalog_ref == router->catalog_ref &&
	       schedules->primary == router->topology.primary &&
	       schedules->timeline == router->topology.primary_position.timeline;
}

/* At once for what has come while a call was out: nothing else wakes it for that. */
static void schedules_again(struct job_schedules *schedules, int64_t pause_us)
{
	struct loop *loop = schedules->router->loop;

	if (!schedules_are_current(schedules))
		pause_us = 0;
	if (!schedules->draining)
		loop_timer_set(loop, &schedules->timer, loop_now(loop) + pause_us);
}

void job_schedules_start(struct job_schedules *schedules, struct router *router,
			 void (*on_accepted)(struct job_schedules *schedules))
{
	*schedules = (struct job_schedules){ .router = router, .on_accepted = on_accepted };
	arena_init(&schedules->arena);
	buf_init(&schedules->out);
	for (unsigned i = 0; i < SCHEDULE_SET_VALUES; i++)
		buf_init(&schedules->set[i]);
	for (unsigned i = 0; i < SCHEDULE_RUN_VALUES; i++)
		buf_init(&schedules->run[i]);
	schedules->timer.on_due = schedules_on_due;
	schedules_again(schedules, 0);
}

void job_schedules_stop(struct job_schedules *schedules)
{
	if (!schedules->router)
		return;
	if (schedules->pool)
		pool_forget(schedules->pool, &schedules->call);
	loop_timer_cancel(schedules->router->loop, &schedules->timer);
	if (schedules->catalog_ref)
		catalog_ref_drop(schedules->catalog_ref);
	free(schedules->seen);
	for (unsigned i = 0; i < SCHEDULE_SET_VALUES; i++)
		buf_fini(&schedules->set[i]);
	for (unsigned i = 0; i < SCHEDULE_RUN_VALUES; i++)
		buf_fini(&schedules->run[i]);
	buf_fini(&schedules->out);
	arena_fini(&schedules->arena);
	schedules->router = NULL;
}

void job_schedules_wake(struct job_schedules *schedules)
{
	if (schedules->router && !schedules_are_current(schedules))
		schedules_again(schedules, 0);
}

void job_schedules_drain(struct job_schedules *schedules)
{
	schedules->draining = true;
	if (schedules->router)
		loop_timer_cancel(schedules->router->loop, &schedules->timer);
}

/* --- asking ----------------------------------------------------------------------------------- */

static const struct operation *schedules_operation(const struct job_schedules *schedules,
						   unsigned index)
{
	const struct catalog *catalog = schedules->catalog_ref->catalog;

	return catalog->operations[index].schedule.kind == SCHEDULE_NONE
		       ? NULL
		       : &catalog->operations[index];
}

static unsigned schedules_count(const struct job_schedules *schedules)
{
	unsigned count = 0;

	for (unsigned i = 0; i < schedules->catalog_ref->catalog->count; i++)
		count += schedules_operation(schedules, i) != NULL;
	return count;
}

static void schedules_hold_catalog(struct job_schedules *schedules)
{
	struct catalog_ref *catalog_ref = schedules->router->catalog_ref;

	if (schedules->catalog_ref == catalog_ref)
		return;
	if (schedules->catalog_ref)
		catalog_ref_drop(schedules->catalog_ref);
	schedules->catalog_ref = catalog_ref;
	schedules->set_of = NULL;
	catalog_ref->users++;
	free(schedules->seen);
	schedules->seen = calloc(catalog_ref->catalog->count + 1, sizeof(*schedules->seen));
	assert(schedules->seen);
}

/* values: NULL: it has no parameters. */
static void schedules_ask(struct job_schedules *schedules, enum call_kind kind,
			  struct statement *statement, const char *const *values,
			  void (*on_done)(struct call *call))
{
	struct pool *pool = router_primary_pool(schedules->router);

	buf_clear(&schedules->out);
	schedules->call = (struct call){
		.kind = kind,
		.statement = statement,
		.values = values,
		.arena = &schedules->arena,
		.out = &schedules->out,
		.on_done = on_done,
	};
	if (pool && pool_submit(pool, &schedules->call))
		schedules->pool = pool;
	else
		schedules_again(schedules, SCHEDULES_TROUBLE_US);
}

static void schedules_fetch(struct job_schedules *schedules)
{
	arena_reset(&schedules->arena);
	schedules_ask(schedules, CALL_QUERY, schedule_fetch_statement(), NULL,
		      schedules_on_fetched);
}

static void schedules_on_due(struct loop_timer *timer)
{
	struct job_schedules *schedules = container_of(timer, struct job_schedules, timer);

	if (schedules->pool || schedules->draining)
		return;
	router_refresh(schedules->router);
	schedules_hold_catalog(schedules);
	schedules->primary = schedules->router->topology.primary;
	schedules->timeline = schedules->router->topology.primary_position.timeline;
	if (schedules_count(schedules)) {
		schedules_fetch(schedules);
		return;
	}
	metric_forget(schedules->router->metrics, METRIC_schedule_late_seconds);
	schedules_again(schedules, SCHEDULES_SLEEP_US);
}

/* Nothing came of it, or that is not known: the rows will say. */
static bool schedules_failed(struct job_schedules *schedules)
{
	const struct call *call = &schedules->call;

	schedules->pool = NULL;
	if (call->end == CALL_ERROR && !schedules->complained)
		log_warn("jobs", "schedules cannot be run: %s (%s)", call->error.message,
			 call->error.sqlstate);
	schedules->complained = call->end == CALL_ERROR;
	if (call->end == CALL_OK)
		return false;
	metric_forget(schedules->router->metrics, METRIC_schedule_late_seconds);
	schedules_again(schedules, SCHEDULES_TROUBLE_US);
	return true;
}

/* --- what is to be done ----------------------------------------------------------------------- */

/* What a row says, as times of the primary. */
struct schedules_row {
	struct text spec;
	int64_t due_us, now_us, last_us, seen_us, real_us;
	bool paused, busy;
};

static struct schedules_row schedules_row_of(const struct json *row)
{
	return (struct schedules_row){
		.spec = json_text(json_get(row, "spec")),
		.due_us = job_row_number(row, "due_us"),
		.now_us = job_row_number(row, "now_us"),
		.last_us = job_row_number(row, "last_us"),
		.seen_us = job_row_number(row, "seen_us"),
		.real_us = job_row_number(row, "real_us"),
		.paused = job_row_is(row, "paused"),
		.busy = job_row_is(row, "busy"),
	};
}

static void schedules_add_set(struct job_schedules *schedules, const struct operation *operation,
			      struct text spec, int64_t next_us, int64_t seen_us)
{
	struct buf *set = schedules->set;

	array_add_text(&set[SCHEDULE_SET_COMMANDS], text_of(operation->name));
	array_add_text(&set[SCHEDULE_SET_SPECS], spec);
	array_add_int(&set[SCHEDULE_SET_NEXT_US], next_us);
	array_add_int(&set[SCHEDULE_SET_SEEN_US], seen_us);
	schedules->to_set++;
}

/* The spec of the catalog, from now on. */
static void schedules_set_anew(struct job_schedules *schedules, const struct operation *operation,
			       int64_t now_us, int64_t seen_us)
{
	schedules_add_set(schedules, operation, text_of(operation->schedule.spec),
			  schedule_next(&operation->schedule, now_us, now_us), seen_us);
}

/* The row stays as it is. */
static void schedules_see(struct job_schedules *schedules, const struct operation *operation,
			  const struct schedules_row *row)
{
	schedules_add_set(schedules, operation, row->spec, row->due_us, row->seen_us);
}

/* There is no caller: claims as of a caller without a credential. */
static void schedules_add_claims(struct job_schedules *schedules, const struct operation *operation)
{
	static const char *const no_caller[CLAIMS_VALUES] = {
		[CLAIMS_OBJECT] = "{}", [CLAIMS_USER] = "", [CLAIMS_ROLES] = "[]"
	};
	bool sees = operation->claims == CATALOG_CLAIMS_SET ||
		    schedules->router->shared.options->claims == CLAIMS_ALL;
	struct text none = { NULL, 0 };
	struct buf claims;

	buf_init(&claims);
	job_row_write_claims(&claims, no_caller);
	array_add_text(&schedules->run[SCHEDULE_RUN_CLAIMS],
		       sees ? (struct text){ claims.ptr, claims.len } : none);
	buf_fini(&claims);
}

/* A traceparent of its own: not sampled, as no client has asked for it. */
static void schedules_add_trace(struct job_schedules *schedules)
{
	struct random *random = &schedules->router->random;
	char trace[TRACE_BYTES];

	snprintf(trace, sizeof(trace), "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-00",
		 random_next(random) | 1, random_next(random), random_next(random) | 1);
	array_add_text(&schedules->run[SCHEDULE_RUN_TRACES], text_of(trace));
}

static void schedules_add_run(struct job_schedules *schedules, const struct operation *operation,
			      int64_t due_us, int64_t now_us)
{
	struct buf *run = schedules->run;
	unsigned ordered_by = operation->ordered_by;
	struct text order_key = { NULL, 0 };

	if (ordered_by)
		order_key = operation->parameters[ordered_by - 1].default_value;
	array_add_text(&run[SCHEDULE_RUN_COMMANDS], text_of(operation->name));
	array_add_text(&run[SCHEDULE_RUN_SPECS], text_of(operation->schedule.spec));
	array_add_int(&run[SCHEDULE_RUN_DUE_US], due_us);
	array_add_int(&run[SCHEDULE_RUN_NEXT_US],
		      schedule_next(&operation->schedule, due_us, now_us));
	array_add_int(&run[SCHEDULE_RUN_MARKS],
		      (int64_t)(random_next(&schedules->router->random) & INT32_MAX));
	array_add_text(&run[SCHEDULE_RUN_VERSIONS], text_of(operation->version));
	array_add_int(&run[SCHEDULE_RUN_ATTEMPTS_MAX], operation->retries + 1);
	array_add_int(&run[SCHEDULE_RUN_KEEP_S], operation->keep_us / US_PER_S);
	schedules_add_claims(schedules, operation);
	array_add_text(&run[SCHEDULE_RUN_ORDER_KEYS], order_key);
	schedules_add_trace(schedules);
	schedules->to_run++;
}

static void schedules_sleep_for(struct job_schedules *schedules, int64_t pause_us)
{
	if (pause_us < schedules->soonest_us)
		schedules->soonest_us = pause_us;
}

/* Of another catalog: its instances run it, unless none of them is left. */
static void schedules_take_other(struct job_schedules *schedules, const struct operation *operation,
				 const struct schedules_row *row)
{
	bool is_new = schedules->set_of != schedules->catalog_ref ||
		      schedules->set_on != schedules->timeline;

	if (is_new || row->real_us - row->seen_us > SCHEDULES_LEFT_US)
		schedules_set_anew(schedules, operation, row->now_us, row->seen_us);
	else if (row->seen_us > row->real_us) /* the clock was ahead then */
		schedules_see(schedules, operation, row);
}

/* The time that it is set to, at the latest. What cron has had comes no second time. */
static int64_t schedules_latest_us(const struct operation *operation,
				   const struct schedules_row *row)
{
	const struct schedule *schedule = &operation->schedule;
	int64_t from_us = row->now_us;

	if (schedule->kind == SCHEDULE_CRON && row->last_us > from_us)
		from_us = row->last_us;
	return schedule_next(schedule, from_us, from_us);
}

/* How long it has been due; 0: not yet, or it is paused. */
static int64_t schedules_take_own(struct job_schedules *schedules,
				  const struct operation *operation,
				  const struct schedules_row *row)
{
	bool is_due = row->due_us <= row->now_us, held = row->paused || row->busy;
	int64_t latest_us = schedules_latest_us(operation, row);

	if (row->due_us - latest_us > SCHEDULES_STEP_US) /* the clock was ahead then */
		schedules_add_set(schedules, operation, row->spec, latest_us, row->seen_us);
	else if (is_due && !held)
		schedules_add_run(schedules, operation, row->due_us, row->now_us);
	else if (row->seen_us > row->real_us || row->real_us - row->seen_us > SCHEDULES_SEEN_US)
		schedules_see(schedules, operation, row);
	if (!is_due)
		schedules_sleep_for(schedules, row->due_us - row->now_us);
	else if (held)
		schedules_sleep_for(schedules, SCHEDULES_HELD_US);
	return is_due && !row->paused ? row->now_us - row->due_us : 0;
}

static int64_t schedules_take_row(struct job_schedules *schedules, const struct json *json)
{
	const struct catalog *catalog = schedules->catalog_ref->catalog;
	const struct json *command = json_get(json, "command");
	const struct operation *operation =
		json_kind(command) == JSON_STRING
			? catalog_find(catalog, REQUEST_COMMAND, json_text(command))
			: NULL;
	struct schedules_row row;

	if (!operation || operation->schedule.kind == SCHEDULE_NONE)
		return 0;
	schedules->seen[operation->index] = true;
	row = schedules_row_of(json);
	if (text_is(row.spec, operation->schedule.spec))
		return schedules_take_own(schedules, operation, &row);
	schedules_take_other(schedules, operation, &row);
	return 0;
}

static void schedules_take_missing(struct job_schedules *schedules, int64_t now_us)
{
	for (unsigned i = 0; i < schedules->catalog_ref->catalog->count; i++) {
		const struct operation *operation = schedules_operation(schedules, i);

		if (!operation)
			continue;
		array_add_text(&schedules->set[SCHEDULE_SET_KNOWN], text_of(operation->name));
		if (!schedules->seen[i])
			schedules_set_anew(schedules, operation, now_us, 0);
		schedules->seen[i] = false;
	}
}

/* By mistake outside of tests: nothing would be run when it should be. */
static void schedules_note_clock(struct job_schedules *schedules, bool shifted)
{
	if (shifted)
		schedules_sleep_for(schedules, SCHEDULES_SHIFTED_US);
	if (shifted && !schedules->shifted)
		log_warn("jobs", "schedules see another time than the primary's clock, by the row "
				 "of cqrsd.job_clock");
	schedules->shifted = shifted;
}

static void schedules_begin(struct job_schedules *schedules)
{
	for (unsigned i = 0; i < SCHEDULE_SET_VALUES; i++)
		array_begin(&schedules->set[i]);
	for (unsigned i = 0; i < SCHEDULE_RUN_VALUES; i++)
		array_begin(&schedules->run[i]);
	schedules->to_set = schedules->to_run = 0;
	schedules->soonest_us = SCHEDULES_SLEEP_US;
}

static void schedules_read(struct job_schedules *schedules)
{
	struct json *json = json_read_rows((struct text){ schedules->out.ptr, schedules->out.len });
	int64_t now_us, late_us, late_us_max = 0;

	assert(json);
	schedules_begin(schedules);
	now_us = job_row_number(json_first(json), "now_us");
	schedules_note_clock(schedules, job_row_is(json_first(json), "shifted"));
	for (const struct json *row = json_first(json); row; row = json_next(row)) {
		late_us = schedules_take_row(schedules, row);
		if (late_us > late_us_max)
			late_us_max = late_us;
	}
	schedules_take_missing(schedules, now_us);
	json_free(json);
	metric_set(schedules->router->metrics, METRIC_schedule_late_seconds, NULL,
		   (double)late_us_max / US_PER_S);
}

/* --- doing it --------------------------------------------------------------------------------- */

static void schedules_change(struct job_schedules *schedules, struct statement *statement,
			     struct buf *arrays, unsigned count, void (*on_done)(struct call *call))
{
	for (unsigned i = 0; i < count; i++)
		schedules->values[i] = array_end(&arrays[i]);
	schedules_ask(schedules, CALL_COMMAND, statement, schedules->values, on_done);
}

static void schedules_have_set(struct job_schedules *schedules)
{
	schedules->set_of = schedules->catalog_ref;
	schedules->set_on = schedules->timeline;
}

static void schedules_on_fetched(struct call *call)
{
	struct job_schedules *schedules = container_of(call, struct job_schedules, call);
	int64_t jitter_us = (int64_t)random_below(&schedules->router->random, SCHEDULES_JITTER_US);

	if (schedules_failed(schedules) || schedules->draining)
		return;
	schedules_read(schedules);
	if (schedules->to_set) {
		schedules_change(schedules, schedule_set_statement(), schedules->set,
				 SCHEDULE_SET_VALUES, schedules_on_set);
		return;
	}
	schedules_have_set(schedules);
	if (schedules->to_run)
		schedules_change(schedules, schedule_run_statement(), schedules->run,
				 SCHEDULE_RUN_VALUES, schedules_on_run);
	else
		schedules_again(schedules, schedules->soonest_us + jitter_us);
}

/* What another instance was quicker with is no row: it is read again. */
static void schedules_on_set(struct call *call)
{
	struct job_schedules *schedules = container_of(call, struct job_schedules, call);

	if (schedules_failed(schedules))
		return;
	if (call->rows != schedules->to_set) {
		schedules_again(schedules, SCHEDULES_BEATEN_US);
		return;
	}
	schedules_have_set(schedules);
	schedules_again(schedules, 0);
}

/* The same. */
static void schedules_on_run(struct call *call)
{
	struct job_schedules *schedules = container_of(call, struct job_schedules, call);
	struct metrics *metrics = schedules->router->metrics;
	struct json *json;
	unsigned count = 0;

	if (schedules_failed(schedules))
		return;
	json = json_read_rows((struct text){ schedules->out.ptr, schedules->out.len });
	assert(json);
	for (const struct json *row = json_first(json); row; row = json_next(row), count++) {
		const char *command = json_text(json_get(row, "command")).ptr;

		metric_add(metrics, METRIC_schedule_runs_total, METRIC_LABELS(command), 1);
		metric_add(metrics, METRIC_jobs_accepted_total, METRIC_LABELS(command), 1);
	}
	json_free(json);
	if (count)
		schedules->on_accepted(schedules);
	schedules_again(schedules, count ? 0 : SCHEDULES_JITTER_US);
}
