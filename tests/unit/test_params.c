/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* Parameters: declared, used, reserved, refused. */
#include "catalog/draft.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD "-- query: q :many\n"
#define NONE "(none)"

/* What stands behind @param, and what is read of it. */
static const struct declared {
	const char *line, *type;
	bool optional;
	const char *value, *description;
} declarations[] = {
	{ "x", NULL, false, NONE, "" },
	{ ":x", NULL, false, NONE, "" },
	{ "x bigint", "bigint", false, NONE, "" },
	{ "x bigint   Customer to list", "bigint", false, NONE, "Customer to list" },
	{ "x text?         Absent means any", "text", true, NONE, "Absent means any" },
	{ "x text ? Absent", "text", true, NONE, "Absent" },
	{ "x?", NULL, true, NONE, "" },
	{ "x text[]?", "text[]", true, NONE, "" },
	{ "x int[3][] two dimensions", "int[3][]", false, NONE, "two dimensions" },
	{ "x int = 50   Page size", "int", false, "50", "Page size" },
	{ "x = 50 - Page size", NULL, false, "50", "Page size" },
	{ "x=50", NULL, false, "50", "" },
	{ "x - Page size", NULL, false, NONE, "Page size" },
	{ "x — Page size", NULL, false, NONE, "Page size" },
	{ "x numeric = -1.5e3", "numeric", false, "-1.5e3", "" },
	{ "x text = 'it''s two words' described", "text", false, "it's two words", "described" },
	{ "x text = ''", "text", false, "", "" },
	{ "x bool = TRUE", "bool", false, "true", "" },
	{ "x bool=false", "bool", false, "false", "" },
	{ "x text = null", "text", true, NONE, "" },
	{ "x text? = open", "text", true, "open", "" },
	{ "x date = 2025-01-31", "date", false, "2025-01-31", "" },
	{ "x shop.order_status = new", "shop.order_status", false, "new", "" },
	{ "x \"Order Status\"? who", "\"Order Status\"", true, NONE, "who" },
	{ "x shop.\"Status\"", "shop.\"Status\"", false, NONE, "" },
	{ "x double precision = 1", "double precision", false, "1", "" },
	{ "x timestamp with time zone? since", "timestamp with time zone", true, NONE, "since" },
	{ "x TIME  without TIME ZONE", "TIME  without TIME ZONE", false, NONE, "" },
	{ "x character varying[]", "character varying[]", false, NONE, "" },
	{ "x timestamp with care", "timestamp", false, NONE, "with care" },
};

static void check_declaration(const struct declared *declared)
{
	char text[512];
	struct catalog *catalog;
	const struct operation *operation;
	const struct parameter *parameter;

	snprintf(text, sizeof(text), HEAD "-- @param %s\nSELECT :x", declared->line);
	operation = story_operation(&catalog, text);
	assert_int_equal(operation->parameters_count, 1);
	parameter = &operation->parameters[0];
	assert_string_equal(parameter->name, "x");
	assert_string_equal(parameter->type ? parameter->type : NONE,
			    declared->type ? declared->type : NONE);
	assert_int_equal(parameter->optional, declared->optional);
	assert_string_equal(parameter->default_value.ptr ? parameter->default_value.ptr : NONE,
			    declared->value);
	if (parameter->default_value.ptr)
		assert_int_equal(parameter->default_value.len, strlen(declared->value));
	assert_string_equal(parameter->description, declared->description);
	assert_false(parameter->is_request_user);
	catalog_let_go(catalog);
}

static void a_declaration_gives_type_optional_default_and_description(void **state)
{
	for (size_t i = 0; i < sizeof(declarations) / sizeof(declarations[0]); i++)
		check_declaration(&declarations[i]);
}

static void declared_parameters_are_numbered_as_declared(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, HEAD "-- @param a int\n-- @param b\n"
					       "SELECT :b, :request_user, :a");

	assert_string_equal(operation->statement->text, "SELECT $2, $3, $1");
	assert_int_equal(operation->statement->params, 3);
	assert_string_equal(operation->statement->param_types[0], "int");
	assert_null(operation->statement->param_types[1]);
	assert_string_equal(operation->statement->param_types[2], "text");
	catalog_let_go(catalog);
}

static void the_request_user_never_comes_from_outside(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, HEAD "SELECT :a, :request_user");

	assert_true(operation->parameters[1].is_request_user);
	assert_non_null(operation_parameter(operation, TEXT("a")));
	assert_null(operation_parameter(operation, TEXT("request_user")));
	assert_null(operation_parameter(operation, TEXT("b")));
	catalog_let_go(catalog);
	assert_string_equal(
		story_errors(HEAD "-- @param request_user text\nSELECT :request_user"),
		"shop.sql:2:11: error: \"request_user\" is reserved: it is the request's "
		"user, and needs no @param");
}

static void if_one_is_declared_all_must_be_and_all_are_used(void **state)
{
	static const struct story stories[] = {
		{ HEAD "-- @param customer_id\nSELECT :customer_id, :customerid",
		  "shop.sql:3:22: error: parameter \"customerid\" is not declared; if one is, "
		  "all must "
		  "be; did you mean \"customer_id\"?" },
		{ HEAD "-- @param a\n-- @param b int\nSELECT :a",
		  "shop.sql:3:11: error: parameter \"b\" is declared but the statement does not "
		  "use "
		  "it" },
		{ HEAD "-- @param a\n-- @param a\nSELECT :a",
		  "shop.sql:3:11: error: parameter \"a\" is declared twice" },
		{ HEAD "-- @param a\n-- @param A\nSELECT :a, :A", NULL },
	};

	STORY_CHECK(stories);
}

static void names_are_plain(void **state)
{
	static const struct story stories[] = {
		{ HEAD "-- @param\nSELECT 1",
		  "shop.sql:2:10: error: \"\" is no name of a parameter: at "
		  "most 63 letters of ASCII, digits and underscores" },
		{ HEAD "-- @param 1a int\nSELECT 1",
		  "shop.sql:2:11: error: \"1a\" is no name of a parameter: at most 63 letters of "
		  "ASCII, "
		  "digits and underscores" },
		{ HEAD "SELECT :größe",
		  "shop.sql:2:8: error: :größe is no parameter: at most 63 letters "
		  "of ASCII, digits and underscores" },
		{ HEAD "SELECT :a$b",
		  "shop.sql:2:8: error: :a$b is no parameter: at most 63 letters of "
		  "ASCII, digits and underscores" },
	};

	STORY_CHECK(stories);
}

static void types_have_no_length_and_defaults_are_literals(void **state)
{
#define LITERAL "a default is a number, 'text', true, false, null or a bare word"
	static const struct story stories[] = {
		{ HEAD "-- @param x numeric(10,2) = 1\nSELECT :x",
		  "shop.sql:2:20: error: PostgreSQL ignores the length of a parameter's type: "
		  "write "
		  "\"numeric\"" },
		{ HEAD "-- @param x timestamptz = now()\nSELECT :x",
		  "shop.sql:2:27: error: a default is a literal, not an expression: write "
		  "coalesce(:name, …) in the statement" },
		{ HEAD "-- @param x int =\nSELECT :x", "shop.sql:2:18: error: " LITERAL },
		{ HEAD "-- @param x int[] = {1,2}\nSELECT :x", "shop.sql:2:21: error: " LITERAL },
		{ HEAD "-- @param x text = \"a\"\nSELECT :x", "shop.sql:2:20: error: " LITERAL },
		{ HEAD "-- @param x text = 'a\nSELECT :x",
		  "shop.sql:2:20: error: the default does not close with a '" },
		{ HEAD "-- @param x text = 'a'::text\nSELECT :x",
		  "shop.sql:2:23: error: a space is missing behind the default" },
	};

	STORY_CHECK(stories);
}

static void there_are_at_most_so_many(void **state)
{
	char text[8192] = HEAD "SELECT 1";
	size_t len = strlen(text);

	for (unsigned i = 0; i < PARAMS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ", :p%u", i);
	assert_null(story_errors(text));
	snprintf(text + len, sizeof(text) - len, "\n, :more");
	assert_string_equal(story_errors(text), "shop.sql:3:3: error: more than 128 parameters");
}

static void sentences_that_begin_like_a_clause_are_descriptions(void **state)
{
	static const struct {
		const char *line, *description;
	} stories[] = {
		{ "x int - described", "described" },
		{ "x int Default page size", "Default page size" },
		{ "x text? Null means any", "Null means any" },
		{ "x int - default 5", "default 5" },
		{ "x int = 5 - null", "null" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct catalog *catalog;
		char text[512];

		snprintf(text, sizeof(text), HEAD "-- @param %s\nSELECT :x", stories[i].line);
		assert_string_equal(story_operation(&catalog, text)->parameters[0].description,
				    stories[i].description);
		catalog_let_go(catalog);
	}
}

#define DASH "; a description that begins so stands behind a dash"
#define REQUIRED "a parameter without a \"?\" is required anyway: leave \"not null\" out" DASH

static void clauses_of_columns_are_refused_with_the_right_spelling(void **state)
{
	static const struct {
		const char *line, *says;
	} stories[] = {
		{ "x int default 5", "a default stands behind \"=\": write \"int = 5\"" DASH },
		{ "x int DEFAULT 'open' Which", "write \"int = 'open'\"" },
		{ "x text default open", "write \"text = open\"" },
		{ "x int? default 5", "write \"int = 5\"" },
		{ "x default 5", "write \"x = 5\"" },
		{ "x date default now()", "write coalesce(:x, …) in the statement" },
		{ "x int := 5", "write \"int = 5\"" },
		{ "x int null", "what is optional has a \"?\": write \"int?\"" DASH },
		{ "x int NULL - which", "write \"int?\"" },
		{ "x null", "write \"x?\"" },
		{ "x int null default 5", "write \"int?\"" },
		{ "x int not null", REQUIRED },
		{ "x int NOT  NULL, the customer", REQUIRED },
		{ "x int = 5 not null", REQUIRED },
		{ "x not null", REQUIRED },
		{ "x: int", "no colon stands behind the name of a parameter: write \"x int\"" },
		{ "x:int which", "write \"x int\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		char text[512];
		const char *errors;

		snprintf(text, sizeof(text), HEAD "-- @param %s\nSELECT :x", stories[i].line);
		errors = story_errors(text);
		assert_non_null(errors);
		assert_ptr_equal(strstr(errors, "shop.sql:2:"), errors);
		assert_non_null(strstr(errors, stories[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_declaration_gives_type_optional_default_and_description),
		cmocka_unit_test(sentences_that_begin_like_a_clause_are_descriptions),
		cmocka_unit_test(clauses_of_columns_are_refused_with_the_right_spelling),
		cmocka_unit_test(declared_parameters_are_numbered_as_declared),
		cmocka_unit_test(the_request_user_never_comes_from_outside),
		cmocka_unit_test(if_one_is_declared_all_must_be_and_all_are_used),
		cmocka_unit_test(names_are_plain),
		cmocka_unit_test(types_have_no_length_and_defaults_are_literals),
		cmocka_unit_test(there_are_at_most_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
