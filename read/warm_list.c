/* SPDX-License-Identifier: Apache-2.0 */
/* What is read is taken as a whole or not at all. */
#include "read/warm_list.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARM_MAGIC "cqrsd cache-warm "
#define WARM_VERSION 1
#define WARM_HEAD_BYTES_MAX 80

struct warm_list *warm_list_new(void)
{
	struct warm_list *list = calloc(1, sizeof(*list));

	if (!list)
		log_fatal("cache", "out of memory");
	arena_init(&list->arena);
	buf_init(&list->lines);
	return list;
}

void warm_list_free(struct warm_list *list)
{
	arena_fini(&list->arena);
	buf_fini(&list->lines);
	free(list->keys);
	free(list);
}

static void warm_list_put(struct warm_list *list, const struct warm_key *key)
{
	const char **values = arena_alloc(&list->arena, key->count * sizeof(*values) + 1);
	struct warm_key *copy;

	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->keys = realloc(list->keys, list->room * sizeof(*list->keys));
		if (!list->keys)
			log_fatal("cache", "out of memory");
	}
	for (unsigned i = 0; i < key->count; i++)
		values[i] = key->values[i] ? arena_copy(&list->arena, key->values[i],
							strlen(key->values[i]))
					   : NULL;
	copy = &list->keys[list->count++];
	copy->operation = arena_copy(&list->arena, key->operation, strlen(key->operation));
	copy->version = arena_copy(&list->arena, key->version, strlen(key->version));
	copy->values = values;
	copy->count = key->count;
}

static void warm_line(struct buf *lines, const struct warm_key *key)
{
	buf_byte(lines, '[');
	buf_json_string(lines, key->operation, strlen(key->operation));
	buf_byte(lines, ',');
	buf_json_string(lines, key->version, strlen(key->version));
	for (unsigned i = 0; i < key->count; i++) {
		buf_byte(lines, ',');
		if (key->values[i])
			buf_json_string(lines, key->values[i], strlen(key->values[i]));
		else
			buf_literal(lines, "null");
	}
	buf_literal(lines, "]\n");
}

bool warm_list_add(struct warm_list *list, const struct warm_key *key)
{
	size_t before = list->lines.len;

	if (list->count == WARM_KEYS_MAX)
		return false;
	warm_line(&list->lines, key);
	if (list->lines.len - before > WARM_KEY_BYTES_MAX ||
	    list->lines.len > WARM_BYTES_MAX - WARM_HEAD_BYTES_MAX) {
		list->lines.len = before;
		return false;
	}
	warm_list_put(list, key);
	return true;
}

static uint64_t warm_sum(struct text lines)
{
	return hash_bytes(lines.ptr, lines.len, WARM_VERSION);
}

void warm_list_write(const struct warm_list *list, struct buf *out)
{
	const struct text lines = { list->lines.ptr, list->lines.len };

	buf_printf(out, WARM_MAGIC "%d %zu %016" PRIx64 "\n", WARM_VERSION, list->count,
		   warm_sum(lines));
	buf_text(out, lines);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool warm_key_read(struct warm_list *list, const struct json *json)
{
	const char *texts[2 + PARAMS_MAX];
	struct warm_key key = { .values = texts + 2 };
	size_t count = 0;

	if (json_kind(json) != JSON_ARRAY || json_length(json) < 2 ||
	    json_length(json) > sizeof(texts) / sizeof(texts[0]))
		return false;
	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		enum json_kind kind = json_kind(it);

		if (kind != JSON_STRING && (kind != JSON_NULL || count < 2))
			return false;
		texts[count++] = kind == JSON_STRING ? json_text(it).ptr : NULL;
	}
	key.operation = texts[0];
	key.version = texts[1];
	key.count = (unsigned)count - 2;
	return warm_list_add(list, &key);
}

static bool warm_line_read(struct warm_list *list, struct text line)
{
	struct json_error error;
	struct json *json = json_read(line, &error);
	bool good = json && warm_key_read(list, json);

	if (json)
		json_free(json);
	return good;
}

static bool warm_lines_read(struct warm_list *list, struct text lines)
{
	while (lines.len) {
		const char *end = memchr(lines.ptr, '\n', lines.len);
		size_t len = end ? (size_t)(end - lines.ptr) : 0;

		if (!end || !warm_line_read(list, (struct text){ lines.ptr, len }))
			return false;
		lines = (struct text){ end + 1, lines.len - len - 1 };
	}
	return true;
}

/* What the first line says. */
struct warm_head {
	unsigned version;
	size_t keys;
	uint64_t sum;
	struct text lines; /* behind it */
};

static bool warm_head_read(struct text text, struct warm_head *head)
{
	const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
	char line[WARM_HEAD_BYTES_MAX];
	size_t len = end ? (size_t)(end - text.ptr) : sizeof(line);

	if (len >= sizeof(line))
		return false;
	memcpy(line, text.ptr, len);
	line[len] = '\0';
	head->lines = (struct text){ end + 1, text.len - len - 1 };
	return sscanf(line, WARM_MAGIC "%4u %12zu %16" SCNx64, &head->version, &head->keys,
		      &head->sum) == 3;
}

static const char *warm_wrong(struct warm_list *list, struct text text)
{
	struct warm_head head;

	if (!warm_head_read(text, &head))
		return "it is not a file of --cache-warm";
	if (head.version != WARM_VERSION)
		return "it is of another version of cqrsd";
	if (warm_sum(head.lines) != head.sum)
		return "it is damaged";
	if (!warm_lines_read(list, head.lines) || list->count != head.keys)
		return "it has a line that is none of its own";
	return NULL;
}

struct warm_list *warm_list_read(struct text text, char *error, size_t error_room)
{
	struct warm_list *list = warm_list_new();
	const char *wrong = warm_wrong(list, text);

	if (!wrong)
		return list;
	snprintf(error, error_room, "%s", wrong);
	warm_list_free(list);
	return NULL;
}
