/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value is text of the client: no byte of it may end its string, or the header. On the way of a
 * hit: memory is of the arena alone.
 */
#include "router/cache_groups.h"

#include "base/buf.h"
#include "base/hash.h"
#include "router/feed_tags.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define CACHE_GROUP_BYTES_MAX 64
#define CACHE_GROUPS_SEED 0
/* Beyond its bytes: what stands around it, and its last byte as %XX. */
#define CACHE_GROUP_ROOM (CACHE_GROUP_BYTES_MAX + 8)

static void groups_put_hex(struct buf *out, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_byte(out, '%');
	buf_byte(out, digits[byte >> 4]);
	buf_byte(out, digits[byte & 15]);
}

/* What is between the quotes; before is its beginning in out. */
static void groups_put_escaped(struct buf *out, const struct buf *group, size_t before)
{
	for (size_t i = 0; i < group->len && out->len - before <= CACHE_GROUP_BYTES_MAX; i++) {
		unsigned char byte = (unsigned char)group->ptr[i];

		if (byte < ' ' || byte > '~' || byte == '%' || byte == '#') {
			groups_put_hex(out, byte);
			continue;
		}
		if (byte == '"' || byte == '\\')
			buf_byte(out, '\\');
		buf_byte(out, (char)byte);
	}
	if (out->len - before <= CACHE_GROUP_BYTES_MAX)
		return;
	out->len = before;
	buf_printf(out, "#%016llx",
		   (unsigned long long)hash_bytes(group->ptr, group->len, CACHE_GROUPS_SEED));
}

static void groups_put(struct buf *out, const struct buf *group)
{
	buf_string(out, out->len ? ", \"" : "\"");
	groups_put_escaped(out, group, out->len);
	buf_byte(out, '"');
}

struct text cache_groups(const struct operation *operation, const struct shape *shape,
			 const char *const *values, struct arena *arena)
{
	size_t room = (size_t)(operation->tags_count + 1) * CACHE_GROUP_ROOM;
	bool all = operation->kind == REQUEST_QUERY;
	struct buf out, group;

	if (!operation->tags_count)
		return (struct text){ NULL, 0 };
	out = (struct buf){ .ptr = arena_alloc(arena, room), .room = room };
	group = feed_tag_buf(operation, values, arena);
	for (unsigned i = 0; i < operation->tags_count; i++) {
		buf_clear(&group);
		if (feed_tag_text(&operation->tags[i], shape, values, &group))
			groups_put(&out, &group);
		else
			all = true;
	}
	if (all)
		buf_string(&out, out.len ? ", \"*\"" : "\"*\"");
	assert(out.room == room);
	return (struct text){ out.ptr, out.len };
}
