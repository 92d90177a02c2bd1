/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients of bench/replay.c show, and who decides about it, as `cqrsd serve` would. */
#pragma once

#include "base/check.h"
#include "http/auth/auth.h"

#include <stdbool.h>

/*
 * "key": an API key, "jwt": a token of RS256; "no-key", "no-jwt": the same requests with
 * --auth none; "none": no credential. False: it is none of these. auth: what the listener is to be
 * given, NULL: every client is served. header: the line with the credential, CR LF included, or "".
 * Both last as long as the process. Whatever is asked for, the same is made, so that the heap of
 * the requests that follow is the same.
 */
bool replay_callers(const char *what, struct auth **auth, const char **header) must_check;
