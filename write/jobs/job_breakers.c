/* SPDX-License-Identifier: Apache-2.0 */
/* One call at a time; what is to be written is found in the states again each time. Questions and
 * writes take turns, and so do commands: one write that fails each time keeps no other waiting. */
#include "write/jobs/job_breakers.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "write/jobs/job_statement.h"

#include <assert.h>
#include <pthread.h>

#define BREAKERS_EVERY_US (100 * US_PER_MS)
#define BREAKERS_ASK_US US_PER_S
/* Beyond the time of its statement a job that is tried waits for a conn, a claim and a commit. */
#define BREAKERS_TRIAL_US (10 * US_PER_S)

/* clang-format off */
/* Heads that are blocked count as due: they are few. */
static const char ask_text[] =
	"SELECT command, retry_at <= clock_timestamp()"
	" AND NOT EXISTS (SELECT FROM cqrsd.job_pause WHERE command = '*')"
	" AND (EXISTS (SELECT FROM cqrsd.job AS j WHERE j.command = p.command"
	" AND j.order_key IS NULL AND j.run_at <= now())"
	" OR EXISTS (SELECT FROM cqrsd.job AS j WHERE j.command = p.command"
	" AND j.order_key IS NOT NULL)) AS due"
	" FROM cqrsd.job_pause AS p WHERE retry_at IS NOT NULL";
/* Not where it could not be closed: then there is no row. */
static const char open_text[] =
	"WITH rights AS (SELECT WHERE has_table_privilege('cqrsd.job_pause', 'UPDATE')"
	" AND has_table_privilege('cqrsd.job_pause', 'DELETE')),"
	" made AS (INSERT INTO cqrsd.job_pause (command, paused_by, retry_at)"
	" SELECT $1, 'breaker', clock_timestamp() + interval '1 second' FROM rights"
	" ON CONFLICT DO NOTHING) SELECT $1 AS command FROM rights";
static const char try_text[] =
	"UPDATE cqrsd.job_pause SET retry_at = clock_timestamp() + make_interval(secs => $2)"
	" WHERE command = $1 AND retry_at <= clock_timestamp() RETURNING command";
static const char fail_text[] =
	"UPDATE cqrsd.job_pause SET failures = least(failures + 1, 10), retry_at ="
	" clock_timestamp() + make_interval(secs => least(60, 2 ^ (failures + 1)))"
	" WHERE command = $1 AND retry_at IS NOT NULL";
static const char close_text[] =
	"DELETE FROM cqrsd.job_pause WHERE command = $1 AND retry_at IS NOT NULL";
/* clang-format on */

static struct statement breakers_statements[BREAKERS_CLOSE + 1];
static pthread_once_t breakers_once = PTHREAD_ONCE_INIT;

static void breakers_on_due(struct loop_timer *timer);

static void breakers_make(void)
{
	static const uint32_t params[] = { TEXTOID, FLOAT8OID };
	static const uint32_t columns[] = { TEXTOID, BOOLOID };
	static const struct job_types none = { NULL, 0 }, command = { params, 1 };

	job_statement_make(&breakers_statements[BREAKERS_ASK], "jobs.breakers", ask_text, none,
			   (struct job_types){ columns, 2 });
	job_statement_make(&breakers_statements[BREAKERS_OPEN], "jobs.breaker-open", open_text,
			   command, (struct job_types){ columns, 1 });
	job_statement_make(&breakers_statements[BREAKERS_TRY], "jobs.breaker-try", try_text,
			   (struct job_types){ params, 2 }, (struct job_types){ columns, 1 });
	job_statement_make(&breakers_statements[BREAKERS_FAIL], "jobs.breaker-fail", fail_text,
			   command, none);
	job_statement_make(&breakers_statements[BREAKERS_CLOSE], "jobs.breaker-close", close_text,
			   command, none);
}

static void breakers_again(struct job_breakers *breakers, int64_t pause_us)
{
	struct loop *loop = breakers->router->loop;

	loop_timer_set(loop, &breakers->timer, loop_now(loop) + pause_us);
}

void job_breakers_start(struct job_breakers *breakers, struct router *router,
			struct job_occupancy *occupancy)
{
	pthread_once(&breakers_once, breakers_make);
	*breakers = (struct job_breakers){
		.router = router,
		.occupancy = occupancy,
		.timer.on_due = breakers_on_due,
	};
	arena_init(&breakers->arena);
	buf_init(&breakers->out);
	breakers_again(breakers, BREAKERS_EVERY_US);
}

void job_breakers_drain(struct job_breakers *breakers)
{
	breakers->draining = true;
}

void job_breakers_stop(struct job_breakers *breakers)
{
	if (!breakers->router)
		return;
	if (breakers->pool)
		pool_forget(breakers->pool, &breakers->call);
	loop_timer_cancel(breakers->router->loop, &breakers->timer);
	arena_fini(&breakers->arena);
	buf_fini(&breakers->out);
	breakers->router = NULL;
}

/* --- what the rows say ------------------------------------------------------------------------ */

/* NULL: the catalog has no such command, or it is no job any more. */
static const struct operation *breakers_operation(const struct job_breakers *breakers,
						  struct text command)
{
	const struct operation *operation =
		catalog_find(breakers->router->catalog_ref->catalog, REQUEST_COMMAND, command);

	return operation && operation_is_job(operation) ? operation : NULL;
}

static const struct json *breakers_row(const struct json *rows, const char *command)
{
	const struct json *row = json_first(rows);

	while (row && !text_is(json_text(json_get(row, "command")), command))
		row = json_next(row);
	return row;
}

/* Another instance, or an operator, may have opened or closed it. */
static void breakers_follow(struct job_health *health, bool is_open)
{
	static const enum job_breaker open[] = { JOB_BREAKER_OPEN, JOB_BREAKER_TRIAL,
						 JOB_BREAKER_FAILED, JOB_BREAKER_CLOSING };
	size_t i = 0;

	if (is_open)
		job_health_move(health, JOB_BREAKER_CLOSED, JOB_BREAKER_OPEN);
	else
		while (i < sizeof(open) / sizeof(open[0]) &&
		       !job_health_move(health, open[i], JOB_BREAKER_CLOSED))
			i++;
}

/* What a job of that command is tried for, if it is to be tried here; only one at a time. */
static bool breakers_wants(const struct job_breakers *breakers, const struct json *row,
			   struct job_slots *slots)
{
	return !breakers->draining && json_bool(json_get(row, "due")) &&
	       atomic_load_explicit(&breakers->occupancy->workers, memory_order_relaxed) &&
	       job_health_breaker(job_slots_health(slots)) == JOB_BREAKER_OPEN;
}

/* Of each command of the catalog. The first that is to be tried; NULL: none is. */
static struct job_slots *breakers_take_rows(struct job_breakers *breakers, const struct json *rows)
{
	const struct catalog *catalog = breakers->router->catalog_ref->catalog;
	struct job_slots *wanted = NULL;

	metric_forget(breakers->router->metrics, METRIC_job_breaker_open);
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];
		const struct json *row;
		struct job_slots *slots;

		if (!operation_is_job(operation))
			continue;
		row = breakers_row(rows, operation->name);
		slots = job_slots_of(breakers->occupancy, operation->name);
		breakers_follow(job_slots_health(slots), row != NULL);
		metric_set(breakers->router->metrics, METRIC_job_breaker_open,
			   METRIC_LABELS(operation->name), row != NULL);
		if (!wanted && row && breakers_wants(breakers, row, slots))
			wanted = slots;
	}
	return wanted;
}

/* --- calls ------------------------------------------------------------------------------------ */

static void breakers_on_done(struct call *call);

/* False: there is no primary, or no room. */
static bool breakers_send(struct job_breakers *breakers, enum breakers_call what,
			  struct job_slots *of)
{
	struct pool *pool = router_primary_pool(breakers->router);

	buf_clear(&breakers->out);
	breakers->sent = what;
	breakers->of = of;
	breakers->values[0] = of ? job_slots_command(of) : NULL;
	breakers->call = (struct call){
		.kind = what == BREAKERS_ASK ? CALL_QUERY : CALL_COMMAND,
		.statement = &breakers_statements[what],
		.values = breakers->values,
		.arena = &breakers->arena,
		.out = &breakers->out,
		.on_done = breakers_on_done,
	};
	if (!pool || !pool_submit(pool, &breakers->call))
		return false;
	breakers->pool = pool;
	return true;
}

static bool breakers_try(struct job_breakers *breakers, struct job_slots *slots)
{
	const struct operation *operation =
		breakers_operation(breakers, text_of(job_slots_command(slots)));
	int64_t trial_us = breakers->router->shared.options->request_timeout_us;

	if (operation && operation->timeout_us)
		trial_us = operation->timeout_us;
	breakers->values[1] = arena_printf(&breakers->arena, "%lld",
					   (long long)((trial_us + BREAKERS_TRIAL_US) / US_PER_S));
	return breakers_send(breakers, BREAKERS_TRY, slots);
}

static bool breakers_take_asked(struct job_breakers *breakers)
{
	struct text out = { breakers->out.ptr, breakers->out.len };
	struct job_slots *wanted = NULL;
	struct json *rows = json_read_rows(out);

	if (!rows)
		return false;
	wanted = breakers_take_rows(breakers, rows);
	json_free(rows);
	return wanted && breakers_try(breakers, wanted);
}

static void breakers_written(struct job_breakers *breakers, enum job_breaker from,
			     enum job_breaker to)
{
	bool moved = job_health_move(job_slots_health(breakers->of), from, to);

	assert(moved);
}

/* Once, until a call of that kind goes well. */
static void breakers_complain(struct job_breakers *breakers, const char *why)
{
	unsigned what = 1u << breakers->sent;

	if (!(breakers->complained & what))
		log_warn("jobs", "breakers of commands cannot be kept: %s", why);
	breakers->complained |= what;
}

/* No row: the right to close it again is lacking. */
static void breakers_take_opened(struct job_breakers *breakers)
{
	const char *command = job_slots_command(breakers->of);

	if (!breakers->call.rows) {
		breakers_complain(breakers,
				  "the role needs INSERT, UPDATE and DELETE on cqrsd.job_pause");
		breakers_written(breakers, JOB_BREAKER_TELLING, JOB_BREAKER_CLOSED);
		return;
	}
	breakers_written(breakers, JOB_BREAKER_TELLING, JOB_BREAKER_OPEN);
	metric_add(breakers->router->metrics, METRIC_job_breaker_opened_total,
		   METRIC_LABELS(command), 1);
	log_warn("jobs", "%s is paused by its breaker: most of its last %d attempts failed",
		 command, JOB_HEALTH_ATTEMPTS);
}

/* True: another call is on its way. */
static bool breakers_take(struct job_breakers *breakers)
{
	switch (breakers->sent) {
	case BREAKERS_ASK:
		return breakers_take_asked(breakers);
	case BREAKERS_OPEN:
		breakers_take_opened(breakers);
		return false;
	case BREAKERS_TRY: /* no row: another instance was the first */
		if (breakers->call.rows)
			job_health_move(job_slots_health(breakers->of), JOB_BREAKER_OPEN,
					JOB_BREAKER_TRIAL);
		breakers->ask_us = 0;
		return false;
	case BREAKERS_FAIL:
		breakers_written(breakers, JOB_BREAKER_FAILED, JOB_BREAKER_OPEN);
		return false;
	case BREAKERS_CLOSE:
		breakers_written(breakers, JOB_BREAKER_CLOSING, JOB_BREAKER_CLOSED);
		log_info("jobs", "%s goes on: the job that its breaker tried is done",
			 job_slots_command(breakers->of));
		return false;
	}
	assert(!"a call");
	return false;
}

/* What could not be opened is not; the row of one that is open still stands. */
static void breakers_take_error(struct job_breakers *breakers)
{
	const struct pg_error *error = &breakers->call.error;

	breakers_complain(breakers, arena_printf(&breakers->arena, "%s (%s)", error->message,
						 error->sqlstate));
	if (breakers->sent == BREAKERS_OPEN)
		breakers_written(breakers, JOB_BREAKER_TELLING, JOB_BREAKER_CLOSED);
}

static void breakers_on_done(struct call *call)
{
	struct job_breakers *breakers = container_of(call, struct job_breakers, call);
	bool good = call->end == CALL_OK;

	breakers->pool = NULL;
	if (call->end == CALL_ERROR)
		breakers_take_error(breakers);
	if (!good)
		metric_forget(breakers->router->metrics, METRIC_job_breaker_open);
	else if (breakers->sent != BREAKERS_OPEN || call->rows)
		breakers->complained &= ~(1u << breakers->sent);
	if (!good || !breakers_take(breakers))
		breakers_again(breakers, good ? BREAKERS_EVERY_US : BREAKERS_ASK_US);
}

/* --- what is to be written -------------------------------------------------------------------- */

static const struct {
	enum job_breaker breaker;
	enum breakers_call call;
} breakers_writes[] = {
	{ JOB_BREAKER_TELLING, BREAKERS_OPEN },
	{ JOB_BREAKER_FAILED, BREAKERS_FAIL },
	{ JOB_BREAKER_CLOSING, BREAKERS_CLOSE },
};

/* Of the first one behind that one which has something to write. */
static bool breakers_write_behind(struct job_breakers *breakers, struct job_slots *slots)
{
	while ((slots = job_slots_next(breakers->occupancy, slots))) {
		enum job_breaker breaker = job_health_breaker(job_slots_health(slots));

		for (size_t i = 0; i < sizeof(breakers_writes) / sizeof(breakers_writes[0]); i++)
			if (breakers_writes[i].breaker == breaker) {
				breakers->wrote = slots;
				return breakers_send(breakers, breakers_writes[i].call, slots);
			}
	}
	return false;
}

static bool breakers_write(struct job_breakers *breakers)
{
	return breakers_write_behind(breakers, breakers->wrote) ||
	       breakers_write_behind(breakers, NULL);
}

static bool breakers_ask(struct job_breakers *breakers)
{
	int64_t now_us = loop_now(breakers->router->loop);

	if (now_us < breakers->ask_us ||
	    !catalog_has_jobs(breakers->router->catalog_ref->catalog) ||
	    !breakers_send(breakers, BREAKERS_ASK, NULL))
		return false;
	breakers->ask_us = now_us + BREAKERS_ASK_US;
	return true;
}

static void breakers_on_due(struct loop_timer *timer)
{
	struct job_breakers *breakers = container_of(timer, struct job_breakers, timer);
	bool asked = breakers->sent == BREAKERS_ASK;

	arena_reset(&breakers->arena);
	if (asked ? breakers_write(breakers) || breakers_ask(breakers)
		  : breakers_ask(breakers) || breakers_write(breakers))
		return;
	breakers_again(breakers, BREAKERS_EVERY_US);
}
