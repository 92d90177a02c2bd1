/* SPDX-License-Identifier: Apache-2.0 */
/* Two columns of one name are found, whatever stands between them. */
#include "pg/wire/repeated_column.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const *names;
static int names_count;

/* In the place of libpq's. */
int PQnfields(const PGresult *result)
{
	(void)result;
	return names_count;
}

char *PQfname(const PGresult *result, int column)
{
	(void)result;
	return (char *)names[column];
}

static const char *found(const char *const *columns, int count)
{
	names = columns;
	names_count = count;
	return repeated_column(NULL);
}

static void names_of_their_own_are_fine(void **state)
{
	static const char *const columns[] = { "id", "Id", "i", "id ", "sku" };

	(void)state;
	assert_null(found(columns, 0));
	assert_null(found(columns, 1));
	assert_null(found(columns, 5));
}

static void a_name_that_comes_twice_is_found(void **state)
{
	static const char *const columns[] = { "id", "sku", "at", "id", "?column?", "?column?" };

	(void)state;
	assert_string_equal(found(columns, 4), "id");
	assert_string_equal(found(columns + 4, 2), "?column?");
}

static void the_error_names_it_and_may_be_told(void **state)
{
	struct pg_error error;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	error = repeated_column_error("id", &arena);
	assert_string_equal(error.sqlstate, "42701");
	assert_true(error.ours);
	assert_non_null(strstr(error.message, "named \"id\""));
	arena_fini(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_their_own_are_fine),
		cmocka_unit_test(a_name_that_comes_twice_is_found),
		cmocka_unit_test(the_error_names_it_and_may_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
