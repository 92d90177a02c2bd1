/* SPDX-License-Identifier: Apache-2.0 */
/* Which target leads where. */
#include "http/head/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_targets_lead_where_the_table_says(void **state)
{
	static const struct {
		const char *target;
		enum route_kind kind;
		const char *name; /* NULL: none */
		const char *query;
	} rows[] = {
		{ "/v1/queries/orders", ROUTE_QUERY, "orders", "" },
		{ "/v1/queries/a.b?x=1&y", ROUTE_QUERY, "a.b", "x=1&y" },
		{ "/v1/queries/a%2Fb", ROUTE_QUERY, "a%2Fb", "" },
		{ "/v1/queries/a??", ROUTE_QUERY, "a", "?" },
		{ "/v1/commands/place", ROUTE_COMMAND, "place", "" },
		{ "/v1/queries/", ROUTE_NONE, NULL, "" },
		{ "/v1/queries", ROUTE_NONE, NULL, "" },
		{ "/v1/queries/?a=/b", ROUTE_NONE, NULL, "a=/b" },
		{ "/v1/queries/a/b", ROUTE_QUERY, "a/b", "" },
		{ "/v1/queries//", ROUTE_QUERY, "/", "" },
		{ "/V1/queries/a", ROUTE_NONE, NULL, "" },
		{ "/v2/queries/a", ROUTE_NONE, NULL, "" },
		{ "/v1/jobs/06A?x=1", ROUTE_JOB, "06A", "x=1" },
		{ "/v1/jobs/a/b", ROUTE_JOB, "a/b", "" },
		{ "/v1/jobs/events", ROUTE_JOB, "events", "" },
		{ "/v1/jobs/1/events", ROUTE_JOB_EVENTS, "1", "" },
		{ "/v1/jobs/", ROUTE_NONE, NULL, "" },
		{ "/openapi.json", ROUTE_DOCUMENT, NULL, "" },
		{ "/openapi.json5", ROUTE_NONE, NULL, "" },
		{ "/docs", ROUTE_DOCS, NULL, "" },
		{ "/docs/", ROUTE_NONE, NULL, "" },
		{ "/docs/docs.js?x", ROUTE_DOCS, "docs.js", "x" },
		{ "/", ROUTE_NONE, NULL, "" },
		{ "//v1/queries/a", ROUTE_NONE, NULL, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route route = route_find(text_of(rows[i].target));

		if (route.kind != rows[i].kind)
			fail_msg("%s leads to %u", rows[i].target, route.kind);
		assert_int_equal(route.name.ptr != NULL, rows[i].name != NULL);
		if (rows[i].name)
			assert_true(text_is(route.name, rows[i].name));
		assert_true(text_is(route.query, rows[i].query));
	}
}

static void test_methods_are_told_apart(void **state)
{
	struct route query = route_find(TEXT("/v1/queries/a"));
	struct route command = route_find(TEXT("/v1/commands/a"));
	struct route job = route_find(TEXT("/v1/jobs/a"));

	assert_true(route_allows(&query, TEXT("GET")));
	assert_true(route_allows(&query, TEXT("HEAD")));
	assert_true(route_allows(&query, TEXT("POST")));
	assert_true(route_allows(&query, TEXT("QUERY")));
	assert_false(route_allows(&query, TEXT("DELETE")));
	assert_false(route_allows(&query, TEXT("GE")));
	assert_true(route_allows(&command, TEXT("POST")));
	assert_false(route_allows(&command, TEXT("GET")));
	assert_false(route_allows(&command, TEXT("QUERY")));
	assert_true(route_allows(&job, TEXT("GET")));
	assert_true(route_allows(&job, TEXT("DELETE")));
	assert_false(route_allows(&job, TEXT("POST")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets_lead_where_the_table_says),
		cmocka_unit_test(test_methods_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
