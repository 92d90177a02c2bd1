/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* Where strings, identifiers and comments end, seen by what of ":x" becomes a parameter. */
#include "catalog/lexer.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD "-- query: q :many\n"

struct rewrite {
	const char *from, *to;
};

static void rewrite_check(const struct rewrite *rewrites, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[4096];
		struct catalog *catalog;
		const struct operation *operation;

		snprintf(text, sizeof(text), HEAD "%s", rewrites[i].from);
		operation = story_operation(&catalog, text);
		assert_string_equal(operation->statement->text, rewrites[i].to);
		catalog_let_go(catalog);
	}
}

#define REWRITE_CHECK(rewrites) rewrite_check(rewrites, sizeof(rewrites) / sizeof((rewrites)[0]))

static void names_become_numbers_in_the_order_of_their_first_use(void **state)
{
	static const struct rewrite rewrites[] = {
		{ "SELECT :a, :b, :a;", "SELECT $1, $2, $1" },
		{ "SELECT :a", "SELECT $1" },
		{ "SELECT :_a1,:A_b ;\n\n", "SELECT $1,$2" },
		{ "SELECT (:a)::int, :a::text", "SELECT ($1)::int, $1::text" },
		{ "SELECT :a.field", "SELECT $1.field" },
		{ "SELECT f(a := :a, b => :b)", "SELECT f(a := $1, b => $2)" },
		{ "SELECT 1 WHERE true AND:a", "SELECT 1 WHERE true AND $1" },
		{ "SELECT -:a, @:a, 1=:b", "SELECT -$1, @$1, 1=$2" },
		{ "SELECT 'ä', :a /* é */, :b", "SELECT 'ä', $1 /* é */, $2" },
	};

	REWRITE_CHECK(rewrites);
}

static void strings_hide_what_looks_like_a_parameter(void **state)
{
	static const struct rewrite rewrites[] = {
		{ "SELECT ':x', :a", "SELECT ':x', $1" },
		{ "SELECT 'it''s :x', :a", "SELECT 'it''s :x', $1" },
		{ "SELECT '\\', :a", "SELECT '\\', $1" },
		{ "SELECT E'\\' :x', :a", "SELECT E'\\' :x', $1" },
		{ "SELECT e'\\\\', :a", "SELECT e'\\\\', $1" },
		{ "SELECT E'a'\n'\\':x', :a", "SELECT E'a'\n'\\':x', $1" },
		{ "SELECT E'a' -- more\n '\\':x', :a", "SELECT E'a' -- more\n '\\':x', $1" },
		{ "SELECT E'a' '\\', :a", "SELECT E'a' '\\', $1" },
		{ "SELECT 'a'\n'b\\', :a", "SELECT 'a'\n'b\\', $1" },
		{ "SELECT U&'\\', :a", "SELECT U&'\\', $1" },
		{ "SELECT u & 'x', :a", "SELECT u & 'x', $1" },
		{ "SELECT B'01', X'1F', N':x', :a", "SELECT B'01', X'1F', N':x', $1" },
		{ "SELECT date'2025-01-01', :a", "SELECT date'2025-01-01', $1" },
		{ "SELECT name'\\', :a", "SELECT name'\\', $1" },
		{ "SELECT 'a;b', :a;", "SELECT 'a;b', $1" },
		{ "SELECT '-- :x', :a", "SELECT '-- :x', $1" },
		{ "SELECT '/*', :a", "SELECT '/*', $1" },
		{ "SELECT '12:30:00'::time, :a", "SELECT '12:30:00'::time, $1" },
	};

	REWRITE_CHECK(rewrites);
}

static void dollar_quotes_hide_what_looks_like_a_parameter(void **state)
{
	static const struct rewrite rewrites[] = {
		{ "SELECT $$:x ' $$, :a", "SELECT $$:x ' $$, $1" },
		{ "SELECT $t$ :x $$ $T$ $t$, :a", "SELECT $t$ :x $$ $T$ $t$, $1" },
		{ "SELECT $ä1$ ; $ä1$, :a", "SELECT $ä1$ ; $ä1$, $1" },
		{ "SELECT a$b, :a, c$b", "SELECT a$b, $1, c$b" },
		{ "SELECT a$$, :a", "SELECT a$$, $1" },
	};

	REWRITE_CHECK(rewrites);
}

static void identifiers_and_comments_hide_what_looks_like_a_parameter(void **state)
{
	static const struct rewrite rewrites[] = {
		{ "SELECT \":x\", :a", "SELECT \":x\", $1" },
		{ "SELECT \"a\"\":x\", :a", "SELECT \"a\"\":x\", $1" },
		{ "SELECT U&\"\\\", :a", "SELECT U&\"\\\", $1" },
		{ "SELECT \"'\", :a", "SELECT \"'\", $1" },
		{ "SELECT größe, :a", "SELECT größe, $1" },
		{ "SELECT /* :x /* ; ' */ :y */ :a", "SELECT /* :x /* ; ' */ :y */ $1" },
		{ "SELECT 1 -- :x ; '\n, :a", "SELECT 1 -- :x ; '\n, $1" },
		{ "SELECT 1 +-- :x\n :a", "SELECT 1 +-- :x\n $1" },
		{ "SELECT 1 */* :x */ :a", "SELECT 1 */* :x */ $1" },
		{ "SELECT 1 -- :x\r, :a", "SELECT 1 -- :x\r, $1" },
		{ "SELECT 1 - -1, :a", "SELECT 1 - -1, $1" },
	};

	REWRITE_CHECK(rewrites);
}

static void casts_assignments_and_numbers_are_no_parameters(void **state)
{
	static const struct rewrite rewrites[] = {
		{ "SELECT x::int, x::\"T\", :a", "SELECT x::int, x::\"T\", $1" },
		{ "SELECT f(a:=1), :a", "SELECT f(a:=1), $1" },
		{ "SELECT a[1:2], a[:2], a[1:], a[:], :a",
		  "SELECT a[1:2], a[:2], a[1:], a[:], $1" },
		{ "SELECT a[1: n], a[lo : hi], a[1 : :a]",
		  "SELECT a[1: n], a[lo : hi], a[1 : $1]" },
		{ "SELECT 1.5e-3, .5, 1..2, 1e, :a", "SELECT 1.5e-3, .5, 1..2, 1e, $1" },
		{ "SELECT j ? 'a', j ?| x, :a", "SELECT j ? 'a', j ?| x, $1" },
	};

	REWRITE_CHECK(rewrites);
}

static void names_in_brackets_are_parameters_where_a_value_may_stand(void **state)
{
	static const struct rewrite rewrites[] = {
		{ "SELECT ARRAY[:a, :b]", "SELECT ARRAY[$1, $2]" },
		{ "SELECT array [:a]", "SELECT array [$1]" },
		{ "SELECT ARRAY[[:a, :b], [:c]]", "SELECT ARRAY[[$1, $2], [$3]]" },
		{ "SELECT x = ANY (ARRAY[:a]::int[])", "SELECT x = ANY (ARRAY[$1]::int[])" },
		{ "SELECT a[(:i)], a[i + :i]", "SELECT a[($1)], a[i + $1]" },
		{ "SELECT a[CASE WHEN :a THEN 1 ELSE :b END]",
		  "SELECT a[CASE WHEN $1 THEN 1 ELSE $2 END]" },
		{ "SELECT a[f(x, :a)]", "SELECT a[f(x, $1)]" },
	};

	REWRITE_CHECK(rewrites);
}

static void what_does_not_close_is_named_where_it_begins(void **state)
{
	static const struct story stories[] = {
		{ HEAD "SELECT 'abc",
		  "shop.sql:2:8: error: the string that begins here does not close" },
		{ HEAD "SELECT E'abc\\'",
		  "shop.sql:2:8: error: the string that begins here does not close" },
		{ HEAD "SELECT \"abc",
		  "shop.sql:2:8: error: the quoted identifier that begins here does not close" },
		{ HEAD "SELECT $a$ $A$;",
		  "shop.sql:2:8: error: the dollar-quoted string that begins here does not close" },
		{ HEAD "SELECT 1\n/* /* */",
		  "shop.sql:3:1: error: the comment that begins here does not close" },
	};

	STORY_CHECK(stories);
}

static void tokens_say_whether_they_are_the_first_on_their_line(void **state)
{
	struct lexer lexer;
	struct token token;

	lexer_init(&lexer, TEXT("a b\n  -- c\n'x\ny' -- d"));
	token = lexer_next(&lexer);
	assert_true(token.first_on_line);
	token = lexer_next(&lexer);
	assert_false(token.first_on_line);
	token = lexer_next(&lexer);
	assert_int_equal(token.kind, TOKEN_LINE_COMMENT);
	assert_true(token.first_on_line);
	token = lexer_next(&lexer);
	assert_int_equal(token.kind, TOKEN_STRING);
	token = lexer_next(&lexer);
	assert_int_equal(token.kind, TOKEN_LINE_COMMENT);
	assert_false(token.first_on_line);
	token = lexer_next(&lexer);
	assert_int_equal(token.kind, TOKEN_END);
	token = lexer_next(&lexer);
	assert_int_equal(token.kind, TOKEN_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_numbers_in_the_order_of_their_first_use),
		cmocka_unit_test(strings_hide_what_looks_like_a_parameter),
		cmocka_unit_test(dollar_quotes_hide_what_looks_like_a_parameter),
		cmocka_unit_test(identifiers_and_comments_hide_what_looks_like_a_parameter),
		cmocka_unit_test(casts_assignments_and_numbers_are_no_parameters),
		cmocka_unit_test(names_in_brackets_are_parameters_where_a_value_may_stand),
		cmocka_unit_test(what_does_not_close_is_named_where_it_begins),
		cmocka_unit_test(tokens_say_whether_they_are_the_first_on_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
