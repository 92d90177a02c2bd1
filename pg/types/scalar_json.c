/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by its kind. Dates, ranges and the like are left to PostgreSQL, which names the parameter
 * when it refuses one.
 */
#include "pg/types/scalar_json.h"

#include "base/json_number.h"
#include "pg/types/scalar.h"
#include "pg/types/scalar_text.h"
#include "pg/types/types_table.h"

/* JSON Schema calls 3.0 and 1e3 integers, and some languages write them so. */
static bool scalar_number_integer(const struct scalar *scalar, struct text text)
{
	struct json_number number = json_number_read(text);
	char digits[JSON_INTEGER_BYTES];

	switch (json_number_integer(&number, digits)) {
	case JSON_INTEGER:
		return scalar_text(scalar, text_of(digits));
	case JSON_INTEGER_HAS_FRACTION:
		return scalar_refuse_number(scalar, text);
	case JSON_INTEGER_TOO_GREAT:
		break;
	}
	return scalar_refuse_range(scalar);
}

/* The digits go on as they were written: only PostgreSQL rounds, where the type does. */
static bool scalar_number(const struct scalar *scalar, struct text text)
{
	int64_t least, greatest;

	if (integer_limits(scalar->kind, &least, &greatest))
		return scalar_number_integer(scalar, text);
	if (!takes_numbers(scalar->kind))
		return scalar_refuse(scalar, JSON_NUMBER);
	return scalar_text(scalar, text);
}

bool scalar_from_json(struct pg_type type, const struct json *json, struct arena *arena,
		      const char **out, const char **why)
{
	struct scalar scalar = { type, type_kind(type.oid), arena, out, why };
	enum json_kind kind = json_kind(json);

	if (kind == JSON_NULL) {
		*out = NULL;
		return true;
	}
	if (scalar.kind == KIND_JSON)
		return scalar_take(&scalar, json_source(json));
	switch (kind) {
	case JSON_NUMBER:
		return scalar_number(&scalar, json_source(json));
	case JSON_STRING:
		return scalar_text(&scalar, json_text(json));
	case JSON_BOOL:
		if (scalar.kind != KIND_BOOL && scalar.kind != KIND_UNKNOWN)
			break;
		*out = json_bool(json) ? "true" : "false";
		return true;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return scalar_refuse(&scalar, kind);
}
