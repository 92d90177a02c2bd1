/* SPDX-License-Identifier: Apache-2.0 */
/* A principal with all its texts in one piece of memory, so that it can be kept and handed on. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/principal.h"

#include <stddef.h>

/* How many bytes principal_pack needs. */
size_t principal_bytes(const struct principal *principal) must_check;
/* Copies it to memory, aligned for any type. Returns the copy, which is at its beginning. */
struct principal *principal_pack(void *memory, const struct principal *principal);
/* Copies one that principal_pack has made of so many bytes into the arena. */
const struct principal *principal_unpack(const struct principal *packed, size_t bytes,
					 struct arena *arena) must_check;
