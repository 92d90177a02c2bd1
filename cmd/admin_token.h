/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of --admin-token-file: one a line, so that two hold while one replaces the other. Who
 * shows one as `Authorization: Bearer TOKEN` may see all pages of the admin listener. Only their
 * SHA-256 is kept. Main thread.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADMIN_TOKENS_MAX 8
#define ADMIN_TOKEN_BYTES_MIN 16
#define ADMIN_TOKEN_HASH_BYTES 32

struct admin_tokens {
	uint8_t hashes[ADMIN_TOKENS_MAX][ADMIN_TOKEN_HASH_BYTES];
	unsigned count; /* 0: none was read */
};

/*
 * False: error says what is wrong with the file, and tokens is as it was. A file that others can
 * read is warned about.
 */
bool admin_tokens_read(struct admin_tokens *tokens, const char *path, char *error,
		       size_t error_room) must_check;
/* Is it "Bearer" and one of the tokens? In a time that does not depend on how much of it fits. */
bool admin_tokens_admit(const struct admin_tokens *tokens, struct text authorization) must_check;
