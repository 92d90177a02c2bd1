/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding a route is adding a row. A row that ends with / takes whatever follows: no operation has a
 * slash in its name, but who asks for users/list is answered that it is users.list.
 */
#include "http/head/route.h"

#include "http/head/head.h"

#include <stddef.h>
#include <string.h>

static const struct route_row {
	const char *path;
	enum route_kind kind;
	const char *allow;
} route_rows[] = {
	{ "/v1/queries/", ROUTE_QUERY, "GET, HEAD, POST, QUERY" },
	{ "/v1/commands/", ROUTE_COMMAND, "POST" },
	{ "/v1/jobs/", ROUTE_JOB, "GET, HEAD, DELETE" }, /* ID/events: ROUTE_JOB_EVENTS */
	{ "/openapi.json", ROUTE_DOCUMENT, "GET, HEAD" },
	{ "/docs", ROUTE_DOCS, "GET, HEAD" },
	{ "/docs/", ROUTE_DOCS, "GET, HEAD" },
};

#define ROUTE_EVENTS "/events"

#define ROUTE_ROWS (sizeof route_rows / sizeof route_rows[0])

static bool route_matches(const struct route_row *row, struct text path)
{
	size_t len = strlen(row->path);
	struct text rest;

	if (row->path[len - 1] != '/')
		return text_is(path, row->path);
	if (path.len < len || memcmp(path.ptr, row->path, len) != 0)
		return false;
	rest = (struct text){ path.ptr + len, path.len - len };
	return rest.len > 0;
}

/* /v1/jobs/ID/events. */
static bool route_is_events(const struct route *route)
{
	size_t len = strlen(ROUTE_EVENTS);

	return route->kind == ROUTE_JOB && route->name.len > len &&
	       memcmp(route->name.ptr + route->name.len - len, ROUTE_EVENTS, len) == 0;
}

struct route route_find(struct text target)
{
	const char *mark = memchr(target.ptr, '?', target.len);
	struct route route = { .kind = ROUTE_NONE, .path = target, .query = { "", 0 } };

	if (mark) {
		route.path.len = (size_t)(mark - target.ptr);
		route.query = (struct text){ mark + 1, target.len - route.path.len - 1 };
	}
	for (size_t i = 0; i < ROUTE_ROWS; i++) {
		const struct route_row *row = &route_rows[i];
		size_t len = strlen(row->path);

		if (!route_matches(row, route.path))
			continue;
		route.kind = row->kind;
		route.allow = row->allow;
		if (row->path[len - 1] == '/')
			route.name = (struct text){ route.path.ptr + len, route.path.len - len };
		break;
	}
	if (route_is_events(&route)) {
		route.kind = ROUTE_JOB_EVENTS;
		route.allow = "GET, HEAD";
		route.name.len -= strlen(ROUTE_EVENTS);
	}
	return route;
}

bool route_allows(const struct route *route, struct text method)
{
	struct text list = text_of(route->allow), allowed;

	if (!route->allow)
		return true;
	while (text_next(&list, ',', &allowed))
		if (text_equal(allowed, method))
			return true;
	return false;
}
