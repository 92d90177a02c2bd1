/* SPDX-License-Identifier: Apache-2.0 */
/* An array without an order. */
#include "write/jobs/old_heads.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void old_heads_fini(struct old_heads *heads)
{
	free(heads->of);
	*heads = (struct old_heads){ 0 };
}

static void old_heads_make_room(struct old_heads *heads)
{
	if (heads->of)
		return;
	heads->of = calloc(OLD_HEADS_MAX, sizeof(*heads->of));
	assert(heads->of);
}

void old_heads_copy(struct old_heads *to, const struct old_heads *from)
{
	to->count = from->count;
	if (!from->count)
		return;
	old_heads_make_room(to);
	memcpy(to->of, from->of, from->count * sizeof(*from->of));
}

bool old_heads_add(struct old_heads *heads, struct text key, int64_t n)
{
	struct old_head *head;

	if (heads->count == OLD_HEADS_MAX || key.len > JOB_ORDER_KEY_BYTES)
		return false;
	old_heads_make_room(heads);
	head = &heads->of[heads->count++];
	head->n = n;
	memcpy(head->key, key.ptr, key.len);
	head->key[key.len] = '\0';
	return true;
}

static void old_heads_remove(struct old_heads *heads, unsigned at)
{
	heads->of[at] = heads->of[--heads->count];
}

void old_heads_move(struct old_heads *heads, struct text key, int64_t n)
{
	for (unsigned i = 0; i < heads->count; i++) {
		if (!text_is(key, heads->of[i].key))
			continue;
		if (n)
			heads->of[i].n = n;
		else
			old_heads_remove(heads, i);
		return;
	}
}

void old_heads_drop_from(struct old_heads *heads, int64_t n)
{
	for (unsigned i = heads->count; i-- > 0;)
		if (heads->of[i].n >= n)
			old_heads_remove(heads, i);
}
