/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command makes stale beyond tables, and what an answer is a part of: the groups of
 * @invalidates and @tags with the values of their parameters, as tags of the feed
 * (router/feed/stripes.h). The same on all instances, for values that are equal. Where that cannot
 * be said of a value by its text, the tag is STRIPES_TAG_ALL: such a command makes all stale.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/statement.h"
#include "catalog/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [operation->tags_count], of the arena; NULL: it has none. values: by that shape. */
const uint64_t *feed_tags(const struct operation *operation, const struct shape *shape,
			  const char *const *values, struct arena *arena) must_check;

/* Adds a group as it is hashed; false: by the text of a value it cannot be said which it is. */
bool feed_tag_text(const struct tag *tag, const struct shape *shape, const char *const *values,
		   struct buf *out) must_check;
/* With room for each single group of that operation as it is hashed; of the arena: it is not to be
 * freed, nor to hold more. */
struct buf feed_tag_buf(const struct operation *operation, const char *const *values,
			struct arena *arena) must_check;

/*
 * With relations. A command that says what it invalidates narrows what its writing to a table
 * touches: answers with groups of their own (@tags) are touched by these groups only; all others of
 * that table are. Who writes without saying it, and the feed, touches all of them.
 */
struct feed_tag_list {
	const uint64_t *items; /* [count], of the arena */
	unsigned count;
};

/* What touches an answer of that query, which reads these relations. groups: feed_tags of it. */
struct feed_tag_list feed_tags_read(const struct operation *operation, const uint64_t *groups,
				    const uint64_t *relations, size_t count, struct arena *arena);
/* What that command touches; its relations are not known: all there is. groups: likewise. */
struct feed_tag_list feed_tags_touched(const struct operation *operation, const uint64_t *groups,
				       struct arena *arena);
