/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* @lookup by PARAM: a caller gives one, the statement takes an array of them. */
#include "catalog/lookup.h"

#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WRITE                                                                                      \
	"write \"@lookup by PARAM\": the name of the parameter that the statement takes an array of"
#define QUERY "-- query: q :many\n-- @lookup by id\n"

static void check(const char *text, unsigned lookup, const char *sent, const char *type)
{
	struct catalog *catalog;
	const struct operation *operation = story_operation(&catalog, text);
	const struct statement *statement = operation->statement;

	assert_int_equal(statement->lookup, lookup);
	assert_string_equal(statement->key, "id");
	assert_string_equal(statement->text, sent);
	assert_string_equal(operation->parameters[lookup - 1].name, "id");
	if (type)
		assert_string_equal(statement->param_types[lookup - 1], type);
	else
		assert_null(statement->param_types[lookup - 1]);
	catalog_let_go(catalog);
}

static void the_placeholder_stands_for_an_array(void **state)
{
	(void)state;
	check(QUERY "SELECT id FROM t WHERE id = ANY(:id)", 1,
	      "SELECT id FROM t WHERE id = ANY($1)", NULL);
	check(QUERY "SELECT :a, id FROM t WHERE id = ANY(:id) AND :id IS NOT NULL", 2,
	      "SELECT $1, id FROM t WHERE id = ANY($2) AND $2 IS NOT NULL", NULL);
	check("-- query: q :one\n-- @lookup by :id\nSELECT id FROM t WHERE id = ANY(:id)", 1,
	      "SELECT id FROM t WHERE id = ANY($1)", NULL);
}

static void a_declared_type_is_that_of_one(void **state)
{
	(void)state;
	check(QUERY "-- @param id int What is sought\nSELECT id FROM t WHERE id = ANY(:id)", 1,
	      "SELECT id FROM t WHERE id = ANY($1)", "int[]");
	check("-- query: q :maybe\n-- @param id \"my\".\"Mood\"? = sad\n-- @lookup by id\nSELECT "
	      "ANY(:ids)",
	      1, "SELECT ANY($1)", "\"my\".\"Mood\"[]");
}

static void the_name_with_an_s_stands_for_it_as_well(void **state)
{
	(void)state;
	check(QUERY "SELECT id FROM t WHERE id = ANY(:ids)", 1,
	      "SELECT id FROM t WHERE id = ANY($1)", NULL);
	check(QUERY "-- @param id int\n-- @param x int\nSELECT ANY(:ids), :x", 1,
	      "SELECT ANY($1), $2", "int[]");
}

static void one_that_is_declared_is_a_parameter_of_its_own(void **state)
{
	(void)state;
	check(QUERY "-- @param id int\n-- @param ids int[]\nSELECT ANY(:id), :ids", 1,
	      "SELECT ANY($1), $2", "int[]");
}

static void what_a_lookup_cannot_be_is_told_at_its_place(void **state)
{
	static const struct story stories[] = {
		{ "-- query: q :many\n-- @lookup id\nSELECT id = ANY(:id)",
		  "shop.sql:2:12: error: " WRITE },
		{ "-- query: q :many\n-- @lookup by\nSELECT id = ANY(:id)",
		  "shop.sql:2:12: error: " WRITE },
		{ "-- query: q :many\n-- @lookup by id code\nSELECT id = ANY(:id)",
		  "shop.sql:2:12: error: " WRITE },
		{ QUERY "SELECT :idd",
		  "shop.sql:2:15: error: the statement has no parameter \"id\": write … = "
		  "ANY(:id); did you mean \"idd\"?" },
		{ "-- query: q :exec\n-- @lookup by id\nSELECT id = ANY(:id)",
		  "shop.sql:2:15: error: @lookup is for :one, :maybe and :many: an :exec returns "
		  "no rows" },
		{ "-- command: c :one\n-- @lookup by id\nSELECT id = ANY(:id)",
		  "shop.sql:2:4: error: @lookup is for a query, not for a command" },
		{ QUERY "-- @coalesce off\nSELECT id = ANY(:id)",
		  "shop.sql:2:15: error: @lookup and \"@coalesce off\" exclude each other" },
		{ QUERY "-- @param id int[]\nSELECT id = ANY(:id)",
		  "shop.sql:3:11: error: a caller gives one \"id\", @lookup makes an array of it: "
		  "declare it without []" },
		{ QUERY "SELECT id = ANY(:id) OR id = ANY(:ids)",
		  "shop.sql:3:34: error: :id stands for the array of @lookup already; if :ids is "
		  "another parameter, declare all of them with @param" },
		{ "-- query: q :many\n-- @lookup by request_user\nSELECT ANY(:request_user)",
		  "shop.sql:2:15: error: \"request_user\" is the request's user, and no key that a "
		  "caller asks for" },
		{ QUERY "-- @lookup by id\nSELECT id = ANY(:id)",
		  "shop.sql:3:4: error: @lookup is given twice" },
		{ QUERY "-- @param other int\nSELECT ANY(:ids), :other",
		  "shop.sql:4:12: error: parameter \"id\" is not declared; if one is, all must be\n"
		  "shop.sql:2:15: error: the statement has no parameter \"id\": write … = "
		  "ANY(:id)" },
	};

	(void)state;
	STORY_CHECK(stories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_placeholder_stands_for_an_array),
		cmocka_unit_test(a_declared_type_is_that_of_one),
		cmocka_unit_test(the_name_with_an_s_stands_for_it_as_well),
		cmocka_unit_test(one_that_is_declared_is_a_parameter_of_its_own),
		cmocka_unit_test(what_a_lookup_cannot_be_is_told_at_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
