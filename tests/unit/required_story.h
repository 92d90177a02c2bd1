/* SPDX-License-Identifier: Apache-2.0 */
/* A request with tokens, and promotions: for stories of what must be seen. */
#pragma once

#include "router/consistency/required.h"
#include "scene.h"

static const char row[] = "{\"id\":7}";

struct story {
	struct scene scene;
	struct asked asked;
	char tokens[TOKENS_MAX][TOKEN_TEXT_MAX + 1];
};

/* Set-up and tear-down of one. */
int begin(void **state);
int end(void **state);
/* Node 1 is the primary of timeline 2 from lsn 1500 on, which left timeline 1 at 1200; told: the
 * history is known. The router finds it with the next look. */
void promote(struct scene *scene, bool told);
/* One more token for a request that is not taken yet. */
void bring(struct story *story, struct position position);
/* A request, not taken yet; POSITION_NONE: without a token. */
void ask(struct story *story, enum request_kind kind, const char *user, struct position position);
/* The position of the token that the answer came with. */
struct position told(struct story *story);
void take(struct story *story);
