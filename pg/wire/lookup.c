/* SPDX-License-Identifier: Apache-2.0 */
/* A row is encoded once, and copied to those that asked for the same key. */
#include "pg/wire/lookup.h"

#include "pg/admission/quarantine.h"
#include "pg/types/form.h"
#include "pg/types/key.h"
#include "pg/wire/conn.h"
#include "pg/wire/rows.h"

#include <assert.h>
#include <string.h>

bool lookup_is_exact(const struct call *call)
{
	unsigned at = call->statement->lookup;
	const char *value;

	if (!at || !call->bound || !call->bound->key_column)
		return false;
	value = call->values[at - 1];
	return value && key_text(type_element(call->bound->param_types[at - 1]), value);
}

/* --- out ------------------------------------------------------------------------------------- */

uint16_t lookup_column(const struct statement *statement, const PGresult *result)
{
	if (statement->lookup)
		for (int i = 0; i < PQnfields(result); i++)
			if (strcmp(PQfname(result, i), statement->key) == 0)
				return (uint16_t)(i + 1);
	return 0;
}

/* False: all of them want one key. */
static bool lookup_send_several(struct conn *conn, struct slot *slot)
{
	struct lookup_keys *keys = &conn->lookup;
	struct call *call = slot->call;

	slot->keys_first = (uint16_t)keys->count;
	slot->keys_count = (uint8_t)lookup_keys_add(keys, call);
	if (!slot->keys_count) {
		if (call->ticket.placements == 1)
			metric_add(conn->home->metrics, METRIC_coalesced_total,
				   METRIC_LABELS(call->statement->name), call->followers);
		return false;
	}
	for (struct call *each = call; each; each = each->follower)
		each->company = COMPANY_KEYED;
	metric_observe(conn->home->metrics, METRIC_lookup_calls,
		       METRIC_LABELS(call->statement->name), slot->keys_count);
	return true;
}

void lookup_values(struct conn *conn, unsigned slot, const char **values)
{
	const struct call *call = conn->batch.slots[slot].call;
	unsigned at = call->statement->lookup - 1u;

	memcpy(values, call->values, call->statement->params * sizeof(*values));
	if (call->follower && lookup_is_exact(call) &&
	    lookup_send_several(conn, &conn->batch.slots[slot]))
		values[at] = conn->lookup.literal.ptr;
	else
		values[at] = lookup_keys_one(&conn->lookup, values[at]);
}

/* --- rows ------------------------------------------------------------------------------------ */

/* False: it has broken. */
static bool lookup_begin(struct conn *conn, struct slot *slot, const PGresult *result)
{
	const struct call *call = slot->call;
	const struct shape *shape = call->bound;
	struct pg_type array = shape->param_types[call->statement->lookup - 1];
	int column = shape->key_column - 1;

	encoder_begin(&conn->encoder, result, shape);
	encoder_check_null(&conn->encoder, result, call->statement);
	if (column < PQnfields(result) &&
	    (!shape->names_bytes || shape->names_bytes == conn->encoder.keys.len) &&
	    strcmp(PQfname(result, column), call->statement->key) == 0 &&
	    key_fits_column(type_element(array), PQftype(result, column)))
		return true;
	lookup_break(conn, slot, "columns");
	return false;
}

/* As the first one that asked for the same has it now, from that byte on. */
static void lookup_copy(const struct call *first, size_t from, struct call *call)
{
	call->rows = first->rows;
	call->bytes = first->bytes;
	buf_add(call->out, first->out->ptr + from, first->out->len - from);
}

/* To all from that one on that asked for the key. */
static void lookup_give(struct conn *conn, struct slot *slot, unsigned at, const PGresult *result,
			int row, const char *key)
{
	const struct lookup_keys *keys = &conn->lookup;
	unsigned end = slot->keys_first + slot->keys_count;
	struct call *first = NULL;
	size_t from = 0;

	for (; at < end && lookup_keys_same(keys, at, key); at++) {
		struct call *call = keys->keys[at].call;

		if (call && first) {
			lookup_copy(first, from, call);
		} else if (call) {
			if (rows_are_too_many(call))
				break;
			first = call;
			from = call->out->len;
			call->rows++;
			if ((!call->rows_max || call->rows <= call->rows_max) &&
			    !rows_add(conn, call, result, row)) {
				lookup_break(conn, slot, "columns");
				return;
			}
		}
	}
	slot->discarded += first ? first->out->len - from : rows_bytes(result, row);
}

static void lookup_take_one(struct conn *conn, struct slot *slot, const PGresult *result, int row)
{
	const char *key;
	unsigned at;
	int column;

	if (!slot->call || slot->state != SLOT_AWAITED) {
		slot->discarded += rows_bytes(result, row);
		return;
	}
	if (conn->batch.reading != READING_ROWS && !lookup_begin(conn, slot, result))
		return;
	conn->batch.reading = READING_ROWS;
	column = slot->call->bound->key_column - 1;
	key = PQgetvalue(result, row, column);
	at = lookup_keys_find(&conn->lookup, slot->keys_first, slot->keys_count, key);
	if (PQgetisnull(result, row, column))
		lookup_break(conn, slot, "null");
	else if (at == slot->keys_first + slot->keys_count)
		lookup_break(conn, slot, "foreign");
	else
		lookup_give(conn, slot, at, result, row, key);
	if (slot->discarded > BATCH_DISCARD_BYTES_MAX / 2)
		lookup_break(conn, slot, "bytes");
}

void lookup_take(struct conn *conn, struct slot *slot, const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		lookup_take_one(conn, slot, result, row);
	if (PQresultStatus(result) == PGRES_TUPLES_OK && slot->state == SLOT_AWAITED && slot->call)
		quarantine_pardon(slot->call->statement);
}

/* --- the end --------------------------------------------------------------------------------- */

void lookup_break(struct conn *conn, struct slot *slot, const char *reason)
{
	if (slot->state == SLOT_BROKEN)
		return;
	slot->state = SLOT_BROKEN;
	slot->discarded = 0;
	if (!slot->call)
		return;
	quarantine_begin(slot->call->statement);
	metric_add(conn->home->metrics, METRIC_lookups_broken_total,
		   METRIC_LABELS(slot->call->statement->name, reason), 1);
}

void lookup_forget(struct conn *conn, const struct call *call)
{
	assert(call->company == COMPANY_KEYED);
	if (conn)
		lookup_keys_forget(&conn->lookup, call);
}

void lookup_again(struct call *call)
{
	call->company = COMPANY_WELCOME;
	call_take_back(call);
}
