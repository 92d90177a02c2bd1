/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One statement does all steps, and tells what each of them asks. It reads who holds locks after
 * its snapshot was taken, and where the log ends likewise: so what its snapshot saw lies before
 * that end, but who has gone by then may have committed behind the snapshot. That is why the walk
 * is a statement of its own.
 *
 * A number is known to be given by the row that has it, wherever that is by now: who claims may not
 * look at the sequence. With a sequence that caches numbers, they are not given in their order.
 *
 * The walk can only use the primary key: each other index is partial.
 */
#include "write/jobs/floors_ask.h"

#include "base/array.h"
#include "base/json.h"
#include "write/jobs/job_row.h"
#include "write/jobs/job_statement.h"
#include "write/jobs/ordered_above.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define HOLDERS                                                                                    \
	"SELECT l.virtualtransaction AS holder, l.pid FROM pg_locks AS l"                          \
	" WHERE l.locktype = 'relation' AND l.relation = 'cqrsd.job'::regclass AND l.granted"      \
	" AND l.mode = 'RowExclusiveLock' AND l.database ="                                        \
	" (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())"

/* A prepared transaction has no process. It may be one that was noted under its other name. */
#define HELD                                                                                       \
	"EXISTS (SELECT FROM holders AS h WHERE h.pid IS NULL"                                     \
	" OR h.holder = ANY ((SELECT $1::text[])::text[]))"

#define GIVEN                                                                                      \
	"EXISTS (SELECT FROM cqrsd.job WHERE n = (SELECT $4::int8)"                                \
	" UNION ALL SELECT FROM cqrsd.job_finished WHERE n = (SELECT $4::int8)"                    \
	" UNION ALL SELECT FROM cqrsd.job_dead WHERE n = (SELECT $4::int8))"                       \
	" AND EXISTS (SELECT FROM pg_sequence AS s WHERE s.seqrelid ="                             \
	" pg_get_serial_sequence('cqrsd.job', 'n')::regclass AND s.seqcache = 1"                   \
	" AND s.seqincrement > 0 AND NOT s.seqcycle)"

#define LSN(place) "(" place " - '0/0'::pg_lsn)::int8"

/* The first job of a command that waits, from a number on, but for old heads; and of each of these
 * keys. */
#define WALK                                                                                       \
	"SELECT q.command, f.n, f.order_key AS key, false AS by_name, f.run_at > now() AS not_due" \
	" FROM unnest((SELECT $2::text[]), (SELECT $3::int8[])) AS q(command, n)"                  \
	" LEFT JOIN LATERAL (SELECT o.n, o.order_key, o.run_at FROM cqrsd.job AS o"                \
	" WHERE o.n >= q.n AND o.n <= (SELECT $4::int8) AND o.command = q.command"                 \
	" AND octet_length(o.order_key) IS NOT NULL AND o.order_key <> ALL"                        \
	" (ARRAY(SELECT l.key FROM old AS l WHERE l.command = q.command))"                         \
	" ORDER BY o.n LIMIT 1) AS f ON true WHERE s.began IS NOT NULL"                            \
	" UNION ALL SELECT l.command, f.n, l.key, true, NULL FROM old AS l"                        \
	" LEFT JOIN LATERAL (SELECT o.n FROM cqrsd.job AS o WHERE o.command = l.command"           \
	" AND o.order_key IS NOT NULL AND (o.order_key, o.n) >= (l.key, l.n)"                      \
	" AND o.order_key <= l.key ORDER BY o.order_key, o.n LIMIT 1) AS f ON true"                \
	" WHERE s.began IS NOT NULL AND l.n >= 0"

#define NOT_IN_RECOVERY(what) "CASE WHEN s.life IS NOT NULL THEN " what " END"

static const char floors_text[] =
	"WITH holders AS MATERIALIZED (" HOLDERS "), old AS MATERIALIZED"
	" (SELECT o.command, o.key COLLATE \"C\" AS key, o.n FROM unnest((SELECT $6::text[]),"
	" (SELECT $7::text[]), (SELECT $8::int8[])) AS o(command, key, n)) SELECT s.life,"
	" (SELECT c.checkpoint_lsn::text FROM pg_control_checkpoint() AS c) AS since,"
	" coalesce((SELECT array_agg(h.holder)::text FROM holders AS h), '{}') AS holders,"
	" " HELD " AS held, CASE WHEN (SELECT $5::bool) THEN " GIVEN " END AS given,"
	" " NOT_IN_RECOVERY(LSN("pg_current_wal_insert_lsn()")) " AS insert_lsn,"
	" " NOT_IN_RECOVERY(LSN("pg_current_wal_flush_lsn()")) " AS flush_lsn,"
	" w.command, w.n, w.key, w.by_name, w.not_due,"
	" (date_part('epoch', clock_timestamp() - s.began) * 1e6::float8)::int8 AS took_us"
	" FROM (SELECT " ORDERED_LIFE " AS life, clock_timestamp() AS began OFFSET 0) AS s"
	" LEFT JOIN LATERAL (" WALK ") AS w ON true";
/* clang-format on */

static const uint32_t floors_params[FLOORS_VALUES] = {
	[FLOORS_HOLDERS] = TEXTARRAYOID,  [FLOORS_COMMANDS] = TEXTARRAYOID,
	[FLOORS_FROM] = INT8ARRAYOID,     [FLOORS_ASKED] = INT8OID,
	[FLOORS_NOTED] = BOOLOID,         [FLOORS_OLD_COMMANDS] = TEXTARRAYOID,
	[FLOORS_OLD_KEYS] = TEXTARRAYOID, [FLOORS_OLD_FROM] = INT8ARRAYOID,
};
static const uint32_t floors_columns[] = {
	TEXTOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID, INT8OID, INT8OID,
	TEXTOID, INT8OID, TEXTOID, BOOLOID, BOOLOID, INT8OID,
};

static struct statement floors_statement;
static pthread_once_t floors_once = PTHREAD_ONCE_INIT;

static void floors_make(void)
{
	job_statement_make(&floors_statement, "jobs.floors", floors_text,
			   (struct job_types){ floors_params, FLOORS_VALUES },
			   (struct job_types){ floors_columns, sizeof(floors_columns) /
								       sizeof(floors_columns[0]) });
}

void floors_ask_init(struct floors_ask *ask, struct loop *loop, struct job_queues *queues)
{
	pthread_once(&floors_once, floors_make);
	*ask = (struct floors_ask){ .loop = loop, .queues = queues };
	arena_init(&ask->arena);
	buf_init(&ask->out);
	buf_init(&ask->holders);
	buf_init(&ask->commands);
	buf_init(&ask->from);
	buf_init(&ask->old_commands);
	buf_init(&ask->old_keys);
	buf_init(&ask->old_from);
}

void floors_ask_fini(struct floors_ask *ask)
{
	if (ask->pool)
		pool_forget(ask->pool, &ask->call);
	ask->pool = NULL;
	buf_fini(&ask->old_from);
	buf_fini(&ask->old_keys);
	buf_fini(&ask->old_commands);
	buf_fini(&ask->from);
	buf_fini(&ask->commands);
	buf_fini(&ask->holders);
	buf_fini(&ask->out);
	arena_fini(&ask->arena);
}

/* --- what came ------------------------------------------------------------------------------- */

static struct text floors_member(const struct json *row, const char *name)
{
	const struct json *member = json_get(row, name);

	if (!member || json_kind(member) != JSON_STRING)
		return (struct text){ NULL, 0 };
	return json_text(member);
}

static struct floors_answer floors_answer_of(const struct json *row)
{
	return (struct floors_answer){
		.life = floors_member(row, "life"),
		.since = floors_member(row, "since"),
		.given = job_row_is(row, "given"),
		.held = job_row_is(row, "held"),
		.insert_lsn = (uint64_t)job_row_number(row, "insert_lsn"),
		.flush_lsn = (uint64_t)job_row_number(row, "flush_lsn"),
		.took_us = job_row_number(row, "took_us"),
	};
}

static void floors_keep_holders(struct floors_ask *ask, const struct json *row)
{
	struct text holders = floors_member(row, "holders");

	buf_clear(&ask->holders);
	buf_text(&ask->holders, holders);
	buf_byte(&ask->holders, '\0');
}

static void floors_take_found(struct floors_ask *ask, const struct json *row)
{
	struct text command = floors_member(row, "command");
	struct job_queue *queue = command.ptr ? job_queues_find(ask->queues, command) : NULL;

	if (queue)
		floors_found(&ask->floors, queue,
			     &(struct floors_found){ .n = job_row_number(row, "n"),
						     .key = floors_member(row, "key"),
						     .by_name = job_row_is(row, "by_name"),
						     .not_due = job_row_is(row, "not_due") });
}

static void floors_take_rows(struct floors_ask *ask, const struct json *rows)
{
	const struct json *row = json_first(rows);
	struct floors_answer answer = floors_answer_of(row);

	for (const struct json *it = row; it; it = json_next(it))
		answer.took_us = job_row_number(it, "took_us");
	if (ask->floors.step == FLOORS_NOTE)
		floors_keep_holders(ask, row);
	if (!floors_take(&ask->floors, ask->queues, &answer, loop_now(ask->loop)))
		return;
	for (; row; row = json_next(row))
		floors_take_found(ask, row);
	floors_walked(&ask->floors, loop_now(ask->loop));
}

static void floors_on_done(struct call *call)
{
	struct floors_ask *ask = container_of(call, struct floors_ask, call);
	struct json *rows = NULL;

	ask->pool = NULL;
	if (call->end == CALL_OK)
		rows = json_read_rows((struct text){ ask->out.ptr, ask->out.len });
	if (rows && json_first(rows))
		floors_take_rows(ask, rows);
	else
		floors_fail(&ask->floors, loop_now(ask->loop));
	if (rows)
		json_free(rows);
	ask->on_done(ask);
}

/* --- asking ---------------------------------------------------------------------------------- */

static unsigned floors_on_claimed(struct call *call)
{
	(void)call;
	return 0;
}

static bool floors_on_ran(struct call *call)
{
	(void)call;
	return false;
}

static void floors_fill_queue(struct floors_ask *ask, struct job_queue *queue)
{
	const struct job_floors *floors = &ask->floors;
	const struct old_heads *old = &queue->floor.walked_old;
	struct text command = text_of(queue->operation->name);
	int64_t from = floors_walk_from(floors, &queue->floor);

	if (from < 0)
		return;
	array_add_text(&ask->commands, command);
	array_add_int(&ask->from, from);
	for (unsigned i = 0; i < old->count; i++) {
		array_add_text(&ask->old_commands, command);
		array_add_text(&ask->old_keys, text_of(old->of[i].key));
		array_add_int(&ask->old_from, floors->goes_on ? -1
					      : floors->full  ? 0
							      : old->of[i].n);
	}
}

static void floors_fill(struct floors_ask *ask)
{
	const struct job_floors *floors = &ask->floors;
	struct buf *arrays[] = { &ask->commands, &ask->from, &ask->old_commands, &ask->old_keys,
				 &ask->old_from };
	const unsigned places[] = { FLOORS_COMMANDS, FLOORS_FROM, FLOORS_OLD_COMMANDS,
				    FLOORS_OLD_KEYS, FLOORS_OLD_FROM };

	for (unsigned i = 0; i < 5; i++)
		array_begin(arrays[i]);
	for (unsigned i = 0; floors->step == FLOORS_WALK && i < ask->queues->count; i++)
		if (ask->queues->queues[i].operation->ordered_by)
			floors_fill_queue(ask, &ask->queues->queues[i]);
	for (unsigned i = 0; i < 5; i++)
		ask->values[places[i]] = array_end(arrays[i]);
	snprintf(ask->asked, sizeof(ask->asked), "%lld", (long long)floors->asked);
	ask->values[FLOORS_HOLDERS] = floors->step == FLOORS_WAIT ? ask->holders.ptr : "{}";
	ask->values[FLOORS_ASKED] = ask->asked;
	ask->values[FLOORS_NOTED] = floors->step == FLOORS_NOTE ? "t" : "f";
}

bool floors_ask_send(struct floors_ask *ask, struct pool *pool)
{
	if (ask->pool || !floors_are_due(&ask->floors, loop_now(ask->loop)))
		return false;
	floors_begin(&ask->floors, loop_now(ask->loop));
	floors_fill(ask);
	arena_reset(&ask->arena);
	buf_clear(&ask->out);
	ask->jobs = (struct call_jobs){ .on_claimed = floors_on_claimed, .on_ran = floors_on_ran };
	ask->call = (struct call){
		.kind = CALL_JOBS,
		.statement = &floors_statement,
		.values = ask->values,
		.arena = &ask->arena,
		.out = &ask->out,
		.jobs = &ask->jobs,
		.on_done = floors_on_done,
	};
	if (!pool_submit(pool, &ask->call)) {
		floors_not_sent(&ask->floors, loop_now(ask->loop));
		return false;
	}
	ask->pool = pool;
	return true;
}
