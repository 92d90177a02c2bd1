/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan's messages to libpq's calls. What is prepared on the conn is kept in its marks. */
#include "pg/wire/pipeline.h"

#include "base/clock.h"
#include "base/control.h"
#include "pg/wire/conn.h"
#include "pg/wire/lookup.h"
#include "pg/wire/plan.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define PIPELINE_NOTICE_VERSION_MIN 140000
#define PIPELINE_NOTICE_EVERY_MS "250"

static const char *const pipeline_begins[] = {
	[ISOLATION_READ_COMMITTED] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
	[ISOLATION_REPEATABLE_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE",
	[ISOLATION_SERIALIZABLE] = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
};

struct statement_name {
	char text[16];
};

void pipeline_sent(struct conn *conn, bool sent)
{
	struct batch *batch = &conn->batch;

	if (!sent) {
		conn_close(conn, closing_failed("a batch could not be sent"));
		return;
	}
	if (batch->state == BATCH_FORMING)
		batch_move(batch, BATCH_OUT);
	pipeline_expect(conn);
	conn_set_due(conn, loop_now(conn->home->loop) + batch->patience_us);
	conn_flush(conn);
}

void pipeline_expect(struct conn *conn)
{
	const struct batch *batch = &conn->batch;

	if (batch->next == batch->entries_count || batch->entries[batch->next].kind != ENTRY_CALL)
		return;
	/* Refused where libpq knows already that the pipeline is aborted: there are no rows. */
	(void)PQsetSingleRowMode(conn->pgconn);
}

/* --- messages of our own --------------------------------------------------------------------- */

bool pipeline_text(struct conn *conn, enum entry_kind kind, const char *text)
{
	(void)batch_entry(&conn->batch, kind, 0);
	return PQsendQueryParams(conn->pgconn, text, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

bool pipeline_begin(struct conn *conn, enum isolation isolation)
{
	return pipeline_text(conn, ENTRY_BEGIN, pipeline_begins[isolation]);
}

bool pipeline_sync(struct conn *conn, enum entry_kind kind)
{
	(void)batch_entry(&conn->batch, kind, SLOT_NONE);
	return PQpipelineSync(conn->pgconn) == 1;
}

static bool pipeline_fixed_values(struct conn *conn, enum entry_kind kind, enum fixed fixed,
				  unsigned slot, const char *const *values, int values_count)
{
	const struct fixed_statement *statement = &fixed_statements[fixed];

	if (conn->fixed[fixed] == MARK_NONE) {
		if (!PQsendPrepare(conn->pgconn, statement->name, statement->text, 0, NULL))
			return false;
		conn->fixed[fixed] = MARK_PENDING;
		batch_entry(&conn->batch, ENTRY_PREPARE_FIXED, slot)->fixed = (uint8_t)fixed;
	}
	batch_entry(&conn->batch, kind, slot)->fixed = (uint8_t)fixed;
	return PQsendQueryPrepared(conn->pgconn, statement->name, values_count, values, NULL, NULL,
				   fixed_is_binary(fixed)) == 1;
}

bool pipeline_fixed(struct conn *conn, enum entry_kind kind, enum fixed fixed, unsigned slot,
		    const char *value)
{
	return pipeline_fixed_values(conn, kind, fixed, slot, value ? &value : NULL, value ? 1 : 0);
}

bool pipeline_fixed_value(struct conn *conn, enum entry_kind kind, enum fixed fixed, unsigned slot,
			  const char *value)
{
	return pipeline_fixed_values(conn, kind, fixed, slot, &value, 1);
}

bool pipeline_backend(struct conn *conn)
{
	return !conn->pooled || pipeline_fixed(conn, ENTRY_BACKEND, FIXED_BACKEND, SLOT_NONE, NULL);
}

bool pipeline_end(struct conn *conn, enum fixed end, bool commit)
{
	if (!pipeline_fixed(conn, ENTRY_XID, end, 0, NULL))
		return false;
	batch_move(&conn->batch, BATCH_COMMITTING);
	if (commit && !pipeline_text(conn, ENTRY_COMMIT, "COMMIT"))
		return false;
	return pipeline_sync(conn, ENTRY_SYNC) && pipeline_backend(conn) &&
	       pipeline_fixed(conn, ENTRY_POSITION, FIXED_POSITION, SLOT_NONE, NULL) &&
	       pipeline_sync(conn, ENTRY_SIDE_SYNC);
}

/* --- statements of calls --------------------------------------------------------------------- */

/* "s<id>", without printf. */
static struct statement_name pipeline_name(uint32_t id)
{
	struct statement_name name;
	char digits[10];
	unsigned count = 0, at = 0;

	do
		digits[count++] = (char)('0' + id % 10);
	while (id /= 10);
	name.text[at++] = 's';
	while (count)
		name.text[at++] = digits[--count];
	name.text[at] = '\0';
	return name;
}

static bool pipeline_deallocate(struct conn *conn, unsigned slot, uint32_t id)
{
	char text[32];

	snprintf(text, sizeof(text), "DEALLOCATE %s", pipeline_name(id).text);
	batch_entry(&conn->batch, ENTRY_DEALLOCATE, slot)->statement_id = id;
	return PQsendQueryParams(conn->pgconn, text, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

/* By which the values of a statement are made, and its rows read. */
static const struct shape *pipeline_shape(struct call *call, const struct statement *statement)
{
	if (statement != call->statement)
		return statement_shape(statement);
	if (!call->bound)
		call->bound = statement_shape(statement);
	return call->bound;
}

/* The call's own statement, or one of its frame. */
static bool pipeline_prepare(struct conn *conn, unsigned slot, const struct statement *statement)
{
	struct call *call = conn->batch.slots[slot].call;
	const struct shape *shape = pipeline_shape(call, statement);
	uint32_t generation = call->kind == CALL_DESCRIBE ? call->generation : shape->generation;
	enum mark mark = conn_mark(conn, statement->id, generation);
	struct entry *entry;
	Oid oids[PARAMS_MAX];

	if (statement == call->statement)
		call->generation = generation;
	if (mark == MARK_PREPARED || mark == MARK_PENDING)
		return true;
	if (mark == MARK_STALE && !pipeline_deallocate(conn, slot, statement->id))
		return false;
	assert(statement->params <= PARAMS_MAX);
	for (unsigned i = 0; i < statement->params; i++)
		if (call->kind == CALL_DESCRIBE)
			oids[i] = call->param_oids ? call->param_oids[i] : 0;
		else
			oids[i] = i < shape->params ? shape->param_types[i].oid : 0;
	conn_set_mark(conn, statement->id, generation, MARK_PENDING);
	entry = batch_entry(&conn->batch, ENTRY_PREPARE, slot);
	entry->statement_id = statement->id;
	entry->generation = generation;
	return PQsendPrepare(conn->pgconn, pipeline_name(statement->id).text, statement->text,
			     statement->params, oids) == 1;
}

/* The statement_timeout of this call, where another one is in force. */
static bool pipeline_set_timeout(struct conn *conn, unsigned slot, int64_t timeout_us_max)
{
	struct batch *batch = &conn->batch;
	int64_t timeout_us = batch->slots[slot].call->timeout_us;
	char value[24];

	if (timeout_us_max) {
		if (!timeout_us)
			timeout_us = conn->home->statement_timeout_us;
		if (!timeout_us || timeout_us > timeout_us_max)
			timeout_us = timeout_us_max;
	}
	if (timeout_us == batch->timeout_us)
		return true;
	batch->timeout_us = timeout_us;
	if (!timeout_us)
		timeout_us = conn->home->statement_timeout_us;
	snprintf(value, sizeof(value), "%lld",
		 (long long)((timeout_us + US_PER_MS - 1) / US_PER_MS));
	return pipeline_fixed(conn, ENTRY_TIMEOUT, FIXED_TIMEOUT, slot, value);
}

bool pipeline_make_ready(struct conn *conn, unsigned slot, int64_t timeout_us_max)
{
	return pipeline_prepare(conn, slot, conn->batch.slots[slot].call->statement) &&
	       pipeline_set_timeout(conn, slot, timeout_us_max);
}

bool pipeline_notice(struct conn *conn, unsigned slot)
{
	return PQserverVersion(conn->pgconn) < PIPELINE_NOTICE_VERSION_MIN ||
	       pipeline_fixed(conn, ENTRY_TIMEOUT, FIXED_NOTICE, slot, PIPELINE_NOTICE_EVERY_MS);
}

/*
 * The calls of a segment share its transaction, so what one of them has set the next would meet:
 * where one has claims, those without any set that there are none.
 */
static bool pipeline_claims(struct conn *conn, unsigned slot)
{
	static const char *const none[CLAIMS_VALUES] = { "", "", "" };
	const struct call *call = conn->batch.slots[slot].call;

	if (!call->claims && !CONTROL_CLAIMS)
		return true;
	return pipeline_fixed_values(conn, ENTRY_CLAIMS, FIXED_CLAIMS, slot,
				     call->claims ? call->claims : none, CLAIMS_VALUES);
}

static bool pipeline_send_run(struct conn *conn, unsigned slot, const struct statement *statement,
			      const char *const *values)
{
	batch_entry(&conn->batch, ENTRY_CALL, slot)->statement_id = statement->id;
	conn->batch.session_state |=
		atomic_load_explicit(&statement->session_state, memory_order_relaxed);
	return PQsendQueryPrepared(conn->pgconn, pipeline_name(statement->id).text,
				   statement->params, values, NULL, NULL, 0) == 1;
}

bool pipeline_run(struct conn *conn, unsigned slot)
{
	const struct call *call = conn->batch.slots[slot].call;
	const char *of_lookup[PARAMS_MAX];

	if (conn->batch.claims && !pipeline_claims(conn, slot))
		return false;
	if (!call->statement->lookup)
		return pipeline_send_run(conn, slot, call->statement, call->values);
	lookup_values(conn, slot, of_lookup);
	return pipeline_send_run(conn, slot, call->statement, of_lookup);
}

bool pipeline_run_in_place(struct conn *conn, unsigned slot, const struct statement *statement,
			   const char *const *values, int64_t timeout_us_max)
{
	return pipeline_prepare(conn, slot, statement) &&
	       pipeline_set_timeout(conn, slot, timeout_us_max) &&
	       (!conn->batch.claims || pipeline_claims(conn, slot)) &&
	       pipeline_send_run(conn, slot, statement, values);
}

bool pipeline_call(struct conn *conn, unsigned slot)
{
	return pipeline_make_ready(conn, slot, 0) && pipeline_run(conn, slot);
}

bool pipeline_framing(struct conn *conn, enum entry_kind kind, const struct statement *statement,
		      const char *const *values)
{
	if (!pipeline_prepare(conn, 0, statement))
		return false;
	batch_entry(&conn->batch, kind, 0)->statement_id = statement->id;
	return PQsendQueryPrepared(conn->pgconn, pipeline_name(statement->id).text,
				   statement->params, values, NULL, NULL, 0) == 1;
}

bool pipeline_describe(struct conn *conn)
{
	const struct statement *statement = conn->batch.slots[0].call->statement;

	if (!pipeline_prepare(conn, 0, statement))
		return false;
	batch_entry(&conn->batch, ENTRY_DESCRIPTION, 0)->statement_id = statement->id;
	return PQsendDescribePrepared(conn->pgconn, pipeline_name(statement->id).text) == 1;
}
