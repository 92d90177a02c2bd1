/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of one loop that were verified, until they are over or the keys change. Bounded in number
 * and in bytes: the one that was used least recently gives way. What was refused is not kept, so a
 * flood of bad tokens displaces nothing.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/principal.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

struct jwt_cache;

/* entries_max: rounded up to a power of two for the table. */
struct jwt_cache *jwt_cache_new(size_t entries_max, size_t bytes_max) must_check;
void jwt_cache_free(struct jwt_cache *cache);
void jwt_cache_clear(struct jwt_cache *cache);
/* Who it is, copied into the arena; NULL: it is not there, or over (principal->expires_s). */
const struct principal *jwt_cache_find(struct jwt_cache *cache, struct text token, int64_t now_s,
				       struct arena *arena) must_check;
/* It is not there. Copies both. */
void jwt_cache_add(struct jwt_cache *cache, struct text token, const struct principal *principal);
size_t jwt_cache_count(const struct jwt_cache *cache);
size_t jwt_cache_bytes(const struct jwt_cache *cache);
