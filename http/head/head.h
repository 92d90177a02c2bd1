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
#include <string.h>
#include <strings.h>

struct MHD_Connection;

struct header {
	struct text name, value; /* the value without white space around it */
};

struct head {
	struct text method, target, version; /* target: raw, before anything was decoded */
	struct header headers[HEADERS_MAX];
	size_t count;
	uint64_t lengths; /* bit n: a name of n bytes is there; 63: of 63 or more */
	bool too_many;    /* headers: more than HEADERS_MAX */
	bool line_noise;  /* bytes that became no header: NUL, a folded line, a bare LF */

	/* Whom it is for, and by what a page is known (http/head/origin.h); ptr NULL: absent. */
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

/*
 * The name of a header that comes before all others and is none of the client's: an empty cookie.
 * The library copies the first cookie that it finds and makes a record of each of its pieces, which
 * nothing here reads; so it finds an empty one (listener.c). head_collect passes it over.
 */
extern const char head_no_cookie[];

/* Fills head from the connection; raw is a copy of the target. */
void head_collect(struct head *head, struct MHD_Connection *connection, struct text raw,
		  const struct head_lines *lines);

/* Adds one; there is room. */
void head_add(struct head *head, struct text name, struct text value);

const struct header *head_find_text(const struct head *head, struct text name);
size_t head_count_text(const struct head *head, struct text name);

static inline uint64_t head_length_bit(size_t len)
{
	return UINT64_C(1) << (len < 63 ? len : 63);
}

/*
 * The first header of that name, or NULL. name in lower case. Inline: most names are literals that
 * are not there, which their length tells without reading the headers.
 */
static inline const struct header *head_find(const struct head *head, const char *name)
{
	size_t len = strlen(name);

	if (!(head->lengths & head_length_bit(len)))
		return NULL;
	return head_find_text(head, (struct text){ name, len });
}

static inline size_t head_count(const struct head *head, const char *name)
{
	size_t len = strlen(name);

	if (!(head->lengths & head_length_bit(len)))
		return 0;
	return head_count_text(head, (struct text){ name, len });
}

/* ASCII letters of either case are the same. */
static inline bool text_is_caseless(struct text text, const char *string)
{
	return text.len == strlen(string) && strncasecmp(text.ptr, string, text.len) == 0;
}
/* Without spaces and tabs at both ends. */
struct text text_trim(struct text text);
/* Takes the next element off the front of a list, trimmed, no empty ones; false: none is left. */
bool text_next(struct text *list, char separator, struct text *element) must_check;
