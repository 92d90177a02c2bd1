/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON value to PostgreSQL's text form, and why not. Dates, ranges and the like are left to
 * PostgreSQL, which names the parameter when it refuses one.
 */
#include "pg/types/types_in.h"

#include "pg/types/types_table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define QUOTED_BYTES_MAX 32                 /* of a client's value in a message to them */
#define REAL_INTEGER_MAX 9007199254740992.0 /* 2^53: beyond it a double skips integers */

static bool scalar_json(const struct scalar *scalar, const struct json *json);
static bool scalar_real(const struct scalar *scalar, const struct json *json);
static bool scalar_refuse(const struct scalar *scalar, enum json_kind kind);

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

/* "abc…" with its quotes, cut where a character ends. */
static const char *quoted(struct text text, struct arena *arena)
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
	switch (type_kind(type.oid)) {
	case KIND_UNKNOWN:
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
		[JSON_NULL_] = "null",    [JSON_BOOL] = "a boolean", [JSON_INT] = "a number",
		[JSON_REAL] = "a number", [JSON_STR] = "a string",   [JSON_ARR] = "an array",
		[JSON_OBJ] = "an object",
	};

	return arena_printf(arena, "must be %s, not %s", wanted(type, arena), words[kind]);
}

static bool scalar_refuse(const struct scalar *scalar, enum json_kind kind)
{
	*scalar->why = type_mismatch(scalar->type, kind, scalar->arena);
	return false;
}

bool scalar_refuse_text(const struct scalar *scalar, struct text text)
{
	*scalar->why =
		arena_printf(scalar->arena, "must be %s, not %s",
			     wanted(scalar->type, scalar->arena), quoted(text, scalar->arena));
	return false;
}

static bool scalar_refuse_number(const struct scalar *scalar, const char *number)
{
	*scalar->why = arena_printf(scalar->arena, "must be %s, not %.*s",
				    wanted(scalar->type, scalar->arena), QUOTED_BYTES_MAX, number);
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

/* The least and the greatest of the integer types. False: not one of them. */
static bool integer_limits(enum type_kind kind, int64_t *least, int64_t *greatest)
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

/* May a number become this type without a range of its own? */
static bool takes_numbers(enum type_kind kind)
{
	return kind == KIND_FLOAT4 || kind == KIND_FLOAT8 || kind == KIND_NUMERIC ||
	       kind == KIND_UNKNOWN;
}

bool scalar_integer(const struct scalar *scalar, int64_t value)
{
	char number[24], *at = number + sizeof number;
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	int64_t least, greatest;

	if (integer_limits(scalar->kind, &least, &greatest)) {
		if (value < least || value > greatest)
			return scalar_refuse_range(scalar);
	} else if (!takes_numbers(scalar->kind)) {
		return scalar_refuse(scalar, JSON_INT);
	}
	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	return scalar_take(scalar, (struct text){ at, (size_t)(number + sizeof number - at) });
}

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

/* Is a float's text too large, or so small that it would become zero? */
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
