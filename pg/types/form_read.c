/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of each row of PostgreSQL's answer a form is made once, when the first type leads to it; a second
 * one where bigint leaves as a string. A row that is reached again while it is being made is within
 * itself, which PostgreSQL does not allow: it is refused like one that nests too deep.
 */
#include "pg/types/form_read.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "pg/types/form.h"
#include "pg/types/types.h"
#include "pg/types/types_table.h"

#include <stdlib.h>

#define FORM_OID_VOID 2278

/* A row, and what was made of it: for parameters and columns, and for columns with int8 as text. */
struct form_row {
	uint32_t oid;
	char kind, delimiter;
	const char *name;
	uint32_t inner;
	unsigned fields_count;
	struct type_field *fields; /* the names; of the types only the OID */
	struct pg_type made[2];    /* oid 0: not yet */
};

struct forms {
	struct arena *arena;
	struct form_row *rows; /* by their oid */
	size_t count;
	const char *why;
};

/* How it is asked for. */
struct form_want {
	struct forms *forms;
	bool int8_as_text;
	unsigned depth;
};

static bool form_make(struct form_want want, uint32_t oid, struct pg_type *type);

bool type_has_form(uint32_t oid)
{
	return oid != FORM_OID_VOID && type_kind(oid) == KIND_UNKNOWN &&
	       !type_by_oid(oid).element_oid;
}

/* --- the answer ------------------------------------------------------------------------------ */

static uint32_t form_oid(const struct json *json)
{
	return json && json_kind(json) == JSON_NUMBER
		       ? (uint32_t)strtoul(json_source(json).ptr, NULL, 10)
		       : 0;
}

static struct text form_string(const struct json *json)
{
	return json && json_kind(json) == JSON_STRING ? json_text(json) : (struct text){ "", 0 };
}

static struct text form_key(struct text name, struct arena *arena)
{
	struct text key;
	struct buf buf;

	buf_init(&buf);
	buf_json_string(&buf, name.ptr, name.len);
	buf_byte(&buf, ':');
	key = arena_text(arena, (struct text){ buf.ptr, buf.len });
	buf_fini(&buf);
	return key;
}

static void form_read_fields(struct form_row *row, const struct json *fields, struct arena *arena)
{
	struct type_field *field;

	row->fields_count = (unsigned)json_length(fields);
	field = row->fields = arena_zero(arena, row->fields_count + 1u, sizeof(*field));
	for (const struct json *it = json_first(fields); it; it = json_next(it), field++) {
		const struct json *name = json_first(it);

		field->name = arena_text(arena, form_string(name));
		field->key = form_key(field->name, arena);
		field->type.oid = form_oid(name ? json_next(name) : NULL);
	}
}

static bool form_read_row(struct form_row *row, const struct json *json, struct arena *arena)
{
	const struct json *form = json_first(json);
	const struct json *fields;

	if (!form || json_kind(form) != JSON_OBJECT)
		return false;
	fields = json_get(form, "fields");
	if (!fields || json_kind(fields) != JSON_ARRAY)
		return false;
	row->oid = form_oid(json_get(form, "oid"));
	row->inner = form_oid(json_get(form, "inner"));
	row->name = arena_text(arena, form_string(json_get(form, "name"))).ptr;
	row->kind = form_string(json_get(form, "kind")).ptr[0];
	row->delimiter = form_string(json_get(form, "delimiter")).ptr[0];
	form_read_fields(row, fields, arena);
	return row->oid != 0;
}

static const char *form_read_rows(struct forms *forms, const struct json *rows)
{
	size_t fields = 0;

	if (json_length(rows) > FORMS_MAX)
		return "its types are made of too many others";
	forms->rows = arena_zero(forms->arena, json_length(rows) + 1, sizeof(*forms->rows));
	for (const struct json *it = json_first(rows); it; it = json_next(it)) {
		struct form_row *row = &forms->rows[forms->count];

		if (!form_read_row(row, it, forms->arena))
			return "its types cannot be read";
		fields += row->fields_count;
		if (fields > FORM_FIELDS_MAX)
			return "its types have too many fields";
		forms->count++;
	}
	return NULL;
}

struct forms *form_read(struct text answer, struct arena *arena, const char **why)
{
	struct forms *forms = arena_zero(arena, 1, sizeof(*forms));
	struct json_error error;
	struct json *rows;
	struct buf array;

	buf_init(&array);
	buf_byte(&array, '[');
	buf_text(&array, answer);
	buf_byte(&array, ']');
	rows = json_read((struct text){ array.ptr, array.len }, &error);
	buf_fini(&array);
	forms->arena = arena;
	*why = rows ? form_read_rows(forms, rows) : "its types cannot be read";
	if (rows)
		json_free(rows);
	return *why ? NULL : forms;
}

bool forms_may_change(const struct forms *forms)
{
	for (size_t i = 0; i < forms->count; i++)
		if (forms->rows[i].kind == 'c')
			return true;
	return false;
}

/* --- forms ----------------------------------------------------------------------------------- */

static struct form_row *form_find(const struct forms *forms, uint32_t oid)
{
	for (size_t i = 0; i < forms->count; i++)
		if (forms->rows[i].oid == oid)
			return &forms->rows[i];
	return NULL;
}

bool form_is_enum(const struct forms *forms, uint32_t oid)
{
	const struct form_row *row = form_find(forms, oid);

	return row && row->kind == 'e';
}

static struct type_form *form_new(const struct form_row *row, enum form_kind kind,
				  struct arena *arena)
{
	struct type_form *form = arena_zero(arena, 1, sizeof(*form));

	form->kind = kind;
	form->height = 1;
	form->delimiter = row->delimiter;
	form->name = row->name;
	return form;
}

/* Takes the height of a part; false: it is too much. */
static bool form_is_within(struct type_form *form, struct pg_type part)
{
	if (part.form && form->height <= part.form->height)
		form->height = part.form->height + 1;
	return form->height <= FORM_DEPTH_MAX;
}

static bool form_make_array(struct form_want want, const struct form_row *row, struct pg_type *type)
{
	struct arena *arena = want.forms->arena;
	struct pg_type element;
	struct type_form *form;

	if (!form_make(want, row->inner, &element))
		return false;
	*type = (struct pg_type){ .oid = row->oid, .element_oid = element.oid };
	if (!element.form && !element.element_oid && row->delimiter == type_delimiter(element.oid))
		return true;
	form = form_new(row, FORM_ARRAY, arena);
	form->inner = element;
	form->name = arena_printf(arena, "array of %s", type_words(element));
	type->form = form;
	return form_is_within(form, element);
}

static bool form_make_composite(struct form_want want, const struct form_row *row,
				struct pg_type *type)
{
	struct type_form *form = form_new(row, FORM_COMPOSITE, want.forms->arena);
	struct type_field *fields =
		arena_zero(want.forms->arena, row->fields_count + 1u, sizeof(*fields));

	for (unsigned i = 0; i < row->fields_count; i++) {
		fields[i] = row->fields[i];
		if (!form_make(want, row->fields[i].type.oid, &fields[i].type) ||
		    !form_is_within(form, fields[i].type))
			return false;
	}
	form->fields = fields;
	form->fields_count = row->fields_count;
	*type = (struct pg_type){ .oid = row->oid, .form = form };
	return true;
}

static bool form_make_row(struct form_want want, const struct form_row *row, struct pg_type *type)
{
	switch (row->kind) {
	case 'd':
		return form_make(want, row->inner, type);
	case 'a':
		return form_make_array(want, row, type);
	case 'c':
		return form_make_composite(want, row, type);
	case 'h':
		*type = (struct pg_type){
			.oid = row->oid,
			.form = form_new(row, FORM_HSTORE, want.forms->arena),
		};
		return true;
	}
	*type = (struct pg_type){ .oid = row->oid };
	return true;
}

static bool form_make(struct form_want want, uint32_t oid, struct pg_type *type)
{
	struct form_row *row = type_has_form(oid) ? form_find(want.forms, oid) : NULL;
	struct pg_type *made = row ? &row->made[want.int8_as_text] : NULL;

	if (!row) {
		*type = type_by_oid(oid);
		type->oid = oid;
		if (want.int8_as_text)
			*type = type_as_text(*type);
		return true;
	}
	if (!made->oid) {
		if (++want.depth > FORM_DEPTH_MAX || !form_make_row(want, row, made))
			return false;
	}
	*type = *made;
	return true;
}

bool form_of_param(struct forms *forms, uint32_t oid, struct pg_type *type)
{
	const struct form_row *row = type_has_form(oid) ? form_find(forms, oid) : NULL;
	struct type_form *form;
	struct pg_type base;

	if (!form_make((struct form_want){ .forms = forms }, oid, &base))
		return false;
	*type = base;
	if (!row || row->kind != 'd')
		return true;
	form = form_new(row, FORM_DOMAIN, forms->arena);
	form->inner = base;
	*type = (struct pg_type){ .oid = oid, .element_oid = base.element_oid, .form = form };
	return true;
}

bool form_of_column(struct forms *forms, uint32_t oid, bool int8_as_text, struct pg_type *type)
{
	struct form_want want = { .forms = forms, .int8_as_text = int8_as_text };

	return form_make(want, oid, type);
}
