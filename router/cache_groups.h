/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of @tags and @invalidates for caches in front (RFC 9875): the values of Cache-Groups and
 * Cache-Group-Invalidation, lists of strings of structured fields (RFC 9651), "orders", "orders:7".
 * Tables have no name there.
 *
 * A member is of visible ASCII and blanks: other bytes, % and # are %XX. One of more than
 * CACHE_GROUP_BYTES_MAX is # and the 16 digits of its hash. "*" is the last member of each answer;
 * what a value leaves open (router/feed_tags.h) makes "*" stale, and an answer is in no such group.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "catalog/catalog.h"

/* Of the arena; ptr NULL: it has no groups. values: by that shape. */
struct text cache_groups(const struct operation *operation, const struct shape *shape,
			 const char *const *values, struct arena *arena) must_check;
