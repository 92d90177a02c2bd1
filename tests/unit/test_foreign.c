/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* Files of other tools: which header and which parameter to write instead. */
#include "catalog/draft.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD "-- query: q :many\n"

/* Each header, with the statement behind it, and the one to write. */
static void check_headers(const char *tool, const char *const (*headers)[3], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[512], expected[256];
		const char *said;

		snprintf(text, sizeof(text), "%s\n%s;\n", headers[i][0], headers[i][1]);
		said = story_errors(text);
		snprintf(expected, sizeof(expected),
			 "shop.sql:1:4: error: a header of %s: write \"-- %s\"", tool,
			 headers[i][2]);
		if (!said || strcmp(said, expected) != 0)
			fail_msg("\n%s\n%s\n%s", text, said ? said : "nothing", expected);
	}
}

#define CHECK_HEADERS(tool, headers)                                                               \
	check_headers(tool, headers, sizeof(headers) / sizeof(headers[0]))

static void headers_of_sqlc_are_told_in_ours(void **state)
{
	static const char *const headers[][3] = {
		{ "-- name: GetAuthor :one", "SELECT 1", "query: get_author :one" },
		{ "-- name: ListAuthors :many", "SELECT 1", "query: list_authors :many" },
		{ "-- name: CreateAuthor :one", "INSERT INTO a VALUES (1) RETURNING *",
		  "command: create_author :one" },
		{ "-- name: DeleteAuthor :exec", "DELETE FROM a", "command: delete_author :exec" },
		{ "-- name: TouchAuthors :execrows", "UPDATE a SET b = 1",
		  "command: touch_authors :exec" },
		{ "-- name: LockAuthor :one", "SELECT * FROM a FOR UPDATE",
		  "command: lock_author :one" },
		{ "-- name: MoveAll :many", "WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d",
		  "command: move_all :many" },
		{ "/* name: GetAuthor :one */", "SELECT 1", "query: get_author :one" },
		{ "-- name: größe :one", "SELECT 1", "query: NAME :one" },
	};

	CHECK_HEADERS("sqlc", headers);
}

static void headers_of_pgtyped_are_told_in_ours(void **state)
{
	static const char *const headers[][3] = {
		{ "/* @name GetAllUsers */", "SELECT 1", "query: get_all_users :many" },
		{ "/* @name AddUser */", "INSERT INTO u VALUES (1)", "command: add_user :exec" },
		{ "/* @name AddUser */", "INSERT INTO u VALUES (1) RETURNING id",
		  "command: add_user :many" },
	};

	CHECK_HEADERS("PgTyped", headers);
	assert_string_equal(
		story_errors("/*\n  @name GetUsers\n  @param ids -> (...)\n*/\nSELECT 1;"),
		"shop.sql:2:3: error: a header of PgTyped: write \"-- query: get_users "
		":many\"");
}

static void headers_of_aiosql_and_yesql_are_told_in_ours(void **state)
{
	static const char *const headers[][3] = {
		{ "-- name: get-all-users", "SELECT 1", "query: get_all_users :many" },
		{ "-- name: get-user^", "SELECT 1", "query: get_user :maybe" },
		{ "-- name: count_users$", "SELECT 1", "query: count_users :one" },
		{ "-- name: delete-user!", "DELETE FROM u", "command: delete_user :exec" },
		{ "-- name: add-user<!", "INSERT INTO u VALUES (1) RETURNING id",
		  "command: add_user :one" },
		{ "-- name: add-users*!", "INSERT INTO u VALUES (1)", "command: add_users :exec" },
		{ "-- name: get-user(id, name)^", "SELECT 1", "query: get_user :maybe" },
		{ "-- name: get-user(id,name) ^", "SELECT 1", "query: get_user :maybe" },
		{ "-- name: get-users()", "SELECT 1", "query: get_users :many" },
		{ "-- name: add-user", "INSERT INTO u VALUES (1)", "command: add_user :exec" },
	};

	CHECK_HEADERS("aiosql", headers);
}

static void headers_of_hugsql_and_pugsql_are_told_in_ours(void **state)
{
	static const char *const headers[][3] = {
		{ "-- :name all-users :? :*", "SELECT 1", "query: all_users :many" },
		{ "-- :name user-by-id :? :1", "SELECT 1", "query: user_by_id :maybe" },
		{ "-- :name all-users", "SELECT 1", "query: all_users :many" },
		{ "-- :name add-user! :! :n", "INSERT INTO u VALUES (1)",
		  "command: add_user :exec" },
		{ "-- :name add-user :<!", "INSERT INTO u VALUES (1) RETURNING id",
		  "command: add_user :one" },
		{ "-- :name add-user :i! :raw", "INSERT INTO u VALUES (1)",
		  "command: add_user :exec" },
		{ "-- :name user-exists? :? :1", "SELECT 1", "query: user_exists :maybe" },
		{ "-- :name user_for_id :one", "SELECT 1", "query: user_for_id :maybe" },
		{ "-- :name count_users :scalar", "SELECT 1", "query: count_users :one" },
		{ "/* :name all-users :? :* */", "SELECT 1", "query: all_users :many" },
	};

	CHECK_HEADERS("HugSQL", headers);
}

static void a_whole_file_is_told_in_one_go(void **state)
{
	assert_string_equal(
		story_errors("-- some queries\n\n-- name: get-a\n-- Of one.\nSELECT $1\n\n"
			     "-- name: get-b^\nSELECT :b\n-- name: get-b^\nSELECT 2;\n"),
		"shop.sql:3:4: error: a header of aiosql: write \"-- query: get_a :many\"\n"
		"shop.sql:5:8: error: parameters have names here: write :name instead of $1\n"
		"shop.sql:7:4: error: a header of aiosql: write \"-- query: get_b :maybe\"\n"
		"shop.sql:9:4: error: a header of aiosql: write \"-- query: get_b :maybe\"\n"
		"shop.sql:9:1: error: \"get_b\" is the name of another operation already, at "
		"shop.sql:7");
}

static void a_line_of_a_description_is_none(void **state)
{
	static const char *const fine[] = {
		HEAD "-- name: orders\nSELECT 1",    HEAD "-- name: of the customer :one\nSELECT 1",
		HEAD "-- names: a b\nSELECT 1",      HEAD "SELECT 1, -- first\n-- name: second\n2",
		"-- name: orders\n" HEAD "SELECT 1", "-- name: orders of all\n" HEAD "SELECT 1",
		HEAD "/* @names a */ SELECT 1",      HEAD "SELECT 1;\n-- name: orders",
	};

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		const char *said = story_errors(fine[i]);

		if (said)
			fail_msg("%s\n%s", fine[i], said);
	}
}

static void parameters_of_other_tools_are_told_in_ours(void **state)
{
	static const struct story stories[] = {
		{ HEAD "SELECT sqlc.arg(id), sqlc.narg('name')",
		  "shop.sql:2:8: error: write :id instead of sqlc.arg(id)\n"
		  "shop.sql:2:22: error: write :name instead of sqlc.narg(name), and \"-- @param "
		  "name TYPE?\" below the header" },
		{ HEAD "SELECT 1 WHERE id IN (sqlc.slice('ids'))",
		  "shop.sql:2:23: error: write = ANY(:ids) instead of IN (sqlc.slice(ids))" },
		{ HEAD "SELECT sqlc.embed(a) FROM a",
		  "shop.sql:2:8: error: write the columns out instead of sqlc.embed(a)" },
		{ HEAD "SELECT 1 WHERE id = :id!",
		  "shop.sql:2:21: error: PgTyped's :id! is :id here: a parameter is required, "
		  "unless \"-- @param id TYPE?\" says otherwise" },
		{ HEAD "SELECT 1 WHERE id = :v:id",
		  "shop.sql:2:21: error: HugSQL's :v:id is :id here" },
		{ HEAD "SELECT * FROM :i:table",
		  "shop.sql:2:15: error: HugSQL's :i:table would become a part of the statement, "
		  "which no parameter does: write the names out, one operation for each" },
		{ HEAD "SELECT :a:b",
		  "shop.sql:2:8: error: two parameters without anything between them: :a and "
		  ":b" },
		{ "-- :name q :? :*\nSELECT 1 WHERE id IN (:v*:ids)",
		  "shop.sql:1:4: error: a header of HugSQL: write \"-- query: q :many\"\n"
		  "shop.sql:2:23: error: HugSQL's :v*:ids is an array here: write = ANY(:ids) "
		  "instead of IN" },
		{ "-- name: Q :many\nSELECT 1 WHERE id = @id AND a = -@b",
		  "shop.sql:1:4: error: a header of sqlc: write \"-- query: q :many\"\n"
		  "shop.sql:2:21: error: write :id instead of @id" },
		/* These are PostgreSQL's own. */
		{ HEAD "SELECT @x, :v*:w, :x != 5, :x !~ 'a', :y!~'b' FROM a", NULL },
	};

	STORY_CHECK(stories);
}

static void what_only_a_literal_could_be_is_refused_with_a_cast(void **state)
{
	static const struct story stories[] = {
		{ HEAD "SELECT now() - interval :d",
		  "shop.sql:2:25: error: interval before a parameter is no type: write "
		  ":d::interval" },
		{ HEAD "SELECT DATE :d",
		  "shop.sql:2:13: error: DATE before a parameter is no type: write :d::DATE" },
		{ HEAD "-- @param d text\nSELECT timestamp :d",
		  "shop.sql:3:18: error: timestamp before a parameter is no type: write "
		  ":d::timestamp" },
		{ HEAD "SELECT timestamp  with time zone :d",
		  "shop.sql:2:34: error: timestamp  with time zone before a parameter is no type: "
		  "write :d::timestamp  with time zone" },
		{ HEAD "SELECT now() AT TIME ZONE :zone, date(:d), :e::interval, interval '1 day'",
		  NULL },
	};

	STORY_CHECK(stories);
}

static void an_array_behind_in_is_refused_with_any(void **state)
{
	static const struct story stories[] = {
		{ HEAD "SELECT 1 WHERE id in :ids",
		  "shop.sql:2:22: error: an array is no list: write = ANY(:ids) instead of IN" },
		{ HEAD "SELECT 1 WHERE id NOT IN :ids",
		  "shop.sql:2:26: error: an array is no list: write <> ALL(:ids) instead of NOT "
		  "IN" },
		{ HEAD "-- @param ids int[]\nSELECT 1 WHERE id IN ( :ids )",
		  "shop.sql:3:24: error: an array is no list: write = ANY(:ids) instead of IN" },
		{ HEAD "-- @param ids int[]?\nSELECT 1 WHERE id not in (:ids)",
		  "shop.sql:3:27: error: an array is no list: write <> ALL(:ids) instead of NOT "
		  "IN" },
		{ HEAD "-- @param a int\nSELECT 1 WHERE id IN (:a)", NULL },
		{ HEAD "SELECT 1 WHERE id IN (:a, :b)", NULL },
		{ HEAD "-- @param a int[]\nSELECT 1 WHERE id = ANY (:a) AND f(:a)", NULL },
	};

	STORY_CHECK(stories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_of_sqlc_are_told_in_ours),
		cmocka_unit_test(headers_of_pgtyped_are_told_in_ours),
		cmocka_unit_test(headers_of_aiosql_and_yesql_are_told_in_ours),
		cmocka_unit_test(headers_of_hugsql_and_pugsql_are_told_in_ours),
		cmocka_unit_test(a_whole_file_is_told_in_one_go),
		cmocka_unit_test(a_line_of_a_description_is_none),
		cmocka_unit_test(parameters_of_other_tools_are_told_in_ours),
		cmocka_unit_test(what_only_a_literal_could_be_is_refused_with_a_cast),
		cmocka_unit_test(an_array_behind_in_is_refused_with_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
