/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key set by https, with libcurl, which no other file knows: no redirects, no more than
 * JWKS_BYTES_MAX, no longer than JWKS_FETCH_MS_MAX; the server's certificate is verified by the
 * system's authorities, or those of the file that SSL_CERT_FILE names. Blocks its thread.
 */
#pragma once

#include "base/check.h"
#include "http/auth/jwks_refresh.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Is it a URL, and no file? */
bool jwks_is_url(const char *name) must_check;
/* NULL: it may be fetched: https, or http to loopback, without user and password. */
const char *jwks_url_wrong(const char *url) must_check;
/* Before other threads begin. */
void jwks_fetch_setup(void);
/* False: error says why. stopping: gives up soon after it is set, without an error. */
bool jwks_fetch(const char *url, const atomic_bool *stopping,
		struct jwks_answer *answer) must_check;
/* "7.88.1" */
const char *jwks_library_version(void);
