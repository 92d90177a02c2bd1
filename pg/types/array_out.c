/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays as PostgreSQL writes them, "{1,NULL,\"a b\"}", to JSON arrays. */
#include "pg/types/array_out.h"

#include "base/limits.h"
#include "pg/types/form.h"

#include <string.h>

/* An array's text form being read: what may come next is kept so that the JSON is well-formed. */
struct array_text {
	const char *at, *end;
	struct pg_type element;
	char delimiter;
	unsigned depth;
	bool value_due; /* a value or "{" must come, not a delimiter */
	bool close_ok;  /* "}" may come */
	value_writer *write;
	bool *fits;       /* of all elements */
	struct buf plain; /* an element without its backslashes */
};

static void array_element(struct array_text *array, struct buf *out, const char *ptr, size_t len)
{
	*array->fits &= array->write(out, array->element, ptr, len);
}

static bool array_quoted(struct array_text *array, struct buf *out)
{
	const char *start = ++array->at;
	bool escaped = false;

	while (array->at < array->end && *array->at != '"') {
		if (*array->at == '\\') {
			escaped = true;
			array->at++;
		}
		array->at++;
	}
	if (array->at >= array->end)
		return false;
	if (!escaped) {
		array_element(array, out, start, (size_t)(array->at - start));
	} else {
		buf_clear(&array->plain);
		for (const char *from = start; from < array->at; from++) {
			if (*from == '\\')
				from++;
			buf_byte(&array->plain, *from);
		}
		array_element(array, out, array->plain.ptr, array->plain.len);
	}
	array->at++;
	return true;
}

static bool array_bare(struct array_text *array, struct buf *out)
{
	const char *start = array->at;
	size_t len;

	while (array->at < array->end && *array->at != array->delimiter && *array->at != '}' &&
	       *array->at != '{' && *array->at != '"')
		array->at++;
	len = (size_t)(array->at - start);
	if (len == 0)
		return false;
	if (len == 4 && memcmp(start, "NULL", 4) == 0)
		buf_literal(out, "null");
	else
		array_element(array, out, start, len);
	return true;
}

/* One brace, delimiter or element. */
static bool array_step(struct array_text *array, struct buf *out)
{
	char c = *array->at;

	if (c == '{') {
		if (!array->value_due || ++array->depth > ARRAY_DEPTH_MAX)
			return false;
		buf_byte(out, '[');
		array->close_ok = true;
		array->at++;
		return true;
	}
	if (c == '}') {
		if (!array->close_ok)
			return false;
		buf_byte(out, ']');
		array->depth--;
		array->value_due = false;
		array->at++;
		return true;
	}
	if (!array->value_due) {
		if (c != array->delimiter)
			return false;
		buf_byte(out, ',');
		array->value_due = true;
		array->close_ok = false;
		array->at++;
		return true;
	}
	array->value_due = false;
	array->close_ok = true;
	return c == '"' ? array_quoted(array, out) : array_bare(array, out);
}

/* Steps over "[2:3][0:1]=" of an array whose bounds do not start at 1. */
static const char *array_skip_bounds(const char *ptr, size_t len)
{
	const char *equals = *ptr == '[' ? memchr(ptr, '=', len) : NULL;

	return equals ? equals + 1 : ptr;
}

bool array_to_json(struct buf *out, struct pg_type type, struct text text, value_writer *write,
		   bool *fits)
{
	struct array_text array = {
		.end = text.ptr + text.len,
		.element = type_element(type),
		.delimiter = array_delimiter(type),
		.value_due = true,
		.write = write,
		.fits = fits,
	};
	bool ok;

	if (text.len == 0)
		return false;
	array.at = array_skip_bounds(text.ptr, text.len);
	if (array.at >= array.end || *array.at != '{')
		return false;
	buf_init(&array.plain);
	do
		ok = array_step(&array, out);
	while (ok && array.depth > 0 && array.at < array.end);
	buf_fini(&array.plain);
	return ok && array.depth == 0 && array.at == array.end;
}
