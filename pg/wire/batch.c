/* SPDX-License-Identifier: Apache-2.0 */
/* Forms a batch out of what is queued and hands it to libpq; each message sent leaves an entry. */
#include "pg/wire/batch.h"

#include "base/clock.h"
#include "pg/admission/estimate.h"
#include "pg/wire/conn.h"
#include "pg/wire/group.h"
#include "pg/wire/session_state.h"
#include "pg/wire/standby_bound.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define BATCH_PREPARING_US (50 * US_PER_MS) /* taken off what a batch took that prepared */
#define BATCH_TEXT_OF(number) #number
#define BATCH_TEXT(macro) BATCH_TEXT_OF(macro)
#define BATCH_NOTICE_VERSION_MIN 140000
#define BATCH_NOTICE_EVERY_MS "1000"
#define BATCH_PATIENCE_GRACE_US US_PER_S /* beyond the statement_timeout of a call */

/* The last of commands: did they write, where does their commit end, how long did they run? */
#define BATCH_END                                                                                  \
	"SELECT pg_current_xact_id_if_assigned() IS NOT NULL,"                                     \
	" CASE current_setting('synchronous_commit') WHEN 'off'"                                   \
	" THEN pg_size_bytes(current_setting('wal_segment_size')) END,"                            \
	" current_setting('wal_block_size'),"                                                      \
	" (extract(epoch FROM clock_timestamp() - now()) * 1000000)::bigint"

/* What a command of a group may not leave changed: RESET ALL comes too late, or does nothing. */
#define BATCH_KEPT "concat(current_user, '|', current_setting('synchronous_commit'))"
/* RESET ALL goes back to what handshake_options asked for, but where a pooler had only SET it. */
#define BATCH_AS_ASKED                                                                             \
	"(current_setting('TimeZone') = 'UTC' AND current_setting('DateStyle') LIKE 'ISO%'"        \
	" AND current_setting('IntervalStyle') = 'iso_8601')"

#define BATCH_LOCK_WAIT BATCH_TEXT(GROUP_LOCK_WAIT_MS)
#define BATCH_STATEMENT BATCH_TEXT(GROUP_STATEMENT_MS)
#define BATCH_LIMITS                                                                               \
	"SELECT set_config('lock_timeout', '" BATCH_LOCK_WAIT "', true),"                          \
	" set_config('statement_timeout', '" BATCH_STATEMENT "', true),"                           \
	" set_config('cqrsd.kept', " BATCH_KEPT ", true)"

/* No transaction ends the session's locks: each batch does, whatever becomes of its calls. */
#define BATCH_UNLOCKED "pg_advisory_unlock_all() IS NOT NULL"

/*
 * The first look of a batch of queries, and the last one. On a standby the position is read before
 * what was received, so that "all that was received is replayed" is true of the position; on a
 * primary the end of the WAL follows, written or not. The timeline is the walreceiver's, which goes
 * over to the next one before anything of that is replayed: where it is still the old one behind
 * the queries, so was all before; 0: there is no walreceiver, NULL: hidden from this role. The
 * functions of the other role are not called: they raise.
 */
static const struct {
	const char *name, *text;
} batch_fixed[FIXED_COUNT] = {
	[FIXED_PROBE] = { "probe", "SELECT pg_is_in_recovery(),"
				   " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
				   " ELSE pg_current_wal_flush_lsn() END, clock_timestamp()" },
	[FIXED_BOUND] = { "bound",
			  "SELECT pg_is_in_recovery(),"
			  " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
			  " ELSE pg_current_wal_flush_lsn() END,"
			  " CASE WHEN " BATCH_UNLOCKED " THEN clock_timestamp() END,"
			  " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()"
			  " ELSE pg_current_wal_insert_lsn() END, " STANDBY_BOUND_TIMELINE },
	[FIXED_STANDBY_BOUND] = { "stands", STANDBY_BOUND_BOUND },
	[FIXED_TIMEOUT] = { "timeout", "SELECT set_config('statement_timeout', $1, true)" },
	/* Else a statement goes on though the conn it is for was closed. Not every system can. */
	[FIXED_NOTICE] = { "notice", "SELECT set_config('client_connection_check_interval', $1,"
				     " true) WHERE version() LIKE '%linux%'" },
	[FIXED_XID] = { "xid", BATCH_END },
	[FIXED_BACKEND] = { "backend", "SELECT pg_backend_pid()" },
	[FIXED_POSITION] = { "position",
			     "SELECT pg_current_wal_flush_lsn(), pg_current_wal_insert_lsn(),"
			     " left(pg_walfile_name(pg_current_wal_flush_lsn()), 8),"
			     " CASE WHEN " BATCH_UNLOCKED " THEN pg_my_temp_schema() END" },
	[FIXED_SESSION_STATE] = { "leaves", session_state_query },
	[FIXED_LIMITS] = { "limits", BATCH_LIMITS },
	[FIXED_SAVEPOINT] = { "savepoint", "SAVEPOINT c" },
	[FIXED_BACK] = { "back", "ROLLBACK TO SAVEPOINT c" },
	/* The next and the last divide by zero where that is not so. */
	[FIXED_LOOK] = { "look", "SELECT 1 / (" BATCH_UNLOCKED
				 " AND current_setting('cqrsd.kept') = " BATCH_KEPT ")::int" },
	[FIXED_RESET] = { "reset", "RESET ALL" },
	[FIXED_GROUP_END] = { "end", BATCH_END ", 1 / " BATCH_AS_ASKED "::int" },
};

static_assert(FIXED_PROBE < FIXED_STANDBY_BOUND && FIXED_BOUND < FIXED_STANDBY_BOUND,
	      "those with binary answers");

static const char *const batch_begins[] = {
	[ISOLATION_READ_COMMITTED] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
	[ISOLATION_REPEATABLE_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE",
	[ISOLATION_SERIALIZABLE] = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
};

struct statement_name {
	char text[16];
};

static bool batch_send_queries(struct conn *conn);
static bool batch_send_stream(struct conn *conn);
static bool batch_send_command(struct conn *conn);
static bool batch_send_describe(struct conn *conn);

void batch_send(struct conn *conn)
{
	bool sent = false;

	assert(conn->batch.slots_count > 0);
	conn_move(conn, CONN_BUSY);
	switch (conn->batch.kind) {
	case CALL_QUERY:
	case CALL_PROBE:
		sent = conn->batch.slots[0].call->on_rows ? batch_send_stream(conn)
							  : batch_send_queries(conn);
		break;
	case CALL_COMMAND:
		sent = batch_send_command(conn);
		break;
	case CALL_DESCRIBE:
		sent = batch_send_describe(conn);
		break;
	}
	batch_sent(conn, sent);
}

void batch_sent(struct conn *conn, bool sent)
{
	if (!sent) {
		conn_close(conn, closing_failed("a batch could not be sent"));
		return;
	}
	batch_expect(conn);
	conn_set_due(conn, loop_now(conn->home->loop) + conn->batch.patience_us);
	conn_flush(conn);
}

/* --- which calls ----------------------------------------------------------------------------- */

void batch_begin(struct conn *conn, enum call_kind kind)
{
	struct batch *batch = &conn->batch;

	assert(conn->state == CONN_IDLE);
	batch->kind = kind == CALL_PROBE ? CALL_QUERY : kind;
	batch->slots_count = batch->entries_count = batch->next = 0;
	batch->sent_us = loop_now(conn->home->loop);
	batch->timeout_us = 0;
	batch->patience_us = conn->home->answer_timeout_us;
	batch->may_commit = batch->rows_begun = batch->streams = false;
	batch->in_recovery = batch->lower_known = batch->upper_known = false;
	batch->lower = batch->upper = batch->newest = 0;
	batch->timeline = 0;
	batch->began_us = batch->ended_us = 0;
	batch->wrote = batch->insert_counts = false;
	batch->ran_us = -1;
	batch->grouped = batch->committed = false;
	batch->raised = 0;
	batch->trouble = NULL;
	batch->session_state = 0;
	batch->position_known = false;
	batch->position = POSITION_NONE;
	batch->rolled_back = batch->between = batch->framed = batch->temporary = false;
}

void batch_add(struct conn *conn, struct call *call)
{
	struct batch *batch = &conn->batch;

	assert(batch->slots_count < BATCH_CALLS_MAX);
	assert(!call->conn);
	batch->slots[batch->slots_count++] = (struct slot){ .call = call, .state = SLOT_OUT };
	call->conn = conn;
	call->sent_us = batch->sent_us;
	call->ticket.placements++;
	if (call->timeout_us + BATCH_PATIENCE_GRACE_US > batch->patience_us && call->timeout_us)
		batch->patience_us = call->timeout_us + BATCH_PATIENCE_GRACE_US;
}

void batch_forget(struct conn *conn, const struct call *call)
{
	struct batch *batch = &conn->batch;

	/* Its maker may have lost patience with it: slow, then, whoever waits for it or not. */
	if (!batch->streams)
		batch_learn_late(conn);
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call == call) {
			batch->slots[i].call = NULL;
			conn_cancel(conn, call);
			return;
		}
	assert(!"a call that is on its way has a slot");
}

/* Preparing fills the session's caches, once: that is not how long the statement runs. */
static int64_t batch_preparing_us(const struct batch *batch)
{
	for (unsigned i = 0; i < batch->entries_count; i++)
		if (batch->entries[i].kind == ENTRY_PREPARE)
			return BATCH_PREPARING_US;
	return 0;
}

/* Of what stands in a frame the way there and back is a part. */
static bool batch_is_learnt(const struct call *call)
{
	return call->kind == CALL_QUERY || (call->kind == CALL_COMMAND && !call->frame);
}

void batch_learn(struct conn *conn, int64_t took_us)
{
	struct batch *batch = &conn->batch;
	struct statement *ran[BATCH_CALLS_MAX];
	unsigned count = 0;

	took_us -= batch_preparing_us(batch);
	for (unsigned i = 0; i < batch->slots_count; i++) {
		const struct slot *slot = &batch->slots[i];

		if (slot->call && batch_is_learnt(slot->call) && slot->state != SLOT_AGAIN)
			ran[count++] = slot->call->statement;
	}
	if (count)
		estimate_learn(ran, count, took_us > 0 ? took_us : 0);
}

int64_t batch_expected_us(const struct conn *conn)
{
	const struct batch *batch = &conn->batch;
	int64_t expected_us = batch->sent_us;

	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call && batch->slots[i].call->statement)
			expected_us += estimate_us(batch->slots[i].call->statement);
	return expected_us;
}

void batch_learn_late(struct conn *conn)
{
	int64_t took_us = loop_now(conn->home->loop) - conn->batch.sent_us;

	if (conn->batch.kind == CALL_QUERY && took_us > ESTIMATE_SLOW_US)
		batch_learn(conn, took_us);
}

/* --- messages -------------------------------------------------------------------------------- */

static void batch_entry(struct batch *batch, enum entry_kind kind, enum fixed fixed, unsigned slot,
			uint32_t statement_id)
{
	assert(batch->entries_count < BATCH_ENTRIES_MAX);
	batch->entries[batch->entries_count++] = (struct entry){
		.kind = (uint8_t)kind,
		.fixed = (uint8_t)fixed,
		.slot = (uint8_t)slot,
		.statement_id = statement_id,
	};
}

/* "s<id>", without printf. */
static struct statement_name batch_name(uint32_t id)
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

bool batch_send_fixed(struct conn *conn, enum entry_kind kind, enum fixed fixed, unsigned slot,
		      const char *value)
{
	bool binary = fixed <= FIXED_STANDBY_BOUND;

	if (conn->fixed[fixed] == MARK_NONE) {
		if (!PQsendPrepare(conn->pgconn, batch_fixed[fixed].name, batch_fixed[fixed].text,
				   0, NULL))
			return false;
		conn->fixed[fixed] = MARK_PENDING;
		batch_entry(&conn->batch, ENTRY_PREPARE_FIXED, fixed, slot, 0);
	}
	batch_entry(&conn->batch, kind, fixed, slot, 0);
	return PQsendQueryPrepared(conn->pgconn, batch_fixed[fixed].name, value ? 1 : 0,
				   value ? &value : NULL, NULL, NULL, binary) == 1;
}

static bool batch_send_plain(struct conn *conn, enum entry_kind kind, const char *text)
{
	batch_entry(&conn->batch, kind, 0, 0, 0);
	return PQsendQueryParams(conn->pgconn, text, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static bool batch_send_sync(struct conn *conn, enum entry_kind kind)
{
	batch_entry(&conn->batch, kind, 0, SLOT_NONE, 0);
	return PQpipelineSync(conn->pgconn) == 1;
}

static bool batch_discard(struct conn *conn, unsigned slot, uint32_t id)
{
	char text[32];

	snprintf(text, sizeof(text), "DEALLOCATE %s", batch_name(id).text);
	batch_entry(&conn->batch, ENTRY_DISCARD, 0, slot, id);
	return PQsendQueryParams(conn->pgconn, text, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

/* By which the values of a statement are made, and its rows read. */
static const struct shape *batch_shape(struct call *call, const struct statement *statement)
{
	if (statement != call->statement)
		return statement_shape(statement);
	if (!call->bound)
		call->bound = statement_shape(statement);
	return call->bound;
}

/* The call's own statement, or one of its frame. */
static bool batch_prepare(struct conn *conn, unsigned slot, const struct statement *statement)
{
	struct call *call = conn->batch.slots[slot].call;
	const struct shape *shape = batch_shape(call, statement);
	uint32_t generation = call->kind == CALL_DESCRIBE ? call->generation : shape->generation;
	enum mark mark = conn_mark(conn, statement->id, generation);
	Oid oids[PARAMS_MAX];

	if (statement == call->statement)
		call->generation = generation;
	if (mark == MARK_PREPARED || mark == MARK_PENDING)
		return true;
	if (mark == MARK_STALE && !batch_discard(conn, slot, statement->id))
		return false;
	assert(statement->params <= PARAMS_MAX);
	for (unsigned i = 0; i < statement->params; i++)
		if (call->kind == CALL_DESCRIBE)
			oids[i] = call->param_oids ? call->param_oids[i] : 0;
		else
			oids[i] = i < shape->params ? shape->param_types[i].oid : 0;
	conn_set_mark(conn, statement->id, generation, MARK_PENDING);
	batch_entry(&conn->batch, ENTRY_PREPARE, 0, slot, statement->id);
	conn->batch.entries[conn->batch.entries_count - 1].generation = generation;
	return PQsendPrepare(conn->pgconn, batch_name(statement->id).text, statement->text,
			     statement->params, oids) == 1;
}

/* In a group it is no longer than the group's patience. 0: the pool's. */
static int64_t batch_timeout_us(const struct conn *conn, const struct call *call)
{
	const int64_t group_us = GROUP_STATEMENT_MS * US_PER_MS;
	int64_t timeout_us = call->timeout_us;

	if (!conn->batch.grouped)
		return timeout_us;
	if (!timeout_us)
		timeout_us = conn->home->statement_timeout_us;
	return timeout_us && timeout_us < group_us ? timeout_us : group_us;
}

/* The statement_timeout of this call, where another one is in force. */
static bool batch_set_timeout(struct conn *conn, unsigned slot)
{
	struct batch *batch = &conn->batch;
	int64_t timeout_us = batch_timeout_us(conn, batch->slots[slot].call);
	char value[24];

	if (timeout_us == batch->timeout_us)
		return true;
	batch->timeout_us = timeout_us;
	if (!timeout_us)
		timeout_us = conn->home->statement_timeout_us;
	snprintf(value, sizeof(value), "%lld",
		 (long long)((timeout_us + US_PER_MS - 1) / US_PER_MS));
	return batch_send_fixed(conn, ENTRY_TIMEOUT, FIXED_TIMEOUT, slot, value);
}

bool batch_make_ready(struct conn *conn, unsigned slot)
{
	return batch_prepare(conn, slot, conn->batch.slots[slot].call->statement) &&
	       batch_set_timeout(conn, slot);
}

bool batch_send_run(struct conn *conn, unsigned slot)
{
	const struct call *call = conn->batch.slots[slot].call;

	batch_entry(&conn->batch, ENTRY_RUN, 0, slot, call->statement->id);
	conn->batch.session_state |=
		atomic_load_explicit(&call->statement->session_state, memory_order_relaxed);
	return PQsendQueryPrepared(conn->pgconn, batch_name(call->statement->id).text,
				   call->statement->params, call->values, NULL, NULL, 0) == 1;
}

static bool batch_send_call(struct conn *conn, unsigned slot)
{
	return batch_make_ready(conn, slot) && batch_send_run(conn, slot);
}

bool batch_send_begin(struct conn *conn, enum isolation isolation)
{
	return batch_send_plain(conn, ENTRY_BEGIN, batch_begins[isolation]);
}

/* Where a pooler stands between, whether it is the backend on which all was prepared and set. */
static bool batch_send_backend(struct conn *conn)
{
	return !conn->pooled ||
	       batch_send_fixed(conn, ENTRY_BACKEND, FIXED_BACKEND, SLOT_NONE, NULL);
}

/* --- the shapes of a batch ------------------------------------------------------------------- */

static bool batch_send_queries(struct conn *conn)
{
	struct batch *batch = &conn->batch;

	batch->may_commit = true;
	if (!batch_send_fixed(conn, ENTRY_PROBE_LOWER, FIXED_PROBE, SLOT_NONE, NULL))
		return false;
	for (unsigned i = 0; i < batch->slots_count; i++)
		if (batch->slots[i].call->kind == CALL_QUERY && !batch_send_call(conn, i))
			return false;
	return batch_send_backend(conn) &&
	       batch_send_fixed(conn, ENTRY_PROBE_UPPER, FIXED_BOUND, SLOT_NONE, NULL) &&
	       batch_send_sync(conn, ENTRY_SYNC);
}

static bool batch_send_stream(struct conn *conn)
{
	struct batch *batch = &conn->batch;

	assert(batch->slots_count == 1);
	batch->may_commit = batch->streams = true;
	return batch_send_fixed(conn, ENTRY_PROBE_LOWER, FIXED_PROBE, SLOT_NONE, NULL) &&
	       batch_send_sync(conn, ENTRY_SYNC_AFTER) &&
	       batch_send_plain(conn, ENTRY_BEGIN,
				"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") &&
	       batch_send_backend(conn) &&
	       batch_send_fixed(conn, ENTRY_PROBE_UPPER, FIXED_STANDBY_BOUND, SLOT_NONE, NULL) &&
	       (PQserverVersion(conn->pgconn) < BATCH_NOTICE_VERSION_MIN ||
		batch_send_fixed(conn, ENTRY_TIMEOUT, FIXED_NOTICE, 0, BATCH_NOTICE_EVERY_MS)) &&
	       batch_send_call(conn, 0) && batch_send_plain(conn, ENTRY_COMMIT, "COMMIT") &&
	       batch_send_sync(conn, ENTRY_SYNC);
}

static bool batch_send_of_frame(struct conn *conn, enum entry_kind kind,
				const struct statement *statement, const char *const *values)
{
	if (!batch_prepare(conn, 0, statement))
		return false;
	batch_entry(&conn->batch, kind, 0, 0, statement->id);
	return PQsendQueryPrepared(conn->pgconn, batch_name(statement->id).text, statement->params,
				   values, NULL, NULL, 0) == 1;
}

/* Nothing can commit before the second trip. */
static bool batch_send_framed(struct conn *conn)
{
	const struct call *call = conn->batch.slots[0].call;
	const struct call_frame *frame = call->frame;

	conn->batch.framed = true;
	return batch_send_begin(conn, call->isolation) &&
	       batch_send_of_frame(conn, ENTRY_BEFORE, frame->before, frame->before_values) &&
	       batch_send_call(conn, 0) && batch_send_sync(conn, ENTRY_SYNC);
}

bool batch_send_end(struct conn *conn, enum fixed end, bool explicit)
{
	if (!batch_send_fixed(conn, ENTRY_XID, end, 0, NULL))
		return false;
	conn->batch.may_commit = true;
	if (explicit && !batch_send_plain(conn, ENTRY_COMMIT, "COMMIT"))
		return false;
	return batch_send_sync(conn, ENTRY_SYNC) && batch_send_backend(conn) &&
	       batch_send_fixed(conn, ENTRY_POSITION, FIXED_POSITION, SLOT_NONE, NULL) &&
	       batch_send_sync(conn, ENTRY_SYNC_AFTER);
}

void batch_send_behind(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	const struct call_frame *frame = batch->slots[0].call->frame;

	assert(batch->framed);
	batch->framed = false;
	batch->entries_count = batch->next = 0;
	batch_sent(conn,
		   batch_send_of_frame(conn, ENTRY_BEHIND, frame->behind, frame->behind_values) &&
			   batch_send_end(conn, FIXED_XID, true));
}

static bool batch_send_command(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	const struct call *call = batch->slots[0].call;
	bool explicit = call->isolation != ISOLATION_READ_COMMITTED || call->begins;

	if (batch->slots_count > 1)
		return group_send(conn);
	if (call->frame)
		return batch_send_framed(conn);
	if (explicit && !batch_send_begin(conn, call->isolation))
		return false;
	return batch_send_call(conn, 0) && batch_send_end(conn, FIXED_XID, explicit);
}

static bool batch_send_describe(struct conn *conn)
{
	struct batch *batch = &conn->batch;
	uint32_t id = batch->slots[0].call->statement->id;

	assert(batch->slots_count == 1);
	batch->may_commit = true;
	if (!batch_prepare(conn, 0, batch->slots[0].call->statement))
		return false;
	batch_entry(batch, ENTRY_DESCRIBE, 0, 0, id);
	return PQsendDescribePrepared(conn->pgconn, batch_name(id).text) &&
	       batch_send_plain(conn, ENTRY_SESSION_STATE, session_state_prelude) &&
	       batch_send_fixed(conn, ENTRY_SESSION_STATE, FIXED_SESSION_STATE, SLOT_NONE,
				batch->slots[0].call->statement->text) &&
	       batch_send_sync(conn, ENTRY_SYNC);
}

void batch_send_probe(struct conn *conn)
{
	conn->batch.entries_count = conn->batch.next = 0;
	batch_sent(conn, batch_send_fixed(conn, ENTRY_PROBE_UPPER, FIXED_STANDBY_BOUND, SLOT_NONE,
					  NULL) &&
				 batch_send_sync(conn, ENTRY_SYNC_AFTER));
}

void batch_send_rollback(struct conn *conn)
{
	conn->batch.entries_count = conn->batch.next = 0;
	conn->batch.rolled_back = true;
	batch_sent(conn, batch_send_plain(conn, ENTRY_ROLLBACK, "ROLLBACK") &&
				 batch_send_plain(conn, ENTRY_ROLLBACK,
						  "SELECT pg_advisory_unlock_all()") &&
				 batch_send_sync(conn, ENTRY_SYNC_AFTER));
}

void batch_send_clean(struct conn *conn)
{
	conn->batch.entries_count = conn->batch.next = 0;
	conn->batch.temporary = false;
	batch_sent(conn, batch_send_plain(conn, ENTRY_ROLLBACK, "DISCARD TEMP") &&
				 batch_send_sync(conn, ENTRY_SYNC_AFTER));
}

void batch_expect(struct conn *conn)
{
	const struct batch *batch = &conn->batch;

	if (batch->next == batch->entries_count || batch->entries[batch->next].kind != ENTRY_RUN)
		return;
	conn->batch.rows_begun = false;
	/* Refused where libpq knows already that the pipeline is aborted: there are no rows. */
	(void)PQsetSingleRowMode(conn->pgconn);
}
