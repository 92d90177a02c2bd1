/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* Headers, descriptions, and where one operation ends and the next begins. */
#include "catalog/draft.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void a_header_gives_kind_name_and_cardinality(void **state)
{
	static const struct {
		const char *text, *name;
		enum request_kind kind;
		enum cardinality rows;
	} headers[] = {
		{ "-- query: a :one\nSELECT 1", "a", REQUEST_QUERY, ROWS_ONE },
		{ "--query:a_1 :maybe\nSELECT 1", "a_1", REQUEST_QUERY, ROWS_MAYBE },
		{ "--   query :  shop.a1.b   :many  \nSELECT 1", "shop.a1.b", REQUEST_QUERY,
		  ROWS_MANY },
		{ "\t-- command:\ta\t:exec\r\nSELECT 1\r\n", "a", REQUEST_COMMAND, ROWS_EXEC },
		{ "\xef\xbb\xbf-- query: a :one\nSELECT 1", "a", REQUEST_QUERY, ROWS_ONE },
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct catalog *catalog;
		const struct operation *operation = story_operation(&catalog, headers[i].text);

		assert_string_equal(operation->name, headers[i].name);
		assert_int_equal(operation->kind, headers[i].kind);
		assert_int_equal(operation->rows, headers[i].rows);
		assert_string_equal(operation->statement->name, headers[i].name);
		assert_string_equal(operation->statement->text, "SELECT 1");
		assert_int_equal(operation->place.line, 1);
		catalog_let_go(catalog);
	}
}

static void a_slip_in_a_header_names_the_nearest_word(void **state)
{
	static const struct story stories[] = {
		{ "-- qurey: a :one\nSELECT 1",
		  "shop.sql:1:4: error: unknown kind \"qurey\"; an operation begins with "
		  "\"-- query: NAME :many\" or \"-- command: NAME :one\"; did you mean "
		  "\"query\"?" },
		{ "-- Command: a :one\nSELECT 1",
		  "shop.sql:1:4: error: unknown kind \"Command\"; an operation begins with "
		  "\"-- query: NAME :many\" or \"-- command: NAME :one\"; did you mean "
		  "\"command\"?" },
		{ "-- names: a :one\nSELECT 1",
		  "shop.sql:1:4: error: unknown kind \"names\"; an operation begins with "
		  "\"-- query: NAME :many\" or \"-- command: NAME :one\"" },
		{ "-- query a :one\nSELECT 1",
		  "shop.sql:1:10: error: a colon is missing: \"-- query: NAME :many\"" },
		{ "-- query: a :mny\nSELECT 1",
		  "shop.sql:1:13: error: \":mny\" is none of :one, :maybe, :many, :exec; did you "
		  "mean "
		  "\":many\"?" },
		{ "-- query: a many\nSELECT 1",
		  "shop.sql:1:13: error: \"many\" is none of :one, :maybe, :many, :exec; did you "
		  "mean "
		  "\":many\"?" },
		{ "-- query: a\nSELECT 1",
		  "shop.sql:1:12: error: how many rows are expected? Add :one, "
		  ":maybe, :many or :exec" },
		{ "-- query: :many\nSELECT 1", "shop.sql:1:11: error: the operation has no name" },
		{ "-- query: a :many rows\nSELECT 1",
		  "shop.sql:1:19: error: nothing more may follow on "
		  "this line; a description goes on the next" },
	};

	STORY_CHECK(stories);
}

static void names_are_small_letters_digits_and_underscores(void **state)
{
	static const char bad[] = " is no name of an operation: small letters, digits and "
				  "underscores, parts joined by dots, each beginning with a letter";
	static const struct {
		const char *name, *better;
	} names[] = {
		{ "Orders", "orders" }, { "by-sku", "by_sku" }, { "1a", NULL },   { "_a", NULL },
		{ "a..b", NULL },       { "a.", NULL },         { ".a", NULL },   { "a.1", NULL },
		{ "größe", NULL },      { "a$b", NULL },        { "a/b", "a_b" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[256], expected[512];

		snprintf(text, sizeof(text), "-- query: %s :one\nSELECT 1;", names[i].name);
		snprintf(expected, sizeof(expected), "shop.sql:1:11: error: \"%s\"%s%s%s%s",
			 names[i].name, bad, names[i].better ? "; did you mean \"" : "",
			 names[i].better ? names[i].better : "", names[i].better ? "\"?" : "");
		assert_string_equal(story_errors(text), expected);
	}
}

static void a_name_has_a_longest_length(void **state)
{
	char text[OPERATION_NAME_MAX + 64];
	int len = OPERATION_NAME_MAX;

	for (; len <= OPERATION_NAME_MAX + 1; len++) {
		char name[OPERATION_NAME_MAX + 2] = { 0 };

		memset(name, 'a', (size_t)len);
		snprintf(text, sizeof(text), "-- query: %s :one\nSELECT 1", name);
		if (len == OPERATION_NAME_MAX)
			assert_null(story_errors(text));
	}
	assert_string_equal(story_errors(text),
			    "shop.sql:1:11: error: the name is longer than 128 characters");
}

static void plain_comment_lines_are_the_description(void **state)
{
	static const struct {
		const char *text, *description;
	} stories[] = {
		{ "-- query: a :one\nSELECT 1 -- no", "" },
		{ "-- query: a :one\n-- Orders of one.\nSELECT 1", "Orders of one." },
		{ "-- query: a :one\n--\n-- One.\n--   Two.  \n-- @timeout 2s\n--\n-- Three.\n--\n"
		  "/* not this */\nSELECT 1",
		  "One.\n  Two.\n\nThree." },
		{ "-- query: a :one\n\n-- See: the note. Query: which?\n\nSELECT 1",
		  "See: the note. Query: which?" },
		{ "-- query: a :one\n-- Returns exactly :one\nSELECT 1", "Returns exactly :one" },
	};

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct catalog *catalog;
		const struct operation *operation = story_operation(&catalog, stories[i].text);

		assert_string_equal(operation->description, stories[i].description);
		catalog_let_go(catalog);
	}
}

static void a_file_holds_several_operations(void **state)
{
	struct catalog *catalog = story_catalog("-- A file of the shop.\n"
						"\n"
						"-- query: b :one\n"
						"SELECT 2;\n"
						"-- between two operations\n"
						";;\n"
						"-- query: a :one\n"
						"SELECT 1 -- no semicolon\n"
						"-- command: c :exec\n"
						"DELETE FROM c;  -- done\n"
						"/* end */\n");

	assert_int_equal(catalog->count, 3);
	assert_string_equal(catalog->operations[0].name, "a");
	assert_string_equal(catalog->operations[0].statement->text, "SELECT 1");
	assert_int_equal(catalog->operations[0].place.line, 7);
	assert_string_equal(catalog->operations[1].name, "b");
	assert_string_equal(catalog->operations[1].statement->text, "SELECT 2");
	assert_string_equal(catalog->operations[2].name, "c");
	assert_string_equal(catalog->operations[2].statement->text, "DELETE FROM c");
	assert_int_equal(catalog->operations[2].index, 2);
	catalog_let_go(catalog);
}

static void headers_inside_strings_and_comments_are_text(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, "-- query: a :one\nSELECT '\n-- query: b :one\n', /*\n"
					  "-- query: c :one\n*/ 1 -- query: d :one\n;");

	assert_string_equal(operation->statement->text,
			    "SELECT '\n-- query: b :one\n', /*\n-- query: c :one\n*/ 1");
	catalog_let_go(catalog);
}

static void one_operation_has_one_statement(void **state)
{
	static const struct story stories[] = {
		{ "", NULL },
		{ "-- only a comment", NULL },
		{ "-- query: a :one\n", "shop.sql:1:1: error: a has no statement" },
		{ "-- query: a23456789_b23456789_c23456789_d23456789_e23456789_f23456789_g2345 "
		  ":one\n",
		  "shop.sql:1:1: error: "
		  "a23456789_b23456789_c23456789_d23456789_e23456789_f23456789_g234 has no "
		  "statement" },
		{ "-- query: a :one\n;\n-- query: b :one\nSELECT 1",
		  "shop.sql:1:1: error: a has no statement" },
		{ "SELECT 1;\nSELECT 2;",
		  "shop.sql:1:1: error: a statement without an operation: begin it with \"-- "
		  "query: "
		  "NAME :many\" or \"-- command: NAME :one\"" },
		{ "-- query: a :one\nSELECT 1;\nSELECT 2; SELECT 3;\n-- query: b :one\nSELECT 4",
		  "shop.sql:3:1: error: a second statement: an operation has exactly one, and "
		  "the next "
		  "begins with \"-- query: …\" or \"-- command: …\"" },
	};

	STORY_CHECK(stories);
}

static void all_that_is_wrong_is_said_up_to_a_limit(void **state)
{
	char text[16384] = "";
	size_t len = 0;
	unsigned lines = 0;
	const char *errors;

	assert_string_equal(
		story_errors("-- query: A :one\n-- @timeout x\nSELECT $1"),
		"shop.sql:1:11: error: \"A\" is no name of an operation: small letters, "
		"digits and underscores, parts joined by dots, each beginning with a letter; "
		"did you mean \"a\"?\n"
		"shop.sql:2:13: error: \"x\" is no duration: a whole number and ms, s, m or "
		"h\n"
		"shop.sql:3:8: error: parameters have names here: write :name instead of $1");
	for (int i = 0; i < CATALOG_ERRORS_MAX + 50; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"-- query: a%d :no\nSELECT 1;\n", i);
	errors = story_errors(text);
	assert_non_null(strstr(errors, "\nerror: there are more errors; they are not shown"));
	for (; *errors; errors++)
		lines += *errors == '\n';
	assert_int_equal(lines, CATALOG_ERRORS_MAX);
}

static void a_file_is_text(void **state)
{
	static const struct story stories[] = {
		{ "-- query: a :one\nSELECT 'ä\xff'",
		  "shop.sql:2:10: error: byte 0xff is not valid UTF-8" },
		{ "\xc0\x80", "shop.sql:1:1: error: byte 0xc0 is not valid UTF-8" },
		{ "\xed\xa0\x80", "shop.sql:1:1: error: byte 0xed is not valid UTF-8" },
		{ "\xf4\x90\x80\x80", "shop.sql:1:1: error: byte 0xf4 is not valid UTF-8" },
		{ "\xe2\x82", "shop.sql:1:1: error: byte 0xe2 is not valid UTF-8" },
		{ "-- query: a :one\nSELECT '€𝄞'", NULL },
	};
	struct buf errors;

	STORY_CHECK(stories);
	buf_init(&errors);
	assert_null(catalog_load_text("a.sql", TEXT("-- x\n\0"), &errors));
	assert_memory_equal(errors.ptr, "a.sql:2:1: error: a NUL byte; an SQL file is text\n",
			    errors.len);
	buf_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_gives_kind_name_and_cardinality),
		cmocka_unit_test(a_slip_in_a_header_names_the_nearest_word),
		cmocka_unit_test(names_are_small_letters_digits_and_underscores),
		cmocka_unit_test(a_name_has_a_longest_length),
		cmocka_unit_test(plain_comment_lines_are_the_description),
		cmocka_unit_test(a_file_holds_several_operations),
		cmocka_unit_test(headers_inside_strings_and_comments_are_text),
		cmocka_unit_test(one_operation_has_one_statement),
		cmocka_unit_test(all_that_is_wrong_is_said_up_to_a_limit),
		cmocka_unit_test(a_file_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
