/* SPDX-License-Identifier: Apache-2.0 */
/* A file of `key = value` lines; # at the start of a line or after white space begins a comment. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_BYTES_MAX (1 << 20)

struct config {
	const char *path;
	char *at;      /* what is still to be read */
	unsigned line; /* of the pair that was read last */
};

/* A whole file, NUL-terminated, in the arena. NULL: error holds one line. It may not hold NULs. */
char *config_slurp(const char *path, struct arena *arena, char *error,
		   size_t error_room) must_check;

/* False: cannot be read. */
bool config_open(struct config *config, const char *path, struct arena *arena, char *error,
		 size_t error_room) must_check;

enum config_step { CONFIG_PAIR, CONFIG_END, CONFIG_WRONG };

/*
 * The next pair, NUL-terminated, in the arena. A value in double quotes keeps its spaces and its #.
 * CONFIG_WRONG: error holds "path:line: key: …", or "path:line: …" where there is no key.
 */
enum config_step config_next(struct config *config, char **key, char **value, char *error,
			     size_t error_room) must_check;
