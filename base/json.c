/* SPDX-License-Identifier: Apache-2.0 */
/* What was read, value by value, and its canonical text. */
#include "base/json.h"

#include "base/json_number.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void json_free(struct json *json)
{
	struct json_document *document =
		(struct json_document *)((char *)json - offsetof(struct json_document, values));

	free(document->texts);
	free(document);
}

enum json_kind json_kind(const struct json *json)
{
	return json->kind;
}

struct text json_source(const struct json *json)
{
	return (struct text){ json->source, json->source_len };
}

bool json_bool(const struct json *json)
{
	assert(json->kind == JSON_BOOL);
	return json->source[0] == 't';
}

struct text json_text(const struct json *json)
{
	assert(json->kind == JSON_STRING);
	return (struct text){ json->string, json->string_len };
}

size_t json_length(const struct json *json)
{
	assert(json->kind == JSON_ARRAY || json->kind == JSON_OBJECT);
	return json->length;
}

const struct json *json_first(const struct json *json)
{
	return json->length ? json + 1 : NULL;
}

const struct json *json_next(const struct json *child)
{
	return child->next ? child + child->next : NULL;
}

struct text json_key(const struct json *member)
{
	assert(member->key);
	return (struct text){ member->key, member->key_len };
}

const struct json *json_get(const struct json *object, const char *key)
{
	size_t len = strlen(key);

	assert(object->kind == JSON_OBJECT);
	for (const struct json *it = json_first(object); it; it = json_next(it))
		if (it->key_len == len && memcmp(it->key, key, len) == 0)
			return it;
	return NULL;
}

static int json_compare(const void *a, const void *b)
{
	struct text x = json_key(*(const struct json *const *)a);
	struct text y = json_key(*(const struct json *const *)b);
	int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

const struct json **json_sorted_members(const struct json *object)
{
	const struct json **members = calloc(object->length + 1u, sizeof(struct json *));
	uint32_t count = 0;

	if (!members)
		log_fatal("json", "out of memory");
	for (const struct json *it = json_first(object); it; it = json_next(it))
		members[count++] = it;
	assert(count == object->length);
	qsort(members, count, sizeof(members[0]), json_compare);
	return members;
}

/* --- canonical ------------------------------------------------------------------------------- */

static void json_write_object(struct buf *buf, const struct json *json)
{
	const struct json **members = json_sorted_members(json);

	buf_byte(buf, '{');
	for (uint32_t i = 0; i < json->length; i++) {
		if (i)
			buf_byte(buf, ',');
		buf_json_string(buf, members[i]->key, members[i]->key_len);
		buf_byte(buf, ':');
		json_write_canonical(buf, members[i]);
	}
	buf_byte(buf, '}');
	free(members);
}

static void json_write_array(struct buf *buf, const struct json *json)
{
	buf_byte(buf, '[');
	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		json_write_canonical(buf, it);
		if (it->next)
			buf_byte(buf, ',');
	}
	buf_byte(buf, ']');
}

static void json_write_number(struct buf *buf, struct text text)
{
	if (json_number_is_real(text))
		json_number_write(buf, text);
	else if (text_is(text, "-0"))
		buf_byte(buf, '0');
	else
		buf_text(buf, text);
}

void json_write_canonical(struct buf *buf, const struct json *json)
{
	switch (json->kind) {
	case JSON_NULL:
	case JSON_BOOL:
		buf_text(buf, json_source(json));
		return;
	case JSON_NUMBER:
		json_write_number(buf, json_source(json));
		return;
	case JSON_STRING:
		buf_json_string(buf, json->string, json->string_len);
		return;
	case JSON_ARRAY:
		json_write_array(buf, json);
		return;
	case JSON_OBJECT:
		json_write_object(buf, json);
		return;
	}
	assert(!"a kind of value");
}
