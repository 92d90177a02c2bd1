/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON object to PostgreSQL's (,"a ""b""",): every field that is not NULL is quoted. */
#include "pg/types/composite_in.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "pg/types/scalar.h"

#include <string.h>

/* One composite on its way in. */
struct composite {
	const struct type_form *form;
	value_reader *read;
	struct arena *arena;
	const struct json **values; /* by field; NULL: the object lacks it */
	struct buf literal;
	const char *why;
};

static bool text_same(struct text a, struct text b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* fields_count: none. The keys mostly come in the order of the fields: from where one may be. */
static unsigned composite_find(const struct type_form *form, struct text key, unsigned from)
{
	for (unsigned i = 0; i < form->fields_count; i++) {
		unsigned at = (from + i) % form->fields_count;

		if (text_same(form->fields[at].name, key))
			return at;
	}
	return form->fields_count;
}

static const char *composite_unknown(const struct composite *composite, struct text key)
{
	const struct type_form *form = composite->form;
	const char *name = quoted_text(key, composite->arena);
	struct nearest nearest;

	nearest_init(&nearest, key);
	for (unsigned i = 0; i < form->fields_count; i++)
		nearest_offer(&nearest, form->fields[i].name);
	if (!nearest.best.ptr)
		return arena_printf(composite->arena, "%s is no field of %s", name, form->name);
	return arena_printf(composite->arena, "%s is no field of %s: did you mean \"%.*s\"?", name,
			    form->name, (int)nearest.best.len, nearest.best.ptr);
}

/* Each value to its field. */
static bool composite_sort(struct composite *composite, const struct json *object)
{
	const struct type_form *form = composite->form;
	unsigned next = 0;

	composite->values =
		arena_zero(composite->arena, form->fields_count + 1u, sizeof(*composite->values));
	for (const struct json *it = json_first(object); it; it = json_next(it)) {
		unsigned at = composite_find(form, json_key(it), next);

		if (at == form->fields_count) {
			composite->why = composite_unknown(composite, json_key(it));
			return false;
		}
		composite->values[at] = it;
		next = at + 1;
	}
	return true;
}

static void composite_quote(struct buf *literal, const char *text)
{
	buf_byte(literal, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_byte(literal, *text);
		buf_byte(literal, *text);
	}
	buf_byte(literal, '"');
}

static bool composite_write_field(struct composite *composite, unsigned at)
{
	const struct type_field *field = &composite->form->fields[at];
	const struct json *json = composite->values[at];
	const char *text = NULL;

	if (!json)
		return true;
	if (!composite->read(field->type, json, composite->arena, &text, &composite->why)) {
		composite->why = arena_printf(composite->arena, "\"%.*s\" %s", (int)field->name.len,
					      field->name.ptr, composite->why);
		return false;
	}
	if (!text)
		return true;
	if (composite->literal.len + strlen(text) > FORM_TEXT_BYTES_MAX / 2) {
		composite->why = FORM_TOO_LONG;
		return false;
	}
	composite_quote(&composite->literal, text);
	return true;
}

bool composite_from_json(const struct type_form *form, const struct json *object,
			 value_reader *read, struct arena *arena, const char **out,
			 const char **why)
{
	struct composite composite = { .form = form, .read = read, .arena = arena };
	bool ok = composite_sort(&composite, object);

	buf_init(&composite.literal);
	buf_byte(&composite.literal, '(');
	for (unsigned i = 0; ok && i < form->fields_count; i++) {
		if (i > 0)
			buf_byte(&composite.literal, ',');
		ok = composite_write_field(&composite, i);
	}
	buf_byte(&composite.literal, ')');
	if (ok)
		*out = arena_copy(arena, composite.literal.ptr, composite.literal.len);
	else
		*why = composite.why;
	buf_fini(&composite.literal);
	return ok;
}
