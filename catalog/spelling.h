/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of operations as other programs and people spell them: GetUserById, get-user-by-id,
 * users/by_id are one name in three habits. Never allocates.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Is it a name of ours: small letters, digits, underscores, parts joined by dots? Any length. */
bool spelling_is_good(struct text name) must_check;
/* Is it one name, but for case and for what stands between its words (_ - . / and blanks)? */
bool spelling_is_same(struct text a, struct text b) must_check;
/*
 * Writes the name as we spell it, without a NUL: a capital letter begins a word, words are joined
 * by underscores, dots stay. 0: no good name of at most room bytes becomes of it.
 */
size_t spelling_of_ours(struct text name, char *out, size_t room) must_check;
