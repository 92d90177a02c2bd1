/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request line and the headers of one request, as they came in: borrowed from libmicrohttpd for
 * the time of its first handler call, only looked at, never changed.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;

struct header {
	struct text name, value; /* the value without white space around it */
};

struct head {
	struct text method, target, version; /* target: raw, before anything was decoded */
	struct header headers[HEADERS_MAX];
	size_t count;
	bool too_many;   /* headers: more than HEADERS_MAX */
	bool line_noise; /* bytes that became no header: NUL, a folded line, a bare LF */

	/* Whom it is for, and by what a page is known (http/origin.h); ptr NULL: absent. */
	struct text host, origin, fetch_site;
	bool several_hosts;
	bool several_origins; /* Origin or Sec-Fetch-Site came more than once */
};

/* Where the lines of a request lie in the library's buffer, for line_noise. */
struct head_lines {
	const char *method, *version; /* as given to the handler */
	const char *target; /* as given to the log callback; NULL: do not look for noise */
	size_t bytes;       /* of the whole head, from method on */
};

/* Fills head from the connection; raw is a copy of the target. */
void head_collect(struct head *head, struct MHD_Connection *connection, struct text raw,
		  const struct head_lines *lines);

/* Adds one; there is room. */
void head_add(struct head *head, struct text name, struct text value);

/* The first header of that name, or NULL. name in lower case. */
const struct header *head_find(const struct head *head, const char *name);
size_t head_count(const struct head *head, const char *name);

/* ASCII letters of either case are the same. */
bool text_is_caseless(struct text text, const char *string);
/* Without spaces and tabs at both ends. */
struct text text_trim(struct text text);
/* Takes the next element off the front of a list, trimmed, no empty ones; false: none is left. */
bool text_next(struct text *list, char separator, struct text *element) must_check;
