/* SPDX-License-Identifier: Apache-2.0 */
/* Written twice: once to see how long it is. */
#include "read/cache_key.h"

#include "base/control.h"
#include "base/request.h"
#include "pg/call.h"

#include <stdatomic.h>
#include <string.h>

/* ptr NULL: only counted. */
struct key_writer {
	char *ptr;
	size_t len;
};

static void key_bytes(struct key_writer *key, const void *bytes, size_t len)
{
	if (key->ptr && len)
		memcpy(key->ptr + key->len, bytes, len);
	key->len += len;
}

static void key_number(struct key_writer *key, uint32_t number)
{
	key_bytes(key, &number, sizeof(number));
}

/* NULL is no text, and not as an empty one. */
static void key_text_of(struct key_writer *key, const char *text, size_t len)
{
	key_number(key, text ? (uint32_t)len : UINT32_MAX);
	key_bytes(key, text, text ? len : 0);
}

static void key_strings(struct key_writer *key, const char *const *items, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		key_text_of(key, items[i], items[i] ? strlen(items[i]) : 0);
}

static void key_who(struct key_writer *key, const struct request *request)
{
	key_text_of(key, request->user_key.ptr, request->user_key.len);
	key_text_of(key, request->principal->id.ptr, request->principal->id.len);
}

static void key_write(struct key_writer *key, const struct cache_asked *asked)
{
	const struct operation *operation = asked->operation;

	key_number(key, operation->statement->id);
	/* What is not in its text, and makes another document of the same rows. */
	key_number(key, (uint32_t)operation->rows);
	key_number(key, operation->statement->int8_as_text);
	key_number(key, operation->statement->lookup);
	key_bytes(key, &operation->rows_max, sizeof(operation->rows_max));
	key_number(key, atomic_load_explicit(&asked->shape->generation, memory_order_relaxed));
	key_bytes(key, operation->version, sizeof(operation->version));
	key_strings(key, asked->values, operation->statement->params);
	if (asked->claims && CONTROL_CACHE_CLAIMS)
		key_strings(key, asked->claims, CLAIMS_VALUES);
	if (asked->who && CONTROL_CACHE_CLAIMS)
		key_who(key, asked->who);
}

struct text cache_key(const struct cache_asked *asked, struct arena *arena)
{
	struct key_writer key = { NULL, 0 };
	size_t len;

	key_write(&key, asked);
	len = key.len;
	key = (struct key_writer){ arena_alloc(arena, len), 0 };
	key_write(&key, asked);
	return (struct text){ key.ptr, len };
}

/* --- what a key says -------------------------------------------------------------------------- */

/* What key_write puts before the values: see there. */
#define KEY_HEAD_BYTES                                                                             \
	(5 * sizeof(uint32_t) + sizeof(uint64_t) + sizeof(((struct operation *)NULL)->version))

uint32_t cache_key_statement(struct text key)
{
	uint32_t id = 0;

	if (key.len >= KEY_HEAD_BYTES)
		memcpy(&id, key.ptr, sizeof(id));
	return id;
}

/* Takes a text off the key. False: there is none. */
static bool key_take(struct text *key, struct text *value)
{
	uint32_t len;

	if (key->len < sizeof(len))
		return false;
	memcpy(&len, key->ptr, sizeof(len));
	key->ptr += sizeof(len);
	key->len -= sizeof(len);
	*value = (struct text){ len == UINT32_MAX ? NULL : key->ptr, len == UINT32_MAX ? 0 : len };
	if (value->len > key->len)
		return false;
	key->ptr += value->len;
	key->len -= value->len;
	return true;
}

const char *const *cache_key_values(struct text key, unsigned count, struct arena *arena)
{
	const char **values = arena_alloc(arena, count * sizeof(*values) + 1);

	if (key.len < KEY_HEAD_BYTES)
		return NULL;
	key.ptr += KEY_HEAD_BYTES;
	key.len -= KEY_HEAD_BYTES;
	for (unsigned i = 0; i < count; i++) {
		struct text value;

		if (!key_take(&key, &value))
			return NULL;
		values[i] = value.ptr ? arena_copy(arena, value.ptr, value.len) : NULL;
	}
	return key.len ? NULL : values;
}

/* --- times ------------------------------------------------------------------------------------ */

static bool key_is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* PostgreSQL 15, 8.5.1.4: in any case. */
static bool key_word_is_time(struct text word)
{
	static const char *const times[] = { "now", "today", "tomorrow", "yesterday" };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (text_is_nocase(word, times[i]))
			return true;
	return false;
}

static bool key_value_has_time(const char *value)
{
	while (*value) {
		size_t len = 0;

		while (key_is_letter(value[len]))
			len++;
		if (len && key_word_is_time((struct text){ value, len }))
			return true;
		value += len ? len : 1;
	}
	return false;
}

bool cache_asks_time(const struct cache_asked *asked)
{
	for (unsigned i = 0; i < asked->operation->statement->params; i++)
		if (asked->values[i] && key_value_has_time(asked->values[i]))
			return true;
	return false;
}
