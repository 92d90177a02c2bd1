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

static uint64_t tag_of(const struct tag *tag, const struct shape *shape, const char *const *values,
		       struct buf *out)
{
	uint64_t hash;

	buf_clear(out);
	for (unsigned i = 0; i < tag->parts_count; i++) {
		const struct tag_part *part = &tag->parts[i];

		buf_string(out, i ? ":" : "");
		if (!part->param)
			buf_text(out, part->name);
		else if (!tag_add_value(out, shape->param_types[part->param - 1],
					values[part->param - 1]))
			return STRIPES_TAG_ALL;
	}
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
	buf_init(&out);
	for (unsigned i = 0; i < operation->tags_count; i++)
		tags[i] = tag_of(&operation->tags[i], shape, values, &out);
	buf_fini(&out);
	return tags;
}
