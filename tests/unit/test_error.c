/* SPDX-License-Identifier: Apache-2.0 */
/* Which parameter an error names in its context, in every language of PostgreSQL. */
#include "pg/wire/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *sqlstate, *context, *source;

/* In the place of libpq's. */
char *PQresultErrorField(const PGresult *result, int field)
{
	(void)result;
	switch (field) {
	case PG_DIAG_SQLSTATE:
		return (char *)sqlstate;
	case PG_DIAG_CONTEXT:
		return (char *)context;
	case PG_DIAG_SOURCE_FUNCTION:
		return (char *)source;
	}
	return NULL;
}

static struct pg_error error_of(const char *its_context)
{
	static struct arena arena;
	struct pg_error error;

	sqlstate = "XX000";
	context = its_context;
	arena_init(&arena);
	error_fill(&error, NULL, 3, &arena);
	arena_fini(&arena);
	return error;
}

static void a_parameter_that_could_not_be_read_is_named(void **state)
{
	/* As the catalogs of messages have it. */
	static const char *const contexts[] = {
		"unnamed portal parameter $2",
		"unnamed portal parameter $2 = '...'",
		"unnamed portal parameter $2 = 'it''s two\nlines: $3 = ''x'''",
		"unbenanntes Portal Parameter $2 = '...'",
		"portal sin nombre, parámetro 2 = '...'",
		"paramètre de portail non nommé $2 = '...'",
		"parametro portale senza nome $2 = '...'",
		"無名ポータルパラメータ $2 = '...'",
		"უსახელო პორტალის პარამეტრი $2 = '...'",
		"이름없는 포탈 $2 매개 변수 = '...'",
		"이름없는 포탈 $2 매개 변수",
		"неименованный портал, параметр $2 = '...'",
		"ej namngiven portalparameter $2 = '...'",
		"параметр порталу без назви $2 = '...'",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(contexts); i++) {
		struct pg_error error = error_of(contexts[i]);

		assert_int_equal(error.param, 2);
		assert_false(error.nested);
	}
}

static void what_reading_it_called_stands_before_it(void **state)
{
	struct pg_error error = error_of("JSON data, line 1: {\"a\" = '$3'\n"
					 "PL/pgSQL function pay$3(integer) line 1 at RAISE\n"
					 "unnamed portal parameter $1 = '...'");

	(void)state;
	assert_int_equal(error.param, 1);
	assert_true(error.nested);
}

static void what_a_statement_says_while_it_runs_names_none(void **state)
{
	static const char *const contexts[] = {
		NULL,
		"",
		/* a function's name; the same without its quotes cannot be */
		"PL/pgSQL function pay$1(integer) line 3 at RAISE",
		"PL/pgSQL function \"pay $1\"(integer) line 3 at RAISE",
		"SQL function \"of $1\" statement 1",
		/* a foreign key's own statement */
		"SQL statement \"SELECT 1 FROM ONLY \"a\" x WHERE \"id\" OPERATOR(=) $1 FOR "
		"KEY SHARE OF x\"",
		"SQL statement \"SELECT\n 1 WHERE a = $1\"",
		"instruction SQL « SELECT 1 WHERE a = $1 »",
		"PL/pgSQL function f(integer) line 1 at SQL statement",
		/* log_parameter_max_length_on_error */
		"unnamed portal with parameters: $1 = '5'",
		"unnamed portal with parameters: $1 = '5', $2 = 'x'",
		"portail non nommé avec les paramètres : « $1 = '5' »",
		"portal sin nombre con parámetros: $1 = '5'",
		/* not of this statement */
		"unnamed portal parameter $0",
		"unnamed portal parameter $4 = '...'",
		"unnamed portal parameter $99999999999999999999",
		"unnamed portal parameter $1 = 'not closed",
		"unnamed portal parameter $1 = 'closed' too early",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(contexts); i++)
		assert_int_equal(error_of(contexts[i]).param, 0);
}

static void a_type_whose_function_read_a_value_is_there(void **state)
{
	(void)state;
	assert_true(error_of("unnamed portal parameter $1").of_catalog);
	assert_true(error_of("PL/pgSQL function f() line 1 at RAISE").of_catalog);
	assert_false(error_of("unnamed portal parameter $1 = '...'").of_catalog);
	assert_true(error_is_of_value(NULL));
}

static void a_policy_is_known_by_the_function_that_asked_it(void **state)
{
	(void)state;
	sqlstate = "42501";
	context = NULL;
	source = "ExecWithCheckOptions";
	assert_true(error_is_of_row_security(NULL));
	source = "aclcheck_error";
	assert_false(error_is_of_row_security(NULL));
	source = NULL;
	assert_false(error_is_of_row_security(NULL));
	sqlstate = "44000";
	source = "ExecWithCheckOptions";
	assert_false(error_is_of_row_security(NULL));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parameter_that_could_not_be_read_is_named),
		cmocka_unit_test(what_reading_it_called_stands_before_it),
		cmocka_unit_test(what_a_statement_says_while_it_runs_names_none),
		cmocka_unit_test(a_type_whose_function_read_a_value_is_there),
		cmocka_unit_test(a_policy_is_known_by_the_function_that_asked_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
