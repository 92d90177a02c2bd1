/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials that clients of a fuzzer show: good ones, and such as were good, are forged or of
 * somebody else, each by a letter.
 */
#pragma once

#include "base/text.h"

#include <stddef.h>

struct shown {
	char letter;
	const char *id; /* of the principal that it is; NULL: it is not good */
	struct text text;
};

#define SHOWN 16

extern struct shown shown[SHOWN];

/* Makes their texts; once. Tokens are good for 12 hours from now. */
void shown_make(void);
/* NULL: none has this letter. */
struct shown *shown_by(char letter);
/* Lines of the keyring that they are of (http/auth/keyring.h). */
struct text shown_keys(void);
