/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of JSON and of text share: integers, the limits of types, and why not. */
#include "pg/types/scalar.h"

#include "pg/types/types.h"

#include <math.h>
#include <stdlib.h>

#define QUOTED_BYTES_MAX 32 /* of a client's value in a message to them */

const char *quoted_text(struct text text, struct arena *arena)
{
	size_t len = text.len;

	if (len <= QUOTED_BYTES_MAX)
		return arena_printf(arena, "\"%.*s\"", (int)len, text.ptr);
	len = QUOTED_BYTES_MAX;
	while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return arena_printf(arena, "\"%.*s…\"", (int)len, text.ptr);
}

/* "bigint", "an array of text", "a string" */
static const char *wanted(struct pg_type type, struct arena *arena)
{
	if (type.element_oid)
		return arena_printf(arena, "an %s", type_words(type));
	if (type.form)
		return arena_printf(arena, "an object (%s)", type_words(type));
	switch (type_kind(type.oid)) {
	case KIND_UNKNOWN:
	case KIND_RECORD:
		return "a string, a number or a boolean";
	case KIND_BYTEA:
		return "bytea in base64";
	case KIND_STRING:
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
	case KIND_TIMETZ:
	case KIND_UUID:
		return arena_printf(arena, "a string (%s)", type_words(type));
	case KIND_BOOL:
	case KIND_INT2:
	case KIND_INT4:
	case KIND_INT8:
	case KIND_OID:
	case KIND_FLOAT4:
	case KIND_FLOAT8:
	case KIND_NUMERIC:
	case KIND_JSON:
		break;
	}
	return type_words(type);
}

const char *type_mismatch(struct pg_type type, enum json_kind kind, struct arena *arena)
{
	static const char *const words[] = {
		[JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};

	return arena_printf(arena, "must be %s, not %s", wanted(type, arena), words[kind]);
}

bool scalar_refuse(const struct scalar *scalar, enum json_kind kind)
{
	*scalar->why = type_mismatch(scalar->type, kind, scalar->arena);
	return false;
}

bool scalar_refuse_text(const struct scalar *scalar, struct text text)
{
	*scalar->why =
		arena_printf(scalar->arena, "must be %s, not %s",
			     wanted(scalar->type, scalar->arena), quoted_text(text, scalar->arena));
	return false;
}

bool scalar_refuse_number(const struct scalar *scalar, struct text number)
{
	int len = number.len < QUOTED_BYTES_MAX ? (int)number.len : QUOTED_BYTES_MAX;

	*scalar->why = arena_printf(scalar->arena, "must be %s, not %.*s",
				    wanted(scalar->type, scalar->arena), len, number.ptr);
	return false;
}

bool scalar_refuse_range(const struct scalar *scalar)
{
	*scalar->why =
		arena_printf(scalar->arena, "is out of range for %s", type_words(scalar->type));
	return false;
}

bool scalar_take(const struct scalar *scalar, struct text text)
{
	*scalar->out = arena_copy(scalar->arena, text.ptr, text.len);
	return true;
}

bool integer_limits(enum type_kind kind, int64_t *least, int64_t *greatest)
{
	if (kind == KIND_INT2)
		*least = INT16_MIN, *greatest = INT16_MAX;
	else if (kind == KIND_INT4)
		*least = INT32_MIN, *greatest = INT32_MAX;
	else if (kind == KIND_INT8)
		*least = INT64_MIN, *greatest = INT64_MAX;
	else if (kind == KIND_OID)
		*least = 0, *greatest = UINT32_MAX;
	else
		return false;
	return true;
}

bool takes_numbers(enum type_kind kind)
{
	return kind == KIND_FLOAT4 || kind == KIND_FLOAT8 || kind == KIND_NUMERIC ||
	       kind == KIND_UNKNOWN;
}

bool scalar_integer(const struct scalar *scalar, int64_t value)
{
	char number[24], *at = number + sizeof number;
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	int64_t least, greatest;

	if (integer_limits(scalar->kind, &least, &greatest) && (value < least || value > greatest))
		return scalar_refuse_range(scalar);
	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	return scalar_take(scalar, (struct text){ at, (size_t)(number + sizeof number - at) });
}

bool float_fits(enum type_kind kind, const char *text)
{
	double value = strtod(text, NULL);
	bool zero = true;

	for (const char *at = text; *at && *at != 'e' && *at != 'E'; at++)
		zero = zero && (*at < '1' || *at > '9');
	if (kind == KIND_FLOAT4)
		value = (double)(float)value;
	return !isinf(value) && (value != 0.0 || zero);
}
