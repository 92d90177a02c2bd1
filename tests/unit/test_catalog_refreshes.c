/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* What @refreshes may name: a query with @cache, and the values that it needs. */
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define QUERY "-- query: q :many\n"
#define CACHED                                                                                     \
	"-- query: shown :one\n-- @cache 5s\n-- @param id int\n-- @param max int = 5\n"            \
	"SELECT :id, :max;\n"
#define REFRESHES "-- command: x :one\n-- @refreshes "

static void what_a_command_refreshes_can_be_asked(void **state)
{
#define FORM " is missing: @refreshes QUERY(name = :param, …) [wait]"
	static const struct story stories[] = {
		{ CACHED REFRESHES "shown(id = :a)\nSELECT :a", NULL },
		{ CACHED REFRESHES "shown( id=:a , max = :b )  wait\nSELECT :a, :b", NULL },
		{ CACHED REFRESHES "shown(id = :a)\n-- @refreshes shown(id = :b) wait\n"
				   "SELECT :a, :b",
		  NULL },
		{ REFRESHES "all wait\nSELECT 1;\n-- query: all :many\n-- @cache 1s\nSELECT 1",
		  NULL },
		{ REFRESHES "all()\nSELECT 1;\n-- query: all :many\n-- @cache 1s\nSELECT "
			    ":request_user",
		  NULL },
		{ CACHED REFRESHES "\nSELECT 1",
		  "shop.sql:7:14: error: a value is missing: @refreshes QUERY(name = :param, …) "
		  "[wait]" },
		{ CACHED REFRESHES "shwon(id = :a)\nSELECT :a",
		  "shop.sql:7:15: error: there is no query \"shwon\"; did you mean \"shown\"?" },
		{ CACHED REFRESHES "x\nSELECT 1",
		  "shop.sql:7:15: error: x is a command, not a query" },
		{ QUERY "SELECT 1;\n-- command: y :one\n-- @refreshes q\nSELECT 1",
		  "shop.sql:4:15: error: q is not @cache: there is nothing to fill" },
		{ CACHED REFRESHES "shown(ids = :a, id = :a)\nSELECT :a",
		  "shop.sql:7:21: error: \"ids\" is no parameter of shown; did you mean \"id\"?" },
		{ CACHED REFRESHES "shown(id = :a, id = :a)\nSELECT :a",
		  "shop.sql:7:30: error: id is given twice" },
		{ CACHED REFRESHES "shown(max = :a)\nSELECT :a",
		  "shop.sql:7:15: error: id of shown is required: shown(id = :param)" },
		{ CACHED REFRESHES "shown(id = :c)\nSELECT :a",
		  "shop.sql:7:27: error: \"c\" is no parameter of the statement; did you mean "
		  "\"a\"?" },
		{ CACHED REFRESHES "shown(id = :request_user)\nSELECT :request_user",
		  "shop.sql:7:27: error: the query is asked for the same user as it is" },
		{ CACHED REFRESHES "shown(id = 5)\nSELECT 1", "shop.sql:7:26: error: \":\"" FORM },
		{ CACHED REFRESHES "shown(id)\nSELECT 1", "shop.sql:7:23: error: \"=\"" FORM },
		{ CACHED REFRESHES "shown(id = :a\nSELECT :a", "shop.sql:7:28: error: \")\"" FORM },
		{ CACHED REFRESHES "shown(id = :a) later\nSELECT :a",
		  "shop.sql:7:30: error: \"later\" is nothing that follows a query of @refreshes: "
		  "wait" },
	};

	STORY_CHECK(stories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_command_refreshes_can_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
