/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs from a few lines of text, for tests: what they hold, or what is said to be wrong. */
#pragma once

#include "catalog/catalog.h"

/* Must be sound; the caller lets it go. The file is called "shop.sql". */
struct catalog *story_catalog(const char *text);
/* Must be sound and hold one operation. */
const struct operation *story_operation(struct catalog **catalog, const char *text);
/* Everything that is wrong, one line each without the last newline; valid until the next call. */
const char *story_errors(const char *text);

/* A text and what is said of it; NULL: nothing. */
struct story {
	const char *text, *errors;
};
void story_check(const struct story *stories, size_t count);

#define STORY_CHECK(stories) story_check(stories, sizeof(stories) / sizeof((stories)[0]))
