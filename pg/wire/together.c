/* SPDX-License-Identifier: Apache-2.0 */
/* Rows come in the order of the commands as a rule: that place is tried first. */
#include "pg/wire/together.h"

#include "base/array.h"
#include "pg/wire/conn.h"
#include "pg/wire/pipeline.h"
#include "pg/wire/rows.h"

#include <assert.h>
#include <string.h>

#define TOGETHER_PARAMS_MAX 32 /* bits of statement_together.shared */

/* --- out ------------------------------------------------------------------------------------- */

static bool together_may_lead(const struct slot *slot)
{
	return slot->call && !slot->savepoint && slot->call->statement->together &&
	       !slot->call->claims;
}

unsigned together_count(const struct batch *batch, unsigned first)
{
	const struct slot *slots = batch->slots;
	unsigned next = first + 1;

	if (!together_may_lead(&slots[first]))
		return 1;
	while (next < batch->slots_count && together_may_lead(&slots[next]) &&
	       slots[next].call->statement == slots[first].call->statement &&
	       slots[next].call->timeout_us == slots[first].call->timeout_us)
		next++;
	return next - first;
}

static bool together_is_same(const struct slot *slots, unsigned count, unsigned param)
{
	const char *first = slots[0].call->values[param];

	for (unsigned i = 1; i < count; i++)
		if (strcmp(slots[i].call->values[param], first) != 0)
			return false;
	return true;
}

/* PostgreSQL reads each element: what it knows without them is left out. */
static unsigned together_elements(const struct slot *slots, unsigned count, unsigned param)
{
	if (slots[0].call->statement->together->shared & UINT32_C(1) << param)
		return together_is_same(slots, count, param) ? 1 : count;
	while (count && !slots[count - 1].call->values[param])
		count--;
	return count;
}

/* The values of that parameter, NUL-terminated, behind what is there. */
static void together_write(struct buf *out, const struct slot *slots, unsigned count,
			   unsigned param)
{
	buf_byte(out, '{');
	for (unsigned i = 0; i < count; i++) {
		const char *value = slots[i].call->values[param];

		if (i)
			buf_byte(out, ',');
		if (value)
			array_quote(out, text_of(value));
		else
			buf_literal(out, "NULL");
	}
	buf_add(out, "}", 2);
}

bool together_send(struct conn *conn, unsigned first, unsigned count, int64_t timeout_us_max)
{
	struct slot *slots = &conn->batch.slots[first];
	const struct statement *statement = slots[0].call->statement;
	const char *values[PARAMS_MAX];
	size_t at[PARAMS_MAX];

	assert(statement->params <= TOGETHER_PARAMS_MAX);
	buf_clear(&conn->arrays);
	for (unsigned i = 0; i < statement->params; i++) {
		at[i] = conn->arrays.len;
		together_write(&conn->arrays, slots, together_elements(slots, count, i), i);
	}
	for (unsigned i = 0; i < statement->params; i++)
		values[i] = conn->arrays.ptr + at[i];
	for (unsigned i = 0; i < count; i++) {
		slots[i].state = SLOT_AWAITED;
		slots[i].together = i ? 0 : (uint8_t)count;
		slots[i].together_rows = 0;
		if (!slots[i].call->bound)
			slots[i].call->bound = statement_shape(statement);
	}
	metric_observe(conn->home->metrics, METRIC_command_together_calls,
		       METRIC_LABELS(statement->name), count);
	return pipeline_run_in_place(conn, first, statement->together->statement, values,
				     timeout_us_max);
}

/* --- rows ------------------------------------------------------------------------------------ */

static bool together_is_for(const struct slot *slot, const PGresult *result, int row)
{
	const struct statement_together *together;

	if (!slot->call || slot->state != SLOT_AWAITED)
		return false;
	together = slot->call->statement->together;
	return strcmp(slot->call->values[together->param - 1],
		      PQgetvalue(result, row, together->column - 1)) == 0;
}

/* Of a call that was forgotten there is none. */
static struct slot *together_find(struct slot *first, const PGresult *result, int row)
{
	for (unsigned i = 0; i < first->together; i++) {
		struct slot *slot = first + (first->together_rows + i) % first->together;

		if (together_is_for(slot, result, row))
			return slot;
	}
	return NULL;
}

void together_take(struct conn *conn, struct slot *first, const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++, first->together_rows++) {
		struct slot *slot = together_find(first, result, row);

		if (!slot)
			continue;
		rows_take_one(conn, slot, result, row);
		slot->call->affected = 1;
		if (slot->state == SLOT_AWAITED)
			slot->state = SLOT_DONE;
	}
}
