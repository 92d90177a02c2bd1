/* SPDX-License-Identifier: Apache-2.0 */
/*
 * If-None-Match (RFC 9110, 13.1.2): which contents does the client have? * or a list of entity tags
 * (8.8.3), in one line or several. What is no entity tag is passed over, up to the next comma; an
 * unquoted word is none, and * is none beside others.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "http/head/head.h"

#include <stdbool.h>

/* Its lines as one list, in the arena; ptr NULL: there is none. */
struct text if_none_match_find(const struct head *head, struct arena *arena) must_check;

/* Is the tag among them? Compared weakly: W/ does not matter. opaque: without its quotes. */
bool if_none_match_has(struct text list, struct text opaque) must_check;
