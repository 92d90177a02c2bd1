/* SPDX-License-Identifier: Apache-2.0 */
/* Which target leads where: a table, and a pure function over it. */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>

enum route_kind {
	ROUTE_QUERY,
	ROUTE_COMMAND,
	ROUTE_JOB,
	ROUTE_JOB_EVENTS,
	ROUTE_DOCUMENT, /* the OpenAPI document */
	ROUTE_DOCS,     /* the page made from it, and what that is made of */
	ROUTE_NONE,
};

struct route {
	enum route_kind kind;
	struct text path;  /* the target up to the ? */
	struct text name;  /* of the operation, or of the job, percent-encoded; ptr NULL: none */
	struct text query; /* after the ?, empty when there is none */
	const char *allow; /* the methods, as the Allow header says them; NULL: any */
};

/* target begins with /. */
struct route route_find(struct text target);
bool route_allows(const struct route *route, struct text method) must_check;
