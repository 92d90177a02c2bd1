/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command makes stale beyond tables, and what an answer is a part of: the groups of
 * @invalidates and @tags with the values of their parameters, as tags of the feed
 * (router/feed/stripes.h). The same on all instances, for values that are equal. Where that cannot
 * be said of a value by its text, the tag is STRIPES_TAG_ALL: such a command makes all stale.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/statement.h"
#include "catalog/catalog.h"

#include <stdint.h>

/* [operation->tags_count], of the arena; NULL: it has none. values: by that shape. */
const uint64_t *feed_tags(const struct operation *operation, const struct shape *shape,
			  const char *const *values, struct arena *arena) must_check;
