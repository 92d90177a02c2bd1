/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* @deprecated: which days there are, what may be called instead, and the headers that say so. */
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OTHER "-- query: other :many\nSELECT 1;\n"
#define QUERY OTHER "-- query: q :many\n-- @deprecated "
#define NO_DAY(text) "shop.sql:4:16: error: @deprecated is a day, as 2027-03-31, not \"" text "\""

static void days_and_successors_are_read(void **state)
{
	static const struct story stories[] = {
		{ QUERY "2027-03-31\nSELECT 1", NULL },
		{ QUERY "1970-01-01\nSELECT 1", NULL },
		{ QUERY "2028-02-29 use=other\nSELECT 1", NULL },
		{ "-- query: q :many\n-- @deprecated 2027-03-31 use=later\nSELECT 1;\n"
		  "-- command: later :exec\nSELECT 1",
		  NULL },
		{ QUERY "2027-02-29\nSELECT 1", NO_DAY("2027-02-29") },
		{ QUERY "2027-13-01\nSELECT 1", NO_DAY("2027-13-01") },
		{ QUERY "2027-00-10\nSELECT 1", NO_DAY("2027-00-10") },
		{ QUERY "2027-04-31\nSELECT 1", NO_DAY("2027-04-31") },
		{ QUERY "1969-12-31\nSELECT 1", NO_DAY("1969-12-31") },
		{ QUERY "2027-3-31\nSELECT 1", NO_DAY("2027-3-31") },
		{ QUERY "31.03.2027\nSELECT 1", NO_DAY("31.03.2027") },
		{ QUERY "2027-03-311\nSELECT 1", NO_DAY("2027-03-311") },
		{ QUERY "use=other\nSELECT 1", NO_DAY("use=other") },
		{ QUERY "2027-03-31 use=othr\nSELECT 1",
		  "shop.sql:4:31: error: there is no operation \"othr\"; did you mean \"other\"?" },
		{ QUERY "2027-03-31 use=q\nSELECT 1",
		  "shop.sql:4:31: error: q is what is deprecated: use= names what to call "
		  "instead" },
		{ QUERY "2027-03-31 use=other use=other\nSELECT 1",
		  "shop.sql:4:37: error: \"use=other\" does not belong in @deprecated DATE "
		  "[use=NAME]" },
		{ QUERY "2027-03-31 sue=other\nSELECT 1",
		  "shop.sql:4:27: error: \"sue=other\" does not belong in @deprecated DATE "
		  "[use=NAME]; did you mean \"use\"?" },
	};

	STORY_CHECK(stories);
}

static void headers_say_the_day_and_what_to_call(void **state)
{
	struct catalog *catalog =
		story_catalog(QUERY "2027-03-31 use=other\nSELECT 1;\n"
				    "-- command: x :exec\n-- @deprecated 2028-02-29\nSELECT 1");
	const struct deprecation *query =
		&catalog_find(catalog, REQUEST_QUERY, TEXT("q"))->deprecated.headers;
	const struct deprecation *command =
		&catalog_find(catalog, REQUEST_COMMAND, TEXT("x"))->deprecated.headers;

	assert_string_equal(query->since, "@1806451200");
	assert_string_equal(query->sunset, "Wed, 31 Mar 2027 00:00:00 GMT");
	assert_string_equal(query->link, "</v1/queries/other>; rel=\"successor-version\"");
	assert_string_equal(command->since, "@1835395200");
	assert_string_equal(command->sunset, "Tue, 29 Feb 2028 00:00:00 GMT");
	assert_null(command->link);
	assert_null(catalog_find(catalog, REQUEST_QUERY, TEXT("other"))->deprecated.headers.since);
	catalog_let_go(catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_successors_are_read),
		cmocka_unit_test(headers_say_the_day_and_what_to_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
