/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refuses requests whose length, host or target is ambiguous, so that a proxy before us and we can
 * never read two different requests out of the same bytes. A pure function over a struct head.
 *
 * libmicrohttpd before 1.0 accepts nearly everything; with it the listener also compares where the
 * lines lie in its buffer, which shows folded lines, bare LF and NUL between the headers
 * (head->line_noise). What remains unseen there are chunk lines and trailers that end with LF
 * alone. So with it no request is ever read behind a chunked body: the connection ends there.
 *
 * Some refusals are the library's own, before any of our code is asked, and end the connection: a
 * request line without a version or with an unknown major one, a header line without a colon, a
 * Content-Length that is no number, a malformed chunk, a request line (414) or headers (431) that
 * do not fit --http-connection-memory. Before 1.0 they are given a problem document where it can
 * be told whom they are for (http/refusal.h); otherwise they carry the library's short HTML.
 */
#pragma once

#include "base/check.h"
#include "http/head/head.h"

/* NULL: fine. Otherwise the sentence for the 400, after which the connection is closed. */
const char *guard_refusal(const struct head *head) must_check;
