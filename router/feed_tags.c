/* SPDX-License-Identifier: Apache-2.0 */
/* A group is hashed as it is written, with its values in the place of their parameters. */
#include "router/feed_tags.h"

#include "base/buf.h"
#include "base/hash.h"
#include "pg/types/key.h"
#include "router/feed/stripes.h"

#include <string.h>

#define TAGS_SEED 0 /* one for all instances */

/* False: values that are equal may have other texts. No value ever holds a NUL. */
static bool tag_add_value(struct buf *out, struct pg_type type, const char *value)
{
	const char *text = value && !type.form && key_is_known(type) ? key_text(type, value) : NULL;

	if (!value)
		buf_byte(out, '\0');
	else if (text)
		buf_string(out, text);
	return !value || text;
}

bool feed_tag_text(const struct tag *tag, const struct shape *shape, const char *const *values,
		   struct buf *out)
{
	for (unsigned i = 0; i < tag->parts_count; i++) {
		const struct tag_part *part = &tag->parts[i];

		buf_string(out, i ? ":" : "");
		if (!part->param)
			buf_text(out, part->name);
		else if (!tag_add_value(out, shape->param_types[part->param - 1],
					values[part->param - 1]))
			return false;
	}
	return true;
}

/* key_text is never longer than its value. */
static size_t tag_room(const struct tag *tag, const char *const *values)
{
	size_t room = 0;

	for (unsigned i = 0; i < tag->parts_count; i++) {
		const struct tag_part *part = &tag->parts[i];
		const char *value = part->param ? values[part->param - 1] : NULL;

		room += 1 + (part->param ? strlen(value ? value : " ") : part->name.len);
	}
	return room;
}

struct buf feed_tag_buf(const struct operation *operation, const char *const *values,
			struct arena *arena)
{
	size_t room = 1;

	for (unsigned i = 0; i < operation->tags_count; i++) {
		size_t of_tag = tag_room(&operation->tags[i], values);

		room = of_tag > room ? of_tag : room;
	}
	return (struct buf){ .ptr = arena_alloc(arena, room), .room = room };
}

static uint64_t tag_of(const struct tag *tag, const struct shape *shape, const char *const *values,
		       struct buf *out)
{
	uint64_t hash;

	buf_clear(out);
	if (!feed_tag_text(tag, shape, values, out))
		return STRIPES_TAG_ALL;
	hash = hash_bytes(out->ptr, out->len, TAGS_SEED);
	return hash > STRIPES_TAG_OIDS_MAX ? hash : hash + STRIPES_TAG_OIDS_MAX + 1;
}

const uint64_t *feed_tags(const struct operation *operation, const struct shape *shape,
			  const char *const *values, struct arena *arena)
{
	uint64_t *tags;
	struct buf out;

	if (!operation->tags_count)
		return NULL;
	tags = arena_alloc(arena, operation->tags_count * sizeof(*tags));
	out = feed_tag_buf(operation, values, arena);
	for (unsigned i = 0; i < operation->tags_count; i++)
		tags[i] = tag_of(&operation->tags[i], shape, values, &out);
	return tags;
}

/* --- with relations --------------------------------------------------------------------------- */

#define TAGS_NARROW_SEED 1

/* Of a relation: written to by who says what that invalidates. */
static uint64_t tags_narrow(uint64_t relation)
{
	return hash_bytes(&relation, sizeof(relation), TAGS_NARROW_SEED) |
	       (STRIPES_TAG_OIDS_MAX + 1);
}

static struct feed_tag_list tags_with_groups(const struct operation *operation,
					     const uint64_t *groups, uint64_t *tags, unsigned count)
{
	for (unsigned i = 0; i < operation->tags_count; i++)
		tags[count++] = groups[i];
	return (struct feed_tag_list){ tags, count };
}

/* A value that may be spelt otherwise elsewhere is of no group that could be found there. */
static bool tags_are_narrow(const struct operation *operation, const uint64_t *groups)
{
	for (unsigned i = 0; i < operation->tags_count; i++)
		if (groups[i] == STRIPES_TAG_ALL)
			return false;
	return operation->tags_count;
}

struct feed_tag_list feed_tags_read(const struct operation *operation, const uint64_t *groups,
				    const uint64_t *relations, size_t count, struct arena *arena)
{
	uint64_t *tags =
		arena_alloc(arena, (2 * count + operation->tags_count + 1) * sizeof(*tags));
	bool narrow = tags_are_narrow(operation, groups);
	unsigned at = 0;

	for (size_t i = 0; i < count; i++) {
		tags[at++] = relations[i];
		if (!narrow)
			tags[at++] = tags_narrow(relations[i]);
	}
	return tags_with_groups(operation, groups, tags, at);
}

struct feed_tag_list feed_tags_touched(const struct operation *operation, const uint64_t *groups,
				       struct arena *arena)
{
	const struct tag_set *set =
		atomic_load_explicit(&operation->statement->relations, memory_order_acquire);
	uint64_t relations[FEED_RELATIONS_OF_QUERY_MAX], *tags;
	size_t count = 0;

	if (!set || !tag_set_read(set, relations, &count)) {
		relations[0] = STRIPES_TAG_ALL;
		count = 1;
	}
	tags = arena_alloc(arena, (count + operation->tags_count + 1) * sizeof(*tags));
	for (size_t i = 0; i < count; i++)
		tags[i] = operation->tags_count && relations[i] != STRIPES_TAG_ALL
				  ? tags_narrow(relations[i])
				  : relations[i];
	return tags_with_groups(operation, groups, tags, (unsigned)count);
}
