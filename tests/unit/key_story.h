/* SPDX-License-Identifier: Apache-2.0 */
/* API keys for tests, the same in each run, and their lines as a database and a file have them. */
#pragma once

#include "base/buf.h"
#include "http/auth/key_text.h"

#include <stdint.h>

/* The key of that id whose secret is made of that number; valid until the next call. */
const char *key_story_text(const char *id, uint8_t secret);
/* Appends the line of a key: "ID sha256:… name=NAME MORE", with a line end between two lines. */
void key_story_add_line(struct buf *lines, const char *key, const char *name, const char *more);
