/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter on its way in: an array, an object of fields or one value. */
#include "pg/types/types.h"

#include "pg/types/composite_in.h"
#include "pg/types/form.h"
#include "pg/types/hstore.h"
#include "pg/types/scalar_json.h"
#include "pg/types/scalar_text.h"
#include "pg/types/types_array.h"

#include <assert.h>

bool type_from_json(struct pg_type given, const struct json *json, struct arena *arena,
		    const char **out, const char **why)
{
	struct pg_type type = type_base(given);

	if (type.element_oid)
		return array_from_json(type, json, type_from_json, arena, out, why);
	if (type.form && json_kind(json) == JSON_OBJECT) {
		if (type.form->kind == FORM_COMPOSITE)
			return composite_from_json(type.form, json, type_from_json, arena, out,
						   why);
		return hstore_from_json(json, arena, out, why);
	}
	if (type.form && json_kind(json) != JSON_STRING && json_kind(json) != JSON_NULL) {
		*why = type_mismatch(type, json_kind(json), arena);
		return false;
	}
	return scalar_from_json(type, json, arena, out, why);
}

/* A text that begins as an object does and is one; else it is PostgreSQL's own form. */
static bool formed_from_text(struct pg_type type, struct text text, struct arena *arena,
			     const char **out, const char **why)
{
	struct json_error error;
	struct json *json = text.len > 0 && text.ptr[0] == '{' ? json_read(text, &error) : NULL;
	bool ok;

	if (!json)
		return scalar_from_text(type, text, arena, out, why);
	ok = type_from_json(type, json, arena, out, why);
	json_free(json);
	return ok;
}

static bool type_from_text(struct pg_type type, struct text text, struct arena *arena,
			   const char **out, const char **why)
{
	return type.form ? formed_from_text(type, text, arena, out, why)
			 : scalar_from_text(type, text, arena, out, why);
}

bool type_from_texts(struct pg_type given, const struct text *values, size_t count,
		     struct arena *arena, const char **out, const char **why)
{
	struct pg_type type = type_base(given);

	assert(count > 0);
	if (type.element_oid)
		return array_from_texts(type, (struct array_texts){ values, count }, type_from_text,
					arena, out, why);
	if (count > 1) {
		*why = arena_printf(arena, "must be given once, not %zu times", count);
		return false;
	}
	return type_from_text(type, values[0], arena, out, why);
}
