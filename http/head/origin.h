/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May the page that a browser shows ask this? Two attacks come through browsers, whose user the
 * attacker is not: a page whose own name is made to resolve to our address (DNS rebinding; its
 * requests are same-origin for the browser, only Host shows the name), and a page of another site
 * that sends a POST here without reading the answer. A pure function over four header values.
 *
 *   Host        while the listener is open to every client: an IP literal, localhost, or a --host.
 *               Ports are ignored, so are the case and one dot at the end.
 *   POST & Co.  from another site only where --cors-origin lists it. Another site is an Origin that
 *               is not the Host (default ports filled in; the scheme is not compared, since a proxy
 *               may have taken TLS off), or a Sec-Fetch-Site other than same-origin and none.
 *               "null" is never listed.
 *   GET, HEAD   change nothing, and without CORS headers the page cannot read the answer.
 *
 * What is not a browser sends neither Origin nor Sec-Fetch-Site, and has to name the right Host.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Of a listener; borrowed. */
struct origin_policy {
	bool checks_host;         /* the listener is open to every client */
	const char *const *hosts; /* --host */
	size_t hosts_count;
	const char *const *origins; /* --cors-origin */
	size_t origins_count;
};

struct origin_asked {
	struct text method;
	struct text host, origin, fetch_site; /* ptr NULL: absent (Host: only in HTTP/1.0) */
	bool several;                         /* more than one Origin or Sec-Fetch-Site */
};

enum origin_verdict {
	ORIGIN_OWN,    /* no browser, or a page of ours, or nothing that could do harm */
	ORIGIN_LISTED, /* a page of a --cors-origin: the reply has CORS headers */
	ORIGIN_FORBIDDEN_HOST,
	ORIGIN_FORBIDDEN,
};

enum origin_verdict origin_judge(const struct origin_policy *policy,
				 const struct origin_asked *asked) must_check;

/* For --host and --cors-origin. NULL: it can be compared; otherwise what it must be. */
const char *origin_wrong_host(const char *value) must_check;
const char *origin_wrong_origin(const char *value) must_check;
