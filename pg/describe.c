/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three trips, of which most statements need only the second:
 *
 *   names of declared types that are not built in ──► PREPARE, Describe ──► what types that are
 *                                                                          not built in are made of
 *
 * A shape is verified by the last of them alone, before the others. What the first asks is one row
 * of one text: OIDs with blanks in between; what the last asks is in pg/types/form_read.h.
 */
#include "pg/describe.h"

#include "base/limits.h"
#include "pg/pool.h"
#include "pg/types/form_read.h"
#include "pg/types/key.h"
#include "pg/types/types.h"
#include "pg/wire/session_state.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIBE_TEXT_ARRAY_OID 1009
#define DESCRIBE_OID_ARRAY_OID 1028
#define DESCRIBE_TEXT_OID 25
#define DESCRIBE_JSON_OID 114

enum { TRIP_VERIFY, TRIP_NAMES, TRIP_PREPARE, TRIP_FORMS };

static struct statement describe_names = {
	.name = "describe",
	.text = "SELECT string_agg(coalesce(to_regtype(name)::oid::text, '0'), ' ' ORDER BY at)"
		" AS oids FROM unnest($1::text[]) WITH ORDINALITY AS declared (name, at)",
	.params = 1,
};

static struct statement describe_forms = {
	.name = "describe",
	.text = FORMS_QUERY,
	.params = 1,
};

static pthread_once_t describe_once = PTHREAD_ONCE_INIT;

static bool describe_ask_names(struct describe *describe) must_check;
static bool describe_prepare(struct describe *describe) must_check;
static bool describe_ask_forms(struct describe *describe, const struct shape *shape,
			       unsigned trip) must_check;
static void describe_on_call(struct call *call);
static void describe_finish(struct describe *describe);

static void describe_make_shape(struct statement *statement, uint32_t param_oid,
				uint32_t column_oid)
{
	struct shape *shape = shape_new(1, 1);

	shape->param_types[0] = type_by_oid(param_oid);
	shape->column_types[0] = type_by_oid(column_oid);
	statement->id = statement_next_id();
	statement_set_shape(statement, shape);
}

static void describe_make_statements(void)
{
	describe_make_shape(&describe_names, DESCRIBE_TEXT_ARRAY_OID, DESCRIBE_TEXT_OID);
	describe_make_shape(&describe_forms, DESCRIBE_OID_ARRAY_OID, DESCRIBE_JSON_OID);
}

/* False: a name has to be asked for. */
static bool describe_knows_names(struct describe *describe)
{
	const struct statement *statement = describe->statement;
	bool knows = true;

	for (unsigned i = 0; i < statement->params; i++) {
		const char *declared = statement->param_types ? statement->param_types[i] : NULL;

		if (declared)
			describe->param_oids[i] = type_by_name(declared).oid;
		knows &= !declared || describe->param_oids[i];
	}
	return knows;
}

static bool describe_begin(struct describe *describe)
{
	return describe_knows_names(describe) ? describe_prepare(describe)
					      : describe_ask_names(describe);
}

bool describe_start(struct describe *describe, struct pool *pool)
{
	bool started;

	pthread_once(&describe_once, describe_make_statements);
	describe->pool = pool;
	describe->shape = NULL;
	describe->unknown_type = NULL;
	describe->lost_reason = NULL;
	describe->unchanged = false;
	describe->generation = statement_next_generation();
	describe->param_oids = arena_zero(describe->arena, describe->statement->params + 1u,
					  sizeof(*describe->param_oids));
	buf_init(&describe->rows);
	if (describe->verifies)
		started = describe_ask_forms(describe, statement_shape(describe->statement),
					     TRIP_VERIFY);
	else
		started = describe_begin(describe);
	if (!started)
		buf_fini(&describe->rows);
	return started;
}

void describe_forget(struct describe *describe)
{
	pool_forget(describe->pool, &describe->call);
	shape_free(describe->call.shape);
	shape_free(describe->shape);
	buf_fini(&describe->rows);
	describe->call.shape = describe->shape = NULL;
}

/* --- the trips ------------------------------------------------------------------------------- */

static bool describe_submit(struct describe *describe, unsigned trip, enum call_kind kind,
			    struct statement *statement, const char *value)
{
	const char **values = arena_zero(describe->arena, 1, sizeof(*values));

	values[0] = value;
	describe->trip = trip;
	buf_clear(&describe->rows);
	describe->call = (struct call){
		.kind = kind,
		.statement = statement,
		.values = values,
		.arena = describe->arena,
		.out = &describe->rows,
		.bytes_max = statement == &describe_forms ? FORMS_ANSWER_BYTES_MAX : 0,
		.param_oids = describe->param_oids,
		.generation = describe->generation,
		.on_done = describe_on_call,
	};
	return pool_submit(describe->pool, &describe->call);
}

static bool describe_is_asked(const struct describe *describe, unsigned param)
{
	const struct statement *statement = describe->statement;

	return statement->param_types && statement->param_types[param] &&
	       !describe->param_oids[param];
}

/* An element of an array's text form, always quoted. */
static void describe_add_element(struct buf *buf, const char *text)
{
	buf_byte(buf, buf->len ? ',' : '{');
	buf_byte(buf, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_byte(buf, '\\');
		buf_byte(buf, *text);
	}
	buf_byte(buf, '"');
}

static const char *describe_take_array(struct describe *describe, struct buf *buf)
{
	const char *text;

	buf_byte(buf, '}');
	text = arena_copy(describe->arena, buf->ptr, buf->len);
	buf_fini(buf);
	return text;
}

static bool describe_ask_names(struct describe *describe)
{
	struct buf names;

	buf_init(&names);
	for (unsigned i = 0; i < describe->statement->params; i++)
		if (describe_is_asked(describe, i))
			describe_add_element(&names, describe->statement->param_types[i]);
	return describe_submit(describe, TRIP_NAMES, CALL_QUERY, &describe_names,
			       describe_take_array(describe, &names));
}

static bool describe_prepare(struct describe *describe)
{
	return describe_submit(describe, TRIP_PREPARE, CALL_DESCRIBE, describe->statement, NULL);
}

/* The type after this one that has a form, parameters first; NULL: none. */
static struct pg_type *describe_next_type(const struct shape *shape, unsigned *at)
{
	unsigned count = (unsigned)shape->params + shape->columns;

	while (*at < count) {
		unsigned i = (*at)++;
		struct pg_type *type = i < shape->params ? &shape->param_types[i]
							 : &shape->column_types[i - shape->params];

		if (type_has_form(type->oid))
			return type;
	}
	return NULL;
}

static bool describe_ask_forms(struct describe *describe, const struct shape *shape, unsigned trip)
{
	struct pg_type *type;
	struct buf oids;
	unsigned at = 0;

	buf_init(&oids);
	while ((type = describe_next_type(shape, &at))) {
		buf_byte(&oids, oids.len ? ',' : '{');
		buf_int(&oids, type->oid);
	}
	return describe_submit(describe, trip, CALL_QUERY, &describe_forms,
			       describe_take_array(describe, &oids));
}

/* --- answers --------------------------------------------------------------------------------- */

/* The first number in {"oids":"23 0 16390"}; then the next. */
static const char *describe_first_oid(struct describe *describe)
{
	char *digits;

	buf_byte(&describe->rows, '\0');
	digits = strpbrk(describe->rows.ptr, "0123456789");
	return digits ? digits : "";
}

static uint32_t describe_next_oid(const char **digits)
{
	char *end;
	unsigned long oid = strtoul(*digits, &end, 10);

	*digits = end;
	return (uint32_t)oid;
}

/* False: PostgreSQL does not know one of them, and why is in describe. */
static bool describe_take_names(struct describe *describe)
{
	const char *digits = describe_first_oid(describe);

	for (unsigned i = 0; i < describe->statement->params; i++) {
		const char *name;

		if (!describe_is_asked(describe, i))
			continue;
		name = describe->statement->param_types[i];
		describe->param_oids[i] = describe_next_oid(&digits);
		if (describe->param_oids[i])
			continue;
		describe->end = CALL_ERROR;
		describe->unknown_type = arena_copy(describe->arena, name, strlen(name));
		describe->error = (struct pg_error){
			.sqlstate = "42704",
			.param = i + 1,
			.message =
				arena_printf(describe->arena, "type \"%s\" does not exist", name),
		};
		return false;
	}
	return true;
}

static bool describe_fail(struct describe *describe, const char *why)
{
	describe->end = CALL_ERROR;
	describe->error = (struct pg_error){
		.sqlstate = "54000", /* program_limit_exceeded */
		.ours = true,
		.message = why,
	};
	return false;
}

static bool describe_take_types(struct describe *describe, struct forms *forms)
{
	struct shape *shape = describe->shape;
	bool ok = true;

	for (unsigned i = 0; i < shape->params; i++)
		ok = ok && form_of_param(forms, shape->param_types[i].oid, &shape->param_types[i]);
	for (unsigned i = 0; i < shape->columns; i++)
		ok = ok &&
		     form_of_column(forms, shape->column_types[i].oid,
				    describe->statement->int8_as_text, &shape->column_types[i]);
	return ok;
}

static void describe_note_key(struct describe *describe)
{
	const struct shape *shape = describe->shape;

	describe->key_oid = shape->key_column ? shape->column_types[shape->key_column - 1].oid : 0;
}

/* Whose row is it? Where different texts may be equal, each key is sent alone. */
static bool describe_take_key(struct describe *describe, const struct forms *forms)
{
	const struct statement *statement = describe->statement;
	struct shape *shape = describe->shape;
	struct key_column column = { .oid = describe->key_oid };
	const char *misfit;

	if (!statement->lookup)
		return true;
	column.is_enum = forms && form_is_enum(forms, column.oid);
	misfit = key_misfit(statement, shape, column, describe->arena);
	if (misfit)
		return describe_fail(describe, misfit);
	if (key_is_collated(column.oid) && shape->session_state & SESSION_STATE_COLLATIONS)
		shape->key_column = 0;
	return true;
}

static bool describe_take_forms(struct describe *describe)
{
	struct shape *shape = describe->shape;
	struct text answer = { describe->rows.ptr, describe->rows.len };
	struct forms *forms;
	const char *why;

	shape->forms = malloc(sizeof(*shape->forms));
	assert(shape->forms);
	arena_init(shape->forms);
	shape->forms_source = arena_text(shape->forms, answer).ptr;
	forms = form_read(answer, shape->forms, &why);
	if (!forms)
		return describe_fail(describe, why);
	if (!describe_take_types(describe, forms))
		return describe_fail(describe, "its types are within each other too often");
	if (forms_may_change(forms))
		shape->forms_due_us = describe->call.done_us + FORMS_EVERY_US;
	return describe_take_key(describe, forms);
}

static bool describe_is_unchanged(const struct describe *describe)
{
	const char *source = statement_shape(describe->statement)->forms_source;

	return describe->call.end != CALL_OK ||
	       (strlen(source) == describe->rows.len &&
		memcmp(source, describe->rows.ptr, describe->rows.len) == 0);
}

/* False: over, one way or the other. True: the next trip is under way. */
static bool describe_go_on(struct describe *describe)
{
	unsigned at = 0;

	switch (describe->trip) {
	case TRIP_VERIFY:
		describe->end = CALL_OK;
		describe->unchanged = describe_is_unchanged(describe);
		return !describe->unchanged && describe_begin(describe);
	case TRIP_NAMES:
		return describe_take_names(describe) && describe_prepare(describe);
	case TRIP_PREPARE:
		describe->shape = describe->call.shape;
		describe->call.shape = NULL;
		describe_note_key(describe);
		if (describe_next_type(describe->shape, &at))
			return describe_ask_forms(describe, describe->shape, TRIP_FORMS);
		(void)describe_take_key(describe, NULL);
		return false;
	}
	assert(describe->trip == TRIP_FORMS);
	(void)describe_take_forms(describe);
	return false;
}

/* Before 16 a name that cannot be one raises an error: to blame when it is the only one. */
static void describe_blame_name(struct describe *describe)
{
	unsigned asked = 0, last = 0;

	for (unsigned i = 0; i < describe->statement->params; i++)
		if (describe_is_asked(describe, i)) {
			asked++;
			last = i;
		}
	if (asked == 1) {
		const char *name = describe->statement->param_types[last];

		describe->unknown_type = arena_copy(describe->arena, name, strlen(name));
		describe->error.param = last + 1;
	}
}

static void describe_on_call(struct call *call)
{
	struct describe *describe = container_of(call, struct describe, call);
	unsigned trip = describe->trip;

	describe->end = call->end;
	describe->error = call->error;
	describe->lost_reason = call->lost_reason;
	if (call->end == CALL_ERROR && trip == TRIP_NAMES)
		describe_blame_name(describe);
	else if (call->end == CALL_TOO_LARGE && trip == TRIP_FORMS)
		(void)describe_fail(describe, "its types are made of too many others");
	/* What cannot be verified now is left as it is. */
	if (call->end == CALL_OK || trip == TRIP_VERIFY) {
		if (describe_go_on(describe))
			return;
		/* The queue filled up in between. */
		if (describe->end == CALL_OK && trip != describe->trip) {
			describe->end = CALL_UNSENT;
			describe->lost_reason = "too many calls are waiting";
		}
	}
	describe_finish(describe);
}

static void describe_publish(struct describe *describe)
{
	describe->shape->generation = describe->generation;
	describe->shape->int8_as_text = describe->statement->int8_as_text;
	describe->shape->since_us = describe->call.done_us;
	atomic_store(&describe->statement->repeats_column, false);
	if (describe->revalidates)
		statement_renew_shape(describe->statement, describe->shape);
	else
		statement_set_shape(describe->statement, describe->shape);
}

static void describe_finish(struct describe *describe)
{
	buf_fini(&describe->rows);
	if (describe->end != CALL_OK)
		shape_free(describe->shape);
	else if (!describe->unchanged)
		describe_publish(describe);
	describe->shape = NULL;
	describe->on_done(describe);
}
