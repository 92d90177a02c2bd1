/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consistency tokens: a position and the branch it is on, signed. 1 byte version, 4 timeline, 4
 * hash of its history, 4 mark, 8 lsn (big endian), 16 MAC over these and the cluster's system
 * identifier, in URL-safe base64: 50 characters. Those of version 1, which know of no branch, are
 * read as well.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/sign.h"
#include "base/text.h"
#include "router/cluster/branch_position.h"

#include <stdbool.h>
#include <stdint.h>

/* One thread; remembers the last token made, since a batch shares its position. */
struct token_maker;

struct token_maker *token_maker_new(const uint8_t key[SIGN_KEY_BYTES],
				    uint64_t system_identifier) must_check;
void token_maker_free(struct token_maker *maker);
void token_make(struct token_maker *maker, struct branch_position token,
		char out[TOKEN_TEXT_MAX + 1]);
/* False: not a token of this cluster. */
bool token_read(struct token_maker *maker, struct text text,
		struct branch_position *token) must_check;
