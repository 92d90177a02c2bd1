/* SPDX-License-Identifier: Apache-2.0 */
/* Each call is made by the end of the one before. */
#include "write/jobs/job_admin.h"

#include "write/jobs/job_statement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void admin_on_done(struct call *call);

void job_admin_init(struct job_admin *admin)
{
	*admin = (struct job_admin){ 0 };
	job_filter_init(&admin->filter);
	arena_init(&admin->arena);
	buf_init(&admin->out);
}

void job_admin_fini(struct job_admin *admin)
{
	if (admin->pool)
		pool_forget(admin->pool, &admin->call);
	if (admin->rows)
		json_free(admin->rows);
	job_filter_fini(&admin->filter);
	buf_fini(&admin->out);
	arena_fini(&admin->arena);
}

/* --- what can be meant ------------------------------------------------------------------------ */

static bool admin_is_of_many(const struct job_admin *admin)
{
	switch (admin->action) {
	case JOB_ACTION_REPLAY:
	case JOB_ACTION_DISCARD:
	case JOB_ACTION_CANCEL:
		return true;
	case JOB_ACTION_LIST:
	case JOB_ACTION_SHOW:
	case JOB_ACTION_PAUSE:
	case JOB_ACTION_RESUME:
	case JOB_ACTION_SCHEDULES:
	case JOB_ACTIONS:
		break;
	}
	return false;
}

static bool admin_check_states(const struct job_admin *admin, char error[JOB_FILTER_ERROR_BYTES])
{
	const struct job_action_row *row = job_action_row(admin->action);

	for (unsigned i = 0; i < admin->filter.states_count; i++) {
		struct text state = admin->filter.states[i];

		if (row->takes_state && row->takes_state(state))
			continue;
		snprintf(error, JOB_FILTER_ERROR_BYTES, "state: a job that is %.*s cannot be %s",
			 (int)state.len, state.ptr, row->past);
		return false;
	}
	return true;
}

/* Criteria of single jobs say nothing of a queue. */
static bool admin_check_commands(const struct job_admin *admin, char error[JOB_FILTER_ERROR_BYTES])
{
	const struct job_filter *filter = &admin->filter;

	for (unsigned i = 0; i < JOB_FILTER_VALUES; i++) {
		if (i == JOB_FILTER_COMMANDS || i == JOB_FILTER_AFTER || !filter->values[i])
			continue;
		snprintf(error, JOB_FILTER_ERROR_BYTES, "commands are %s as a whole, not some jobs",
			 job_action_row(admin->action)->past);
		return false;
	}
	return true;
}

bool job_admin_check(struct job_admin *admin, char error[JOB_FILTER_ERROR_BYTES])
{
	if (job_action_row(admin->action)->is_of_commands)
		return admin_check_commands(admin, error);
	if (admin->action == JOB_ACTION_LIST && admin->filter.limit > JOB_LIST_MAX) {
		snprintf(error, JOB_FILTER_ERROR_BYTES, "limit: a list has %d jobs at most; %s",
			 JOB_LIST_MAX, "go on behind its last one with after");
		return false;
	}
	return admin_check_states(admin, error);
}

/* --- calls ------------------------------------------------------------------------------------ */

static bool admin_call(struct job_admin *admin, struct pool *pool, enum call_kind kind,
		       struct statement *statement)
{
	buf_clear(&admin->out);
	admin->call = (struct call){
		.kind = kind,
		.statement = statement,
		.values = admin->values,
		.arena = &admin->arena,
		.out = &admin->out,
		.on_done = admin_on_done,
	};
	if (!pool_submit(pool, &admin->call)) {
		admin->call.end = CALL_UNSENT;
		return false;
	}
	admin->pool = pool;
	return true;
}

/* At most so many rows: of a list, or those that may still be changed. */
static void admin_limit(struct job_admin *admin, int64_t limit)
{
	admin->values[JOB_FILTER_LIMIT] = arena_printf(&admin->arena, "%" PRId64, limit);
}

bool job_admin_send(struct job_admin *admin, struct pool *pool)
{
	bool dry = admin->dry_run || admin_is_of_many(admin);

	assert(admin->on_done);
	assert(!admin->pool);
	memcpy(admin->values, admin->filter.values, sizeof(admin->filter.values));
	admin->values[JOB_ACTION_WHO] = admin->who;
	admin->values[JOB_ACTION_CRITERIA] = job_filter_json(&admin->filter);
	admin->values[JOB_ACTION_KNOWN] = admin->known;
	admin_limit(admin, admin->filter.limit ? admin->filter.limit : JOB_LIST_DEFAULT);
	switch (admin->action) {
	case JOB_ACTION_LIST:
	case JOB_ACTION_SHOW:
	case JOB_ACTION_SCHEDULES:
		return admin_call(admin, pool, CALL_QUERY, job_action_statement(admin->action));
	case JOB_ACTION_REPLAY:
	case JOB_ACTION_DISCARD:
	case JOB_ACTION_CANCEL:
	case JOB_ACTION_PAUSE:
	case JOB_ACTION_RESUME:
		return admin_call(admin, pool, dry ? CALL_QUERY : CALL_COMMAND,
				  dry ? job_action_dry(admin->action)
				      : job_action_statement(admin->action));
	case JOB_ACTIONS:
		break;
	}
	assert(!"an action");
	return false;
}

/* --- ends ------------------------------------------------------------------------------------- */

static struct json *admin_rows(const struct job_admin *admin)
{
	struct json *json = json_read_rows((struct text){ admin->out.ptr, admin->out.len });

	assert(json);
	return json;
}

static void admin_end(struct job_admin *admin, bool is_whole)
{
	admin->is_whole = is_whole;
	admin->on_done(admin);
}

/* How many may still be changed. */
static int64_t admin_room(const struct job_admin *admin)
{
	return admin->filter.limit ? admin->filter.limit - admin->changed : INT64_MAX;
}

/* False: there is no time, or no room. */
static bool admin_send_batch(struct job_admin *admin, struct pool *pool, int64_t after_n)
{
	if (admin->until_us && loop_now(admin->loop) >= admin->until_us)
		return false;
	arena_reset(&admin->arena);
	admin->values[JOB_FILTER_AFTER] = arena_printf(&admin->arena, "%" PRId64, after_n);
	admin_limit(admin, admin_room(admin));
	return admin_call(admin, pool, CALL_COMMAND, job_action_statement(admin->action));
}

static void admin_take_counts(struct job_admin *admin, struct pool *pool)
{
	admin->rows = admin_rows(admin);
	for (const struct json *row = json_first(admin->rows); row; row = json_next(row)) {
		const struct json *why = json_get(row, "why");

		admin->matching += job_row_number(row, "jobs");
		if (why && json_kind(why) == JSON_NULL)
			admin->eligible += job_row_number(row, "jobs");
	}
	if (admin->dry_run || !admin->eligible)
		admin_end(admin, true);
	else if (!admin_send_batch(admin, pool, admin->filter.after_n))
		admin_end(admin, false);
}

static void admin_take_batch(struct job_admin *admin, struct pool *pool)
{
	struct json *json = admin_rows(admin);
	int64_t last = job_row_number(json_first(json), "last");

	admin->changed += job_row_number(json_first(json), "changed");
	json_free(json);
	if (!last || !admin_room(admin))
		admin_end(admin, true);
	else if (!admin_send_batch(admin, pool, last))
		admin_end(admin, false);
}

/* Of LIST, SHOW, SCHEDULES, PAUSE, RESUME. */
static void admin_take_rows(struct job_admin *admin)
{
	admin->rows = admin_rows(admin);
	for (const struct json *row = json_first(admin->rows); row; row = json_next(row)) {
		const struct json *changed = json_get(row, "changed");

		admin->changed += changed && json_bool(changed) && !admin->dry_run;
	}
	admin_end(admin, true);
}

static void admin_on_done(struct call *call)
{
	struct job_admin *admin = container_of(call, struct job_admin, call);
	struct pool *pool = admin->pool;

	admin->pool = NULL;
	if (call->end != CALL_OK) {
		admin_end(admin, false);
	} else if (!admin_is_of_many(admin)) {
		admin_take_rows(admin);
	} else if (admin->rows) {
		admin_take_batch(admin, pool);
	} else {
		admin_take_counts(admin, pool);
	}
}

bool job_admin_is_good(const struct job_admin *admin)
{
	return admin->call.end == CALL_OK;
}

int64_t job_admin_wanted(const struct job_admin *admin)
{
	int64_t limit = admin->filter.limit;

	return limit && limit < admin->eligible ? limit : admin->eligible;
}

bool job_admin_did_all(const struct job_admin *admin)
{
	if (admin->dry_run || !admin_is_of_many(admin))
		return true;
	return admin->matching == admin->eligible && admin->matching >= admin->filter.ids_count &&
	       admin->changed >= job_admin_wanted(admin);
}

/* --- as JSON ---------------------------------------------------------------------------------- */

/* Rows as they came, but for those without a reason. */
static void admin_write_rows(struct buf *out, const struct job_admin *admin)
{
	const char *separator = "";

	buf_printf(out, ",\"%s\":[", admin_is_of_many(admin) ? "refused" : "commands");
	for (const struct json *row = admin->rows ? json_first(admin->rows) : NULL; row;
	     row = json_next(row)) {
		const struct json *why = json_get(row, "why");

		if (why && json_kind(why) == JSON_NULL)
			continue;
		buf_string(out, separator);
		buf_text(out, json_source(row));
		separator = ",";
	}
	buf_byte(out, ']');
}

void job_admin_write(struct buf *out, const struct job_admin *admin)
{
	buf_printf(out, "{\"action\":\"%s\",\"dry_run\":%s", job_action_row(admin->action)->name,
		   admin->dry_run ? "true" : "false");
	if (admin_is_of_many(admin))
		buf_printf(out,
			   ",\"matching\":%" PRId64 ",\"eligible\":%" PRId64 ",\"changed\":%" PRId64
			   ",\"complete\":%s",
			   admin->matching, job_admin_wanted(admin), admin->changed,
			   admin->is_whole ? "true" : "false");
	admin_write_rows(out, admin);
	buf_byte(out, '}');
}

/* What is left of a row behind the number of a job. */
static struct text admin_take_number(const struct json *row, struct job_number *number)
{
	struct text rest = json_source(row);
	int64_t mark = 0;
	bool good = job_document_take(&rest, "{\"n\":", &number->n) &&
		    job_document_take(&rest, "\"mark\":", &mark);

	assert(good);
	number->mark = (int32_t)(uint32_t)mark;
	return rest;
}

void job_admin_write_row(struct buf *out, const struct json *row, struct job_ids *ids)
{
	struct job_number number;
	struct text rest = admin_take_number(row, &number);
	char id[JOB_ID_CHARS + 1];

	job_id_write(ids, number, id);
	buf_printf(out, "{\"id\":\"%s\",", id);
	buf_text(out, rest);
}

void job_admin_write_schedule(struct buf *out, const struct json *row, struct job_ids *ids)
{
	struct job_number number;
	struct text rest = admin_take_number(row, &number);
	char id[JOB_ID_CHARS + 1];

	buf_byte(out, '{');
	buf_text(out, (struct text){ rest.ptr, rest.len - 1 });
	if (!number.n) {
		buf_literal(out, ",\"last_job\":null}");
		return;
	}
	job_id_write(ids, number, id);
	buf_printf(out, ",\"last_job\":\"%s\"}", id);
}
