/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users who need not be told any more that those whom the table of sessions has forgotten may have
 * lost a write: they were told, or they left the table with nothing lost. Bounded: whoever finds no
 * room is told again. Of a newer timeline it begins anew. Shared between threads, no lock; only
 * hashes are kept, so that of very many users one may be taken for another (1 of 2^45).
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct told;

/* users: how many it has room for, about. The memory is touched only as it fills. */
struct told *told_new(size_t users) must_check;
void told_free(struct told *told);
/* Any thread. hash: of the user. timeline: since which writes may be lost. False: no room. */
bool told_put(struct told *told, uint64_t hash, uint32_t timeline);
bool told_has(const struct told *told, uint64_t hash, uint32_t timeline) must_check;
