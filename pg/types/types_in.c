/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter on its way in: an array or one value. */
#include "pg/types/types.h"

#include "pg/types/scalar_json.h"
#include "pg/types/scalar_text.h"
#include "pg/types/types_array.h"

#include <assert.h>

bool type_from_json(struct pg_type type, const struct json *json, struct arena *arena,
		    const char **out, const char **why)
{
	if (type.element_oid)
		return array_from_json(type, json, arena, out, why);
	return scalar_from_json(type, json, arena, out, why);
}

bool type_from_texts(struct pg_type type, const struct text *values, size_t count,
		     struct arena *arena, const char **out, const char **why)
{
	assert(count > 0);
	if (type.element_oid)
		return array_from_texts(type, values, count, arena, out, why);
	if (count > 1) {
		*why = arena_printf(arena, "must be given once, not %zu times", count);
		return false;
	}
	return scalar_from_text(type, values[0], arena, out, why);
}
