/* SPDX-License-Identifier: Apache-2.0 */
/* Few hundred ids, searched by halves. */
#include "router/feed_found.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void feed_found_take(struct feed_found *found, const struct feed_relation *relations, size_t count)
{
	found->relations = calloc(count + 1, sizeof(*relations));
	assert(found->relations);
	memcpy(found->relations, relations, count * sizeof(*relations));
	found->count = count;
}

bool feed_found_is(const struct feed_found *found, const struct tag_set *set, uint32_t *version)
{
	uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX];
	size_t count;

	*version = set ? tag_set_read(set, tags, &count) : 0;
	if (!*version || count != found->count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (tags[i] != found->relations[i].id)
			return false;
	return true;
}

void feed_found_ids(const struct feed_found *found, uint64_t ids[FEED_RELATIONS_OF_QUERY_MAX])
{
	for (size_t i = 0; i < found->count; i++)
		ids[i] = found->relations[i].id;
}

/* Where the id is, or would be. */
static size_t union_place(const struct feed_union *all, uint64_t id)
{
	size_t from = 0, to = all->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (all->relations[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool union_has(const struct feed_union *all, uint64_t id)
{
	size_t at = union_place(all, id);

	return at < all->count && all->relations[at].id == id;
}

void feed_union_add(struct feed_union *all, const struct feed_relation *relation)
{
	size_t at = union_place(all, relation->id);

	if (union_has(all, relation->id)) {
		all->odds = all->odds || all->relations[at].shape != relation->shape;
		return;
	}
	memmove(all->relations + at + 1, all->relations + at,
		(all->count - at) * sizeof(all->relations[0]));
	all->relations[at] = *relation;
	all->count++;
}

unsigned feed_found_counting(const struct feed_found *found, unsigned count)
{
	unsigned counting = 0;

	for (unsigned i = 0; i < count; i++)
		counting += found[i].counts;
	return counting;
}

bool feed_union_has_room(const struct feed_union *all, const struct feed_found *found)
{
	size_t count = all->count;

	for (size_t i = 0; i < found->count; i++)
		count += !union_has(all, found->relations[i].id);
	return count <= FEED_RELATIONS_MAX;
}
