/* SPDX-License-Identifier: Apache-2.0 */
/* "key"=>"value", "other"=>NULL: a backslash before each quote and backslash. */
#include "pg/types/hstore.h"

#include "pg/types/scalar.h"

#include <string.h>

struct hstore_text {
	const char *at, *end;
	struct buf plain; /* a string without its backslashes */
};

static bool hstore_skip(struct hstore_text *text, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(text->end - text->at) < len || memcmp(text->at, literal, len) != 0)
		return false;
	text->at += len;
	return true;
}

static bool hstore_string(struct hstore_text *text, struct buf *out)
{
	if (!hstore_skip(text, "\""))
		return false;
	buf_clear(&text->plain);
	while (text->at < text->end && *text->at != '"') {
		if (*text->at == '\\' && ++text->at == text->end)
			return false;
		buf_byte(&text->plain, *text->at++);
	}
	buf_json_string(out, text->plain.ptr, text->plain.len);
	return hstore_skip(text, "\"");
}

static bool hstore_pair(struct hstore_text *text, struct buf *out)
{
	if (!hstore_string(text, out) || !hstore_skip(text, "=>"))
		return false;
	buf_byte(out, ':');
	if (!hstore_skip(text, "NULL"))
		return hstore_string(text, out);
	buf_literal(out, "null");
	return true;
}

bool hstore_to_json(struct buf *out, const char *ptr, size_t len)
{
	struct hstore_text text = { .at = ptr, .end = ptr + len };
	bool read = true;

	buf_init(&text.plain);
	buf_byte(out, '{');
	while (read && text.at < text.end) {
		if (text.at > ptr) {
			read = hstore_skip(&text, ", ");
			buf_byte(out, ',');
		}
		read = read && hstore_pair(&text, out);
	}
	buf_byte(out, '}');
	buf_fini(&text.plain);
	return read;
}

/* --- on the way in --------------------------------------------------------------------------- */

static void hstore_quote(struct buf *buf, struct text text)
{
	buf_byte(buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buf_byte(buf, '\\');
		buf_byte(buf, text.ptr[i]);
	}
	buf_byte(buf, '"');
}

/* Numbers and booleans as they were written. */
static bool hstore_add(struct buf *buf, const struct json *member, struct arena *arena,
		       const char **why)
{
	if (buf->len)
		buf_byte(buf, ',');
	hstore_quote(buf, json_key(member));
	buf_literal(buf, "=>");
	switch (json_kind(member)) {
	case JSON_NULL:
		buf_literal(buf, "NULL");
		return true;
	case JSON_STRING:
		hstore_quote(buf, json_text(member));
		return true;
	case JSON_BOOL:
	case JSON_NUMBER:
		hstore_quote(buf, json_source(member));
		return true;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	*why = arena_printf(arena, "%s must be a string, a number, a boolean or null",
			    quoted_text(json_key(member), arena));
	return false;
}

bool hstore_from_json(const struct json *object, struct arena *arena, const char **out,
		      const char **why)
{
	struct buf buf;
	bool ok = true;

	buf_init(&buf);
	for (const struct json *it = json_first(object); ok && it; it = json_next(it))
		ok = hstore_add(&buf, it, arena, why);
	if (ok)
		*out = arena_copy(arena, buf.ptr ? buf.ptr : "", buf.len);
	buf_fini(&buf);
	return ok;
}
