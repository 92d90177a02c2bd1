/* SPDX-License-Identifier: Apache-2.0 */
/* Commas and line ends come before what follows them. */
#include "catalog/openapi/writer.h"

#include <assert.h>
#include <string.h>

void writer_init(struct writer *writer, struct buf *out)
{
	memset(writer, 0, sizeof(*writer));
	writer->out = out;
}

static void writer_line(struct writer *writer)
{
	buf_byte(writer->out, '\n');
	for (unsigned i = 0; i < writer->depth; i++)
		buf_literal(writer->out, "  ");
}

static bool writer_is_behind_key(const struct writer *writer)
{
	const struct buf *out = writer->out;

	return out->len > 1 && !memcmp(out->ptr + out->len - 2, ": ", 2);
}

/* What is before a member or an element. */
static void writer_begin(struct writer *writer, const char *key)
{
	if (!key && writer_is_behind_key(writer))
		return;
	if (writer->depth) {
		if (writer->has_members[writer->depth - 1])
			buf_byte(writer->out, ',');
		writer->has_members[writer->depth - 1] = true;
		writer_line(writer);
	}
	if (!key)
		return;
	buf_json_string(writer->out, key, strlen(key));
	buf_literal(writer->out, ": ");
}

void writer_key(struct writer *writer, struct text key)
{
	writer_begin(writer, NULL);
	buf_json_string(writer->out, key.ptr, key.len);
	buf_literal(writer->out, ": ");
}

static void writer_open(struct writer *writer, const char *key, char opening, char closing)
{
	writer_begin(writer, key);
	assert(writer->depth < WRITER_DEPTH_MAX);
	buf_byte(writer->out, opening);
	writer->closing[writer->depth] = closing;
	writer->has_members[writer->depth++] = false;
}

void writer_object(struct writer *writer, const char *key)
{
	writer_open(writer, key, '{', '}');
}

void writer_array(struct writer *writer, const char *key)
{
	writer_open(writer, key, '[', ']');
}

void writer_end(struct writer *writer)
{
	assert(writer->depth > 0);
	writer->depth--;
	if (writer->has_members[writer->depth])
		writer_line(writer);
	buf_byte(writer->out, writer->closing[writer->depth]);
}

void writer_text(struct writer *writer, const char *key, struct text text)
{
	writer_begin(writer, key);
	buf_json_string(writer->out, text.ptr, text.len);
}

void writer_string(struct writer *writer, const char *key, const char *string)
{
	writer_text(writer, key, text_of(string));
}

void writer_number(struct writer *writer, const char *key, int64_t number)
{
	writer_begin(writer, key);
	buf_int(writer->out, number);
}

void writer_bool(struct writer *writer, const char *key, bool is_true)
{
	writer_begin(writer, key);
	buf_string(writer->out, is_true ? "true" : "false");
}

void writer_null(struct writer *writer, const char *key)
{
	writer_begin(writer, key);
	buf_literal(writer->out, "null");
}

void writer_json(struct writer *writer, const char *key, const struct json *json)
{
	enum json_kind kind = json_kind(json);

	if (kind != JSON_ARRAY && kind != JSON_OBJECT) {
		writer_begin(writer, key);
		buf_text(writer->out, json_source(json));
		return;
	}
	if (kind == JSON_ARRAY)
		writer_array(writer, key);
	else
		writer_object(writer, key);
	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		if (kind == JSON_OBJECT)
			writer_key(writer, json_key(it));
		writer_json(writer, NULL, it);
	}
	writer_end(writer);
}

void writer_ref(struct writer *writer, const char *key, const char *section, const char *name,
		const char *suffix)
{
	struct buf ref;

	buf_init(&ref);
	buf_printf(&ref, "#/components/%s/%s%s", section, name, suffix);
	writer_object(writer, key);
	writer_text(writer, "$ref", (struct text){ ref.ptr, ref.len });
	writer_end(writer);
	buf_fini(&ref);
}
