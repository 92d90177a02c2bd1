/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON arrays to PostgreSQL's array literals. Every element is quoted, so that none is mistaken for
 * NULL, a delimiter or a brace. Arrays of json have one dimension: what is nested is JSON; and so
 * have arrays of a domain that is itself an array.
 */
#include "pg/types/types_array.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/limits.h"
#include "pg/types/form.h"
#include "pg/types/scalar.h"
#include "pg/types/types_table.h"

#include <string.h>

/* One array on its way in. */
struct array {
	struct pg_type type;
	value_reader *read;
	struct arena *arena;
	struct buf literal;
	size_t lengths[ARRAY_DEPTH_MAX]; /* of each dimension, outermost first */
	unsigned depth;
	const char *why;
};

static bool array_measure(struct array *array, const struct json *json);
static bool array_regular(struct array *array, const struct json *json, unsigned level);
static bool array_empty(const struct array *array);
static bool array_write(struct array *array, const struct json *json, unsigned level);

bool array_from_json(struct pg_type type, const struct json *json, value_reader *read,
		     struct arena *arena, const char **out, const char **why)
{
	struct array array = { .type = type, .read = read, .arena = arena };
	bool ok;

	if (json_kind(json) == JSON_NULL) {
		*out = NULL;
		return true;
	}
	if (json_kind(json) != JSON_ARRAY) {
		*why = type_mismatch(type, json_kind(json), arena);
		return false;
	}
	buf_init(&array.literal);
	ok = array_measure(&array, json) && array_regular(&array, json, 0);
	if (ok && array_empty(&array))
		buf_literal(&array.literal, "{}");
	else if (ok)
		ok = array_write(&array, json, 0);
	if (ok)
		*out = arena_copy(arena, array.literal.ptr, array.literal.len);
	else
		*why = array.why;
	buf_fini(&array.literal);
	return ok;
}

bool array_from_texts(struct pg_type type, struct array_texts texts, text_reader *read,
		      struct arena *arena, const char **out, const char **why)
{
	struct array array = { .type = type, .arena = arena };
	bool ok = true;

	buf_init(&array.literal);
	buf_byte(&array.literal, '{');
	for (size_t i = 0; ok && i < texts.count; i++) {
		const char *text = NULL;

		if (i > 0)
			buf_byte(&array.literal, array_delimiter(type));
		ok = read(type_element(type), texts.values[i], arena, &text, why);
		if (ok)
			array_quote(&array.literal, text_of(text));
		else
			*why = arena_printf(arena, "[%zu] %s", i, *why);
	}
	buf_byte(&array.literal, '}');
	if (ok)
		*out = arena_copy(arena, array.literal.ptr, array.literal.len);
	buf_fini(&array.literal);
	return ok;
}

static bool array_nests(const struct array *array, const struct json *json)
{
	struct pg_type element = type_element(array->type);

	return json_kind(json) == JSON_ARRAY && !element.element_oid &&
	       type_kind(element.oid) != KIND_JSON;
}

/* The dimensions, by the first element of each. */
static bool array_measure(struct array *array, const struct json *json)
{
	array->lengths[array->depth++] = json_length(json);
	while (json_length(json) > 0 && array_nests(array, json_first(json))) {
		if (array->depth == ARRAY_DEPTH_MAX) {
			array->why = arena_printf(array->arena, "has more than %d dimensions",
						  ARRAY_DEPTH_MAX);
			return false;
		}
		json = json_first(json);
		array->lengths[array->depth++] = json_length(json);
	}
	return true;
}

static bool array_regular(struct array *array, const struct json *json, unsigned level)
{
	bool nested = level + 1 < array->depth;

	if (json_length(json) != array->lengths[level]) {
		array->why = "has nested arrays of different lengths";
		return false;
	}
	for (const struct json *element = json_first(json); element; element = json_next(element)) {
		if (array_nests(array, element) != nested) {
			array->why = "has arrays and other elements side by side";
			return false;
		}
		if (nested && !array_regular(array, element, level + 1))
			return false;
	}
	return true;
}

static bool array_empty(const struct array *array)
{
	return array->lengths[array->depth - 1] == 0;
}

static bool array_write_element(struct array *array, const struct json *json)
{
	struct pg_type element = type_element(array->type);
	const char *text = NULL;

	if (!array->read(element, json, array->arena, &text, &array->why))
		return false;
	if (!text) {
		buf_literal(&array->literal, "NULL");
		return true;
	}
	if (element.form && array->literal.len + strlen(text) > FORM_TEXT_BYTES_MAX / 2) {
		array->why = FORM_TOO_LONG;
		return false;
	}
	array_quote(&array->literal, text_of(text));
	return true;
}

/* why of an element begins with its place, "[1][0] must be …". */
static bool array_write(struct array *array, const struct json *json, unsigned level)
{
	bool nested = level + 1 < array->depth;
	size_t i = 0;

	buf_byte(&array->literal, '{');
	for (const struct json *element = json_first(json); element;
	     element = json_next(element), i++) {
		if (i > 0)
			buf_byte(&array->literal, array_delimiter(array->type));
		if (nested ? !array_write(array, element, level + 1)
			   : !array_write_element(array, element)) {
			array->why = arena_printf(array->arena, nested ? "[%zu]%s" : "[%zu] %s", i,
						  array->why);
			return false;
		}
	}
	buf_byte(&array->literal, '}');
	return true;
}
