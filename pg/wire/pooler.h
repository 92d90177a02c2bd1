/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between cqrsd and a node: nothing, a pooler that gives each connection a server of
 * its own (session mode), or one that does not. In session mode no two connections of ours have the
 * same backend; so two that have it, or one whose backend changes, prove another mode: prepared
 * statements and settings do not hold there, and the node is refused for POOLER_SHARED_US. One per
 * node, seen by all loops; a lock, held for the time of a lookup, when a conn is made or closed.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

/* For people: log lines, /readyz, check. */
#define POOLER_SHARED                                                                              \
	"a pooler that shares its server connections stands in between: use its session mode "     \
	"(pool_mode = session), or name PostgreSQL itself"

struct pooler;

struct pooler *pooler_new(void) must_check;
/* No conn is entered any more. */
void pooler_free(struct pooler *pooler);

/* Does it take the startup parameter "options", as far as is known? */
bool pooler_takes_options(const struct pooler *pooler) must_check;
void pooler_refused_options(struct pooler *pooler);

/* A conn was made on this backend: its number and the start of its server, mixed; not 0. False:
 * another conn has it, so it is shared; the conn is not entered. */
bool pooler_enter(struct pooler *pooler, uint64_t backend, int64_t now_us) must_check;
void pooler_leave(struct pooler *pooler, uint64_t backend);
/* A conn was found on another backend than the one it was made on. */
void pooler_caught(struct pooler *pooler, int64_t now_us);
/* Was it found to share, lately? Then no conn through a pooler is used. */
bool pooler_is_shared(const struct pooler *pooler, int64_t now_us) must_check;
