/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nested loop is lazy: LIMIT ends it, and nothing is locked behind the last row that is taken.
 * now() is when the transaction began, in this trip; clock_timestamp() would be no bound of the
 * index, so that each claim would pass over all rows whose time has not come. Whether a command is
 * paused is asked once for each command, before its index is opened; a trial, which is marked by a
 * number below all of them, passes over the pause of a breaker. Parameters stand in
 * sub-selects, which hide them from the planner: else it would plan each claim anew. float8 has
 * the microseconds of such moments exactly, and costs less than numeric.
 */
#include "write/jobs/claim.h"

#include "base/array.h"
#include "base/control.h"
#include "base/json.h"
#include "pg/call.h"
#include "write/jobs/fair_claim.h"
#include "write/jobs/job_state.h"
#include "write/jobs/job_statement.h"
#include "write/jobs/ordered.h"
#include "write/jobs/ordered_above.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
/*
 * Whose transaction locked the row last was rolled back: the lock leaves its number in the row,
 * also when the server or the node is another one by now. It is read before our own lock is there.
 */
#define CLAIM_LOST                                                                                 \
	"CASE WHEN j.locker <> '0' THEN coalesce(pg_xact_status(" JOB_LOCKER_OF("j.locker")        \
	") = 'aborted', false) ELSE false END"

#define CLAIM_COLUMNS                                                                              \
	"SELECT j.n, (date_part('epoch', j.run_at) * 1e6::float8)::int8 AS run_us,"                \
	" (SELECT (date_part('epoch', now()) * 1e6::float8)::int8) AS wall_us, j.attempts,"        \
	" j.attempts_max, j.begun, (date_part('epoch', j.begun_at) * 1e6::float8)::int8"           \
	" AS begun_us, j.begun_by, " CLAIM_LOST " AS lost, j.command, j.parameters, j.claims,"     \
	" j.\"user\", j.session"

#define CLAIM_TENANT ", j.tenant"

#define CLAIM_TEXT(which)                                                                          \
	CLAIM_COLUMNS CLAIM_TENANT                                                                 \
	" FROM (SELECT * FROM unnest((SELECT $1::text[]), (SELECT $2::int8[]),"                    \
	" (SELECT $3::int8[])) AS q(command, run_us, n) WHERE NOT EXISTS"                          \
	" (SELECT FROM cqrsd.job_pause AS p WHERE p.command IN (q.command, '*')"                   \
	" AND (q.n >= 0 OR p.retry_at IS NULL)) OFFSET 0) AS q"                                    \
	" CROSS JOIN LATERAL (SELECT o.*, o.xmax AS locker FROM cqrsd.job AS o"                    \
	" WHERE o.command = q.command AND o.run_at <= now() AND (o.run_at, o.n) >"                 \
	" (timestamptz 'epoch' + q.run_us * interval '1 microsecond', q.n) AND " which             \
	" ORDER BY o.run_at, o.n LIMIT (SELECT $4::int8)" CONTROL_JOB_LOCK ") AS j"                \
	" LIMIT (SELECT $4::int8)"
/* clang-format on */

static const char *const claim_texts[CLAIM_KINDS] = {
	[CLAIM_COMPANY] = CLAIM_TEXT("o.begun <= o.attempts AND o.order_key IS NULL"),
	/* What an instance has begun it runs at once, or is gone. */
	[CLAIM_ALONE] = CLAIM_TEXT("o.begun > o.attempts AND (o.begun_at IS NULL"
				   " OR o.begun_by = (SELECT $5::text)"
				   " OR o.begun_at < now() - interval '1 second')"),
	[CLAIM_HEADS] = CLAIM_COLUMNS
	", j.order_key FROM (" ORDERED_HEADS(CONTROL_JOB_LOCK) ") AS j"
							       " WHERE " ORDERED_IS_MINE("j"),
	[CLAIM_FAIR] = CLAIM_COLUMNS CLAIM_TENANT FAIR_CLAIM(CONTROL_JOB_LOCK),
};

static const char above_text[] = CLAIM_COLUMNS
	", j.order_key FROM (" ORDERED_ABOVE(CONTROL_JOB_LOCK) ") AS j"
							       " WHERE " ORDERED_IS_MINE("j");

static const char *const claim_names[CLAIM_KINDS] = {
	[CLAIM_COMPANY] = "jobs.claim",
	[CLAIM_ALONE] = "jobs.claim-alone",
	[CLAIM_HEADS] = "jobs.claim-heads",
	[CLAIM_FAIR] = "jobs.claim-fair",
};

static const uint32_t claim_params[CLAIM_VALUES] = {
	[CLAIM_COMMANDS] = TEXTARRAYOID, [CLAIM_RUN_US] = INT8ARRAYOID, [CLAIM_N] = INT8ARRAYOID,
	[CLAIM_LIMIT] = INT8OID,         [CLAIM_INSTANCE] = TEXTOID,
};

static const uint32_t heads_params[ORDERED_VALUES] = {
	[ORDERED_COMMANDS] = TEXTARRAYOID, [ORDERED_KEY] = TEXTARRAYOID, [ORDERED_N] = INT8ARRAYOID,
	[ORDERED_UNTIL] = TEXTARRAYOID,    [ORDERED_LIMIT] = INT8OID,
};

static const uint32_t above_params[ABOVE_VALUES] = {
	[ORDERED_COMMANDS] = TEXTARRAYOID, [ORDERED_KEY] = TEXTARRAYOID,
	[ORDERED_N] = INT8ARRAYOID,        [ORDERED_UNTIL] = TEXTARRAYOID,
	[ABOVE_FLOOR] = INT8ARRAYOID,      [ABOVE_OLD_COMMANDS] = TEXTARRAYOID,
	[ABOVE_OLD_KEYS] = TEXTARRAYOID,   [ABOVE_OLD_N] = INT8ARRAYOID,
	[ABOVE_LIMIT] = INT8OID,           [ABOVE_LIFE] = TEXTOID,
};

enum fair_value {
	FAIR_COMMANDS,
	FAIR_AFTER,
	FAIR_UNTIL,
	FAIR_LIMIT,
	FAIR_JOBS,
	FAIR_MASK,
	FAIR_VALUES
};

static const uint32_t fair_params[FAIR_VALUES] = {
	[FAIR_COMMANDS] = TEXTARRAYOID, [FAIR_AFTER] = INT8ARRAYOID, [FAIR_UNTIL] = INT8ARRAYOID,
	[FAIR_LIMIT] = INT8OID,         [FAIR_JOBS] = INT8OID,       [FAIR_MASK] = INT8OID,
};

/* Those in company ask for no instance. */
static const struct job_types claim_values[CLAIM_KINDS] = {
	[CLAIM_COMPANY] = { claim_params, CLAIM_INSTANCE },
	[CLAIM_ALONE] = { claim_params, CLAIM_VALUES },
	[CLAIM_HEADS] = { heads_params, ORDERED_VALUES },
	[CLAIM_FAIR] = { fair_params, FAIR_VALUES },
};

static const uint32_t claim_columns[] = {
	INT8OID, INT8OID, INT8OID, INT2OID, INT2OID, INT2OID, INT8OID, TEXTOID,
	BOOLOID, TEXTOID, JSONOID, JSONOID, TEXTOID, TEXTOID, INT8OID, /* the last: of the others */
};
static const uint32_t heads_columns[] = {
	INT8OID, INT8OID, INT8OID, INT2OID, INT2OID, INT2OID, INT8OID, TEXTOID,
	BOOLOID, TEXTOID, JSONOID, JSONOID, TEXTOID, TEXTOID, TEXTOID,
};

#define CLAIM_TRIAL_N (-1)

#define CLAIM_COLUMNS_COUNT (sizeof(claim_columns) / sizeof(claim_columns[0]))

/* Of heads with floors. */
static struct statement above_statement;
static struct statement claim_statements[CLAIM_KINDS];
static pthread_once_t claim_once = PTHREAD_ONCE_INIT;

static void claim_make(void)
{
	for (unsigned i = 0; i < CLAIM_KINDS; i++)
		job_statement_make(
			&claim_statements[i], claim_names[i], claim_texts[i], claim_values[i],
			(struct job_types){ i == CLAIM_HEADS ? heads_columns : claim_columns,
					    CLAIM_COLUMNS_COUNT });
	job_statement_make(&above_statement, "jobs.claim-above", above_text,
			   (struct job_types){ above_params, ABOVE_VALUES },
			   (struct job_types){ heads_columns, CLAIM_COLUMNS_COUNT });
}

static bool claim_is_above(const struct job_claim *claim)
{
	return claim->kind == CLAIM_HEADS && claim->way == ORDERED_DOWN;
}

struct statement *job_claim_statement(const struct job_claim *claim)
{
	pthread_once(&claim_once, claim_make);
	return claim_is_above(claim) ? &above_statement : &claim_statements[claim->kind];
}

void job_claim_init(struct job_claim *claim)
{
	*claim = (struct job_claim){ 0 };
	for (unsigned i = 0; i < CLAIM_ARRAYS; i++)
		buf_init(&claim->arrays[i]);
}

void job_claim_fini(struct job_claim *claim)
{
	for (unsigned i = 0; i < CLAIM_ARRAYS; i++)
		buf_fini(&claim->arrays[i]);
}

void job_claim_begin(struct job_claim *claim, const struct job_queues *queues)
{
	claim->way = queues->life[0] ? ORDERED_DOWN : ORDERED_UP;
	memcpy(claim->life, queues->life, sizeof(claim->life));
	claim->queues = 0;
	claim->sweeps = false;
	for (unsigned i = 0; i < CLAIM_ARRAYS; i++)
		array_begin(&claim->arrays[i]);
}

/* A part of the keys. from: ptr NULL: all; until: ptr NULL: to the last one. */
static void claim_add_keys(struct job_claim *claim, const struct job_queue *queue, struct text from,
			   int64_t n, struct text until)
{
	array_add_text(&claim->arrays[ORDERED_COMMANDS], text_of(queue->operation->name));
	array_add_text(&claim->arrays[ORDERED_KEY], from);
	array_add_int(&claim->arrays[ORDERED_N], claim->trial ? CLAIM_TRIAL_N : n);
	array_add_text(&claim->arrays[ORDERED_UNTIL], until);
	if (claim->way == ORDERED_DOWN)
		array_add_int(&claim->arrays[ABOVE_FLOOR], queue->floor.n);
}

static void claim_add_old(struct job_claim *claim, const struct job_queue *queue)
{
	const struct old_heads *old = &queue->floor.old;

	for (unsigned i = 0; i < old->count; i++) {
		array_add_text(&claim->arrays[ABOVE_OLD_COMMANDS], text_of(queue->operation->name));
		array_add_text(&claim->arrays[ABOVE_OLD_KEYS], text_of(old->of[i].key));
		array_add_int(&claim->arrays[ABOVE_OLD_N], old->of[i].n);
	}
}

/* Around: behind all jobs of a key, and from the first key to that one. A trial has its mark in
 * place of the number, and may meet that key once more. */
static void claim_add_heads(struct job_claim *claim, const struct job_queue *queue)
{
	const struct ordered_at *at = &queue->ordered_at[claim->way];
	struct text key = text_of(at->key), none = { NULL, 0 };
	bool down = claim->way == ORDERED_DOWN;

	if (at->begun)
		claim_add_keys(claim, queue, key, down ? 0 : INT64_MAX, none);
	claim_add_keys(claim, queue, down ? none : TEXT(""), 0, at->begun ? key : none);
	if (down)
		claim_add_old(claim, queue);
}

static void claim_add_tenants(struct job_claim *claim, const struct job_queue *queue)
{
	struct job_tenants_part parts[JOB_TENANTS_PARTS];
	unsigned count = job_tenants_parts(&queue->tenants, claim->of_callers, parts);

	for (unsigned i = 0; i < count; i++) {
		array_add_text(&claim->arrays[FAIR_COMMANDS], text_of(queue->operation->name));
		array_add_int(&claim->arrays[FAIR_AFTER], parts[i].after);
		array_add_int(&claim->arrays[FAIR_UNTIL], parts[i].until);
	}
}

static void claim_add_from(struct job_claim *claim, const struct job_queue *queue,
			   struct watermark_place begin)
{
	array_add_text(&claim->arrays[CLAIM_COMMANDS], text_of(queue->operation->name));
	array_add_int(&claim->arrays[CLAIM_RUN_US], begin.run_us);
	array_add_int(&claim->arrays[CLAIM_N], begin.n);
}

void job_claim_add(struct job_claim *claim, const struct job_queue *queue,
		   struct watermark_place begin)
{
	struct watermark_place beginning = { .n = claim->trial ? CLAIM_TRIAL_N : 0 };

	claim->queues++;
	switch (claim->kind) {
	case CLAIM_COMPANY:
		claim_add_from(claim, queue, claim->trial ? beginning : begin);
		return;
	case CLAIM_ALONE: /* they are few, and have an index of their own */
		claim_add_from(claim, queue, beginning);
		return;
	case CLAIM_HEADS:
		claim_add_heads(claim, queue);
		return;
	case CLAIM_FAIR:
		claim_add_tenants(claim, queue);
		return;
	case CLAIM_KINDS:
		break;
	}
	assert(!"a kind of claims");
}

void job_claim_end(struct job_claim *claim, unsigned limit, const char *instance)
{
	unsigned arrays = claim->kind == CLAIM_HEADS ? ORDERED_LIMIT : CLAIM_LIMIT;

	if (claim_is_above(claim))
		arrays = ABOVE_LIMIT;
	for (unsigned i = 0; i < arrays; i++)
		claim->values[i] = array_end(&claim->arrays[i]);
	claim->limit_jobs = limit;
	snprintf(claim->limit, sizeof(claim->limit), "%u", limit);
	claim->values[arrays] = claim->limit;
	claim->values[arrays + 1] = claim_is_above(claim) ? claim->life : instance;
	if (claim->kind != CLAIM_FAIR)
		return;
	snprintf(claim->jobs, sizeof(claim->jobs), "%u", claim->tenant_jobs);
	claim->values[FAIR_JOBS] = claim->jobs;
	snprintf(claim->mask, sizeof(claim->mask), "%lld",
		 (long long)(claim->of_callers ? JOB_TENANTS_USER : 0));
	claim->values[FAIR_MASK] = claim->mask;
}

/* --- what came ------------------------------------------------------------------------------- */

static const char *claim_string(struct arena *arena, const struct json *value)
{
	if (!value || json_kind(value) != JSON_STRING)
		return NULL;
	return arena_copy(arena, json_text(value).ptr, json_text(value).len);
}

static const char *const *claim_claims(struct arena *arena, const struct json *value)
{
	const char **claims;
	unsigned at = 0;

	if (!value || json_kind(value) != JSON_ARRAY || json_length(value) != CLAIMS_VALUES)
		return NULL;
	claims = arena_zero(arena, CLAIMS_VALUES, sizeof(*claims));
	for (const struct json *it = json_first(value); it; it = json_next(it))
		claims[at++] = claim_string(arena, it);
	return claims;
}

static void claim_row(struct arena *arena, const struct json *json, struct job_row *row)
{
	const struct json *parameters = json_get(json, "parameters");
	const char *key = claim_string(arena, json_get(json, "order_key"));

	*row = (struct job_row){
		.n = job_row_number(json, "n"),
		.run_us = job_row_number(json, "run_us"),
		.wall_us = job_row_number(json, "wall_us"),
		.attempts_ended = (unsigned)job_row_number(json, "attempts"),
		.attempts_max = (unsigned)job_row_number(json, "attempts_max"),
		.begun = (unsigned)job_row_number(json, "begun"),
		.begun_us = job_row_number(json, "begun_us"),
		.begun_by = claim_string(arena, json_get(json, "begun_by")),
		.lost = job_row_is(json, "lost"),
		.command = text_of(claim_string(arena, json_get(json, "command"))),
		.claims = claim_claims(arena, json_get(json, "claims")),
		.tenant = job_row_number(json, "tenant"),
		.user = claim_string(arena, json_get(json, "user")),
		.session = claim_string(arena, json_get(json, "session")),
	};
	if (!row->session)
		row->session = row->user;
	if (key)
		row->order_key = text_of(key);
	if (parameters)
		row->parameters = arena_text(arena, json_source(parameters));
}

unsigned job_claim_read(struct arena *arena, struct text rows, struct job_row *out, unsigned max)
{
	struct json *json = json_read_rows(rows);
	unsigned count = 0;

	if (!json)
		return 0;
	for (const struct json *it = json_first(json); it && count < max; it = json_next(it))
		claim_row(arena, it, &out[count++]);
	json_free(json);
	return count;
}
