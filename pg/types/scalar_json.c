/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by its kind. Dates, ranges and the like are left to PostgreSQL, which names the parameter
 * when it refuses one.
 */
#include "pg/types/scalar_json.h"

#include "pg/types/scalar.h"
#include "pg/types/scalar_text.h"
#include "pg/types/types_table.h"

#include <stdlib.h>

#define REAL_INTEGER_MAX 9007199254740992.0 /* 2^53: beyond it a double skips integers */

static const char *json_copy(const struct json *json, struct arena *arena)
{
	struct buf text;
	const char *copy;

	buf_init(&text);
	json_write(&text, json);
	copy = arena_copy(arena, text.ptr, text.len);
	buf_fini(&text);
	return copy;
}

/* JSON Schema calls 3.0 and 1e3 integers, and some languages write them so. */
static bool scalar_real_integer(const struct scalar *scalar, const char *text)
{
	double value = strtod(text, NULL);

	if (value > REAL_INTEGER_MAX || value < -REAL_INTEGER_MAX)
		return scalar_refuse_range(scalar);
	if ((double)(int64_t)value != value)
		return scalar_refuse_number(scalar, text);
	return scalar_integer(scalar, (int64_t)value);
}

static bool scalar_real(const struct scalar *scalar, const struct json *json)
{
	const char *text = json_copy(json, scalar->arena);
	int64_t least, greatest;

	if (integer_limits(scalar->kind, &least, &greatest))
		return scalar_real_integer(scalar, text);
	if (!takes_numbers(scalar->kind))
		return scalar_refuse(scalar, JSON_REAL);
	if (scalar->kind == KIND_FLOAT4 && !float_fits(KIND_FLOAT4, text))
		return scalar_refuse_range(scalar);
	*scalar->out = text;
	return true;
}

static bool scalar_json(const struct scalar *scalar, const struct json *json)
{
	*scalar->out = json_copy(json, scalar->arena);
	return true;
}

bool scalar_from_json(struct pg_type type, const struct json *json, struct arena *arena,
		      const char **out, const char **why)
{
	struct scalar scalar = { type, type_kind(type.oid), arena, out, why };
	enum json_kind kind = json_kind(json);

	if (kind == JSON_NULL_) {
		*out = NULL;
		return true;
	}
	if (scalar.kind == KIND_JSON)
		return scalar_json(&scalar, json);
	switch (kind) {
	case JSON_INT:
		return scalar_integer(&scalar, json_int(json));
	case JSON_REAL:
		return scalar_real(&scalar, json);
	case JSON_STR:
		return scalar_text(&scalar, json_text(json));
	case JSON_BOOL:
		if (scalar.kind != KIND_BOOL && scalar.kind != KIND_UNKNOWN)
			break;
		*out = json_bool(json) ? "true" : "false";
		return true;
	case JSON_NULL_:
	case JSON_ARR:
	case JSON_OBJ:
		break;
	}
	return scalar_refuse(&scalar, kind);
}
