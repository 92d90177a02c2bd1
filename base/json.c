/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that knows jansson: a struct json is a json_t behind a cast. */
#include "base/json.h"

#include "base/limits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both sides call a kind of value JSON_REAL: theirs goes by another name here. */
#define JSON_REAL JANSSON_REAL
#include <jansson.h>
#undef JSON_REAL

/* Nesting is counted before jansson sees the text, because it recurses as deep as the text asks. */
static bool json_depth_fits(struct text text, struct json_error *error)
{
	unsigned depth = 0, line = 1;
	size_t line_start = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.ptr[i];

		if (byte == '\n') {
			line++;
			line_start = i + 1;
		} else if (quoted) {
			if (byte == '\\')
				i++;
			else if (byte == '"')
				quoted = false;
		} else if (byte == '"') {
			quoted = true;
		} else if (byte == '[' || byte == '{') {
			if (++depth > JSON_DEPTH_MAX) {
				error->line = line;
				error->column = (unsigned)(i - line_start) + 1;
				snprintf(error->text, sizeof(error->text),
					 "nested deeper than %d levels", JSON_DEPTH_MAX);
				return false;
			}
		} else if ((byte == ']' || byte == '}') && depth) {
			depth--;
		}
	}
	return true;
}

struct json *json_read(struct text text, struct json_error *error)
{
	json_error_t theirs;
	json_t *value;

	*error = (struct json_error){ 0 };
	if (!json_depth_fits(text, error))
		return NULL;
	value = json_loadb(text.len ? text.ptr : "", text.len,
			   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &theirs);
	if (!value) {
		error->line = theirs.line > 0 ? (unsigned)theirs.line : 1;
		error->column = theirs.column > 0 ? (unsigned)theirs.column : 1;
		snprintf(error->text, sizeof(error->text), "%.*s", (int)sizeof(error->text) - 1,
			 theirs.text);
	}
	return (struct json *)value;
}

static json_t *json_theirs(const struct json *json)
{
	assert(json);
	/* jansson asks for pointers to values it does not change. */
	return (json_t *)(uintptr_t)json;
}

void json_free(struct json *json)
{
	json_decref(json_theirs(json));
}

enum json_kind json_kind(const struct json *json)
{
	switch (json_typeof(json_theirs(json))) {
	case JSON_OBJECT:
		return JSON_OBJ;
	case JSON_ARRAY:
		return JSON_ARR;
	case JSON_STRING:
		return JSON_STR;
	case JSON_INTEGER:
		return JSON_INT;
	case JANSSON_REAL:
		return JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return JSON_BOOL;
	case JSON_NULL:
		return JSON_NULL_;
	}
	assert(!"a kind that jansson has");
	abort();
}

bool json_bool(const struct json *json)
{
	assert(json_kind(json) == JSON_BOOL);
	return json_is_true(json_theirs(json));
}

int64_t json_int(const struct json *json)
{
	assert(json_kind(json) == JSON_INT);
	return json_integer_value(json_theirs(json));
}

struct text json_text(const struct json *json)
{
	const json_t *value = json_theirs(json);

	assert(json_kind(json) == JSON_STR);
	return (struct text){ json_string_value(value), json_string_length(value) };
}

size_t json_length(const struct json *json)
{
	assert(json_kind(json) == JSON_ARR);
	return json_array_size(json_theirs(json));
}

const struct json *json_at(const struct json *json, size_t index)
{
	assert(index < json_length(json));
	return (const struct json *)json_array_get(json_theirs(json), index);
}

size_t json_keys(const struct json *json)
{
	assert(json_kind(json) == JSON_OBJ);
	return json_object_size(json_theirs(json));
}

const struct json *json_get(const struct json *json, const char *key)
{
	assert(json_kind(json) == JSON_OBJ);
	return (const struct json *)json_object_get(json_theirs(json), key);
}

void *json_first(const struct json *object)
{
	assert(json_kind(object) == JSON_OBJ);
	return json_object_iter(json_theirs(object));
}

void *json_next(const struct json *object, void *it)
{
	return json_object_iter_next(json_theirs(object), it);
}

struct text json_key(void *it)
{
	return (struct text){ json_object_iter_key(it), json_object_iter_key_len(it) };
}

const struct json *json_value(void *it)
{
	return (const struct json *)json_object_iter_value(it);
}

static void json_write_real(struct buf *buf, double real)
{
	size_t before = buf->len;

	buf_real(buf, real);
	/* It came with a fraction or an exponent and keeps one: 5.0 is not 5 to every client. */
	for (size_t i = before; i < buf->len; i++)
		if (buf->ptr[i] == '.' || buf->ptr[i] == 'e')
			return;
	buf_literal(buf, ".0");
}

static void json_write_one(struct buf *buf, const struct json *json, bool canonical);

static void json_write_array(struct buf *buf, const struct json *json, bool canonical)
{
	size_t length = json_length(json);

	buf_byte(buf, '[');
	for (size_t i = 0; i < length; i++) {
		if (i)
			buf_byte(buf, ',');
		json_write_one(buf, json_at(json, i), canonical);
	}
	buf_byte(buf, ']');
}

static int json_compare_members(const void *a, const void *b)
{
	struct text x = json_key(*(void *const *)a), y = json_key(*(void *const *)b);
	int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

static void json_write_object(struct buf *buf, const struct json *json, bool canonical)
{
	size_t count = json_keys(json), at = 0;
	void **members = calloc(count ? count : 1, sizeof(*members));

	assert(members);
	for (void *it = json_first(json); it; it = json_next(json, it))
		members[at++] = it;
	assert(at == count);
	if (canonical)
		qsort(members, count, sizeof(*members), json_compare_members);
	buf_byte(buf, '{');
	for (size_t i = 0; i < count; i++) {
		struct text key = json_key(members[i]);

		if (i)
			buf_byte(buf, ',');
		buf_json_string(buf, key.ptr, key.len);
		buf_byte(buf, ':');
		json_write_one(buf, json_value(members[i]), canonical);
	}
	buf_byte(buf, '}');
	free(members);
}

static void json_write_one(struct buf *buf, const struct json *json, bool canonical)
{
	switch (json_kind(json)) {
	case JSON_NULL_:
		buf_literal(buf, "null");
		return;
	case JSON_BOOL:
		buf_string(buf, json_bool(json) ? "true" : "false");
		return;
	case JSON_INT:
		buf_int(buf, json_int(json));
		return;
	case JSON_REAL:
		json_write_real(buf, json_real_value(json_theirs(json)));
		return;
	case JSON_STR:
		buf_json_string(buf, json_text(json).ptr, json_text(json).len);
		return;
	case JSON_ARR:
		json_write_array(buf, json, canonical);
		return;
	case JSON_OBJ:
		json_write_object(buf, json, canonical);
		return;
	}
	assert(!"a kind that json_kind says");
}

void json_write(struct buf *buf, const struct json *json)
{
	json_write_one(buf, json, false);
}

void json_write_canonical(struct buf *buf, const struct json *json)
{
	json_write_one(buf, json, true);
}

const char *json_library_version(void)
{
	return jansson_version_str();
}
