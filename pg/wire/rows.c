/* SPDX-License-Identifier: Apache-2.0 */
/* A row of too many is counted, and not written. */
#include "pg/wire/rows.h"

#include "pg/wire/conn.h"
#include "pg/wire/error.h"
#include "pg/wire/repeated_column.h"

#include <inttypes.h>

size_t rows_bytes(const PGresult *result, int row)
{
	size_t bytes = 0;

	for (int i = 0; i < PQnfields(result); i++)
		bytes += (size_t)PQgetlength(result, row, i);
	return bytes;
}

/*
 * False: two columns have one name now. Looked for where the names are not those that were
 * described; a command has run, and its rows leave as they are.
 */
static bool rows_begin(struct conn *conn, struct slot *slot, const PGresult *result)
{
	struct call *call = slot->call;
	const char *name;

	encoder_begin(&conn->encoder, result, call->bound);
	encoder_check_null(&conn->encoder, result, call->statement);
	if (!call->bound || !call->bound->names_bytes ||
	    call->bound->names_bytes == conn->encoder.keys.len || call->kind != CALL_QUERY ||
	    call->statement->drops_rows)
		return true;
	name = repeated_column(result);
	if (!name)
		return true;
	slot->state = SLOT_FAILED;
	call->error = repeated_column_error(name, call->arena);
	return false;
}

/*
 * A composite has other fields than were described. A query is asked anew; a command has run: its
 * value leaves as a string, and the next call is described first.
 */
static void rows_misfit(struct slot *slot)
{
	struct call *call = slot->call;
	struct shape *shape = (struct shape *)call->bound;

	if (call->kind == CALL_COMMAND) {
		atomic_store(&shape->forms_due_us, 0);
		return;
	}
	slot->state = SLOT_FAILED;
	call->error = (struct pg_error){
		.sqlstate = "42804", /* datatype_mismatch */
		.ours = true,
		.of_catalog = true,
		.message = "a composite type has other fields than it had when it was described",
	};
}

/*
 * The author said @notnull of that column, and is to be told (--check-not-null). A command has run:
 * its maker tells.
 */
static void rows_null(struct slot *slot, const char *column)
{
	struct call *call = slot->call;
	const char *why = arena_printf(call->arena,
				       "column \"%s\" of row %" PRIu64
				       " is NULL, and @notnull says that it never is",
				       column, call->rows);

	if (call->kind == CALL_COMMAND) {
		if (!call->untellable)
			call->untellable = why;
		return;
	}
	slot->state = SLOT_FAILED;
	call->error = (struct pg_error){
		.sqlstate = "39004", /* null_value_not_allowed */
		.ours = true,
		.message = arena_printf(call->arena, "%s: %s", call->statement->name, why),
	};
}

static void rows_refuse(const struct conn *conn, struct slot *slot, const PGresult *result, int row)
{
	const char *column = encoder_null_of(&conn->encoder, result, row);

	if (column)
		rows_null(slot, column);
	else
		rows_misfit(slot);
}

bool rows_add(struct conn *conn, struct call *call, const PGresult *result, int row)
{
	size_t bytes = call->out->len;
	bool fits;

	if (call->rows > 1)
		buf_byte(call->out, ',');
	fits = encoder_row(&conn->encoder, result, row, call->out);
	call->bytes += call->out->len - bytes;
	return fits;
}

bool rows_are_too_many(const struct call *call)
{
	return (call->rows_max && call->rows > call->rows_max) ||
	       (call->bytes_max &&
		(call->on_rows ? call->bytes : call->out->len) > call->bytes_max);
}

void rows_take_one(struct conn *conn, struct slot *slot, const PGresult *result, int row)
{
	struct call *call = slot->call;

	if (!call || slot->state != SLOT_AWAITED) {
		slot->discarded += rows_bytes(result, row);
		return;
	}
	call->rows++;
	if (call->rows_max && call->rows > call->rows_max) {
		slot->state = SLOT_TOO_LARGE;
		return;
	}
	if (conn->batch.reading != READING_ROWS && !rows_begin(conn, slot, result))
		return;
	conn->batch.reading = READING_ROWS;
	if (!rows_add(conn, call, result, row))
		rows_refuse(conn, slot, result, row);
	if (rows_are_too_many(call))
		slot->state = SLOT_TOO_LARGE;
}

void rows_take(struct conn *conn, struct slot *slot, const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		rows_take_one(conn, slot, result, row);
}
