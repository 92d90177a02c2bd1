/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credential in the head of a request: `Authorization: Bearer …`, once. The scheme in either
 * case, then blanks, then one word of the characters of RFC 6750, nothing else. Pure; what it finds
 * is borrowed of the head, and was not verified.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "base/text.h"
#include "http/head/head.h"

#include <stdbool.h>
#include <stddef.h>

enum credential_kind {
	CREDENTIAL_NONE,
	CREDENTIAL_KEY,     /* an API key, by how it begins */
	CREDENTIAL_JWT,     /* three parts */
	CREDENTIAL_UNKNOWN, /* of another scheme, or a word that is neither */
	CREDENTIAL_BROKEN,  /* Bearer, and nothing else: 400 */
	CREDENTIAL_SEVERAL, /* more than one header: 400 */
};

struct credential {
	enum credential_kind kind;
	struct text text; /* what follows the scheme; ptr NULL: no Bearer, or several */
};

struct credential credential_find(const struct head *head) must_check;
/*
 * Is it one word of the characters that it may have? credential_find does not look: of a credential
 * that is known byte by byte it is one. Any other one is 400 instead of 401.
 */
bool credential_is_word(struct text text) must_check;
/*
 * Is one among these parameters of the query string, where logs of proxies keep it? By the name
 * that RFC 6750 has for it, access_token, or by what the value looks like.
 */
bool credential_in_query(const struct pair *pairs, size_t count) must_check;
/* For metrics and logs: "key", "jwt", "anonymous", "unknown". */
const char *credential_kind_name(enum credential_kind kind);
