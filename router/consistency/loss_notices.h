/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users who need not be told any more that those whom the table of sessions has forgotten may have
 * lost a write: they were told, or they left the table with nothing lost. Bounded: a user without
 * room gets the notice again. Of a newer timeline it begins anew. Shared between threads, no lock;
 * only hashes are kept, so that of very many users one may be taken for another (1 of 2^45).
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loss_notices;

/* users: how many it has room for, about. The memory is touched only as it fills. */
struct loss_notices *loss_notices_new(size_t users) must_check;
void loss_notices_free(struct loss_notices *notices);
/* Any thread. hash: of the user. timeline: since which writes may be lost. False: no room. */
bool loss_notices_put(struct loss_notices *notices, uint64_t hash, uint32_t timeline);
bool loss_notices_has(const struct loss_notices *notices, uint64_t hash,
		      uint32_t timeline) must_check;
