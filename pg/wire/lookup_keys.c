/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted once, when they are sent. */
#include "pg/wire/lookup_keys.h"

#include "base/array.h"
#include "base/log.h"
#include "pg/types/form.h"
#include "pg/types/key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUP_CALLS_MAX 128 /* one, and those that can follow it: pg/coalesce.c */

/* While its call is there for sure. */
struct lookup_text {
	const char *text;
	struct call *call;
};

void lookup_keys_init(struct lookup_keys *keys)
{
	*keys = (struct lookup_keys){ 0 };
	buf_init(&keys->texts);
	buf_init(&keys->literal);
}

void lookup_keys_fini(struct lookup_keys *keys)
{
	buf_fini(&keys->texts);
	buf_fini(&keys->literal);
	free(keys->keys);
}

void lookup_keys_clear(struct lookup_keys *keys)
{
	keys->count = 0;
	buf_clear(&keys->texts);
}

static const char *lookup_text(const struct call *call)
{
	unsigned at = call->statement->lookup - 1u;

	return key_text(type_element(call->bound->param_types[at]), call->values[at]);
}

static int lookup_compare(const void *a, const void *b)
{
	return strcmp(((const struct lookup_text *)a)->text, ((const struct lookup_text *)b)->text);
}

static unsigned lookup_gather(struct call *call, struct lookup_text *texts)
{
	unsigned count = 0;

	for (struct call *each = call; each; each = each->follower) {
		assert(count < LOOKUP_CALLS_MAX);
		texts[count] = (struct lookup_text){ lookup_text(each), each };
		assert(texts[count].text);
		count++;
	}
	qsort(texts, count, sizeof(texts[0]), lookup_compare);
	return count;
}

static void lookup_make_room(struct lookup_keys *keys, unsigned count)
{
	if (keys->count + count <= keys->room)
		return;
	keys->room = 2 * (keys->count + count);
	keys->keys = reallocarray(keys->keys, keys->room, sizeof(*keys->keys));
	if (!keys->keys)
		log_fatal("lookup", "out of memory");
}

unsigned lookup_keys_add(struct lookup_keys *keys, struct call *call)
{
	struct lookup_text texts[LOOKUP_CALLS_MAX];
	unsigned count = lookup_gather(call, texts);
	size_t at = 0;

	if (strcmp(texts[0].text, texts[count - 1].text) == 0)
		return 0;
	lookup_make_room(keys, count);
	array_begin(&keys->literal);
	for (unsigned i = 0; i < count; i++) {
		if (i == 0 || strcmp(texts[i - 1].text, texts[i].text) != 0) {
			at = keys->texts.len;
			buf_add(&keys->texts, texts[i].text, strlen(texts[i].text) + 1);
			array_add_text(&keys->literal, text_of(texts[i].text));
		}
		keys->keys[keys->count++] = (struct lookup_key){ (uint32_t)at, texts[i].call };
	}
	(void)array_end(&keys->literal);
	return count;
}

const char *lookup_keys_one(struct lookup_keys *keys, const char *value)
{
	array_begin(&keys->literal);
	array_add_text(&keys->literal, value ? text_of(value) : (struct text){ NULL, 0 });
	return array_end(&keys->literal);
}

static const char *lookup_text_at(const struct lookup_keys *keys, unsigned at)
{
	return keys->texts.ptr + keys->keys[at].at;
}

unsigned lookup_keys_find(const struct lookup_keys *keys, unsigned first, unsigned count,
			  const char *text)
{
	unsigned low = first, high = first + count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (strcmp(lookup_text_at(keys, middle), text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < first + count && lookup_keys_same(keys, low, text) ? low : first + count;
}

bool lookup_keys_same(const struct lookup_keys *keys, unsigned at, const char *text)
{
	return strcmp(lookup_text_at(keys, at), text) == 0;
}

void lookup_keys_forget(struct lookup_keys *keys, const struct call *call)
{
	for (unsigned i = 0; i < keys->count; i++)
		if (keys->keys[i].call == call)
			keys->keys[i].call = NULL;
}
