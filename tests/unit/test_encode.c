/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to JSON objects; the results are libpq's own, made by hand. */
#include "pg/types/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INT4 23
#define TEXT_TYPE 25
#define OWN_ARRAY 90001
#define OWN 90002

static PGresult *result_of(unsigned columns, const char *const *names, const Oid *types)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attributes[4] = { 0 };

	for (unsigned i = 0; i < columns; i++) {
		attributes[i].name = (char *)names[i];
		attributes[i].typid = types[i];
		attributes[i].typlen = -1;
	}
	assert_true(PQsetResultAttrs(result, (int)columns, attributes));
	return result;
}

static void set(PGresult *result, int row, int column, const char *value)
{
	assert_true(
		PQsetvalue(result, row, column, (char *)value, value ? (int)strlen(value) : -1));
}

static void check(PGresult *result, const struct shape *shape, const char *expected)
{
	struct encoder encoder;
	struct buf out;

	encoder_init(&encoder);
	buf_init(&out);
	encoder_begin(&encoder, result, shape);
	for (int row = 0; row < PQntuples(result); row++)
		assert_true(encoder_row(&encoder, result, row, &out));
	assert_int_equal(out.len, strlen(expected));
	assert_memory_equal(out.ptr, expected, out.len);
	buf_fini(&out);
	encoder_fini(&encoder);
	PQclear(result);
}

static void test_a_row_is_an_object_of_its_columns(void **state)
{
	const char *const names[] = { "id", "say \"hi\"" };
	const Oid types[] = { INT4, TEXT_TYPE };
	PGresult *result = result_of(2, names, types);

	set(result, 0, 0, "7");
	set(result, 0, 1, "a\nb");
	set(result, 1, 0, NULL);
	set(result, 1, 1, "");
	check(result, NULL,
	      "{\"id\":7,\"say \\\"hi\\\"\":\"a\\nb\"}{\"id\":null,\"say \\\"hi\\\"\":\"\"}");
}

static void test_a_row_of_no_columns_is_an_empty_object(void **state)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	struct encoder encoder;
	struct buf out;

	encoder_init(&encoder);
	buf_init(&out);
	encoder_begin(&encoder, result, NULL);
	assert_true(encoder_row(&encoder, result, 0, &out));
	assert_int_equal(out.len, 2);
	assert_memory_equal(out.ptr, "{}", 2);
	buf_fini(&out);
	encoder_fini(&encoder);
	PQclear(result);
}

static void test_the_shape_knows_arrays_that_are_not_built_in(void **state)
{
	const char *const names[] = { "moods" };
	const Oid types[] = { OWN_ARRAY };
	struct shape *shape = shape_new(0, 1);
	PGresult *result = result_of(1, names, types);

	shape->column_types[0] = (struct pg_type){ .oid = OWN_ARRAY, .element_oid = OWN };
	set(result, 0, 0, "{glad,sad}");
	check(result, shape, "{\"moods\":[\"glad\",\"sad\"]}");
	shape_free(shape);
}

static void test_a_column_that_is_never_null_is_found_where_it_is(void **state)
{
	const char *const names[] = { "id", "note" };
	const Oid types[] = { INT4, TEXT_TYPE };
	const struct text never_null[] = { { "not", 3 }, { "note", 4 } };
	const struct statement statement = { .never_null = never_null, .never_null_count = 2 };
	PGresult *result = result_of(2, names, types);
	struct encoder encoder;
	struct buf out;

	set(result, 0, 0, NULL);
	set(result, 0, 1, "");
	set(result, 1, 0, "7");
	set(result, 1, 1, NULL);
	encoder_init(&encoder);
	buf_init(&out);
	encoder_begin(&encoder, result, NULL);
	assert_true(encoder_row(&encoder, result, 1, &out));
	encoder_check_null(&encoder, result, &statement);
	assert_true(encoder_row(&encoder, result, 0, &out));
	assert_null(encoder_null_of(&encoder, result, 0));
	assert_false(encoder_row(&encoder, result, 1, &out));
	assert_string_equal(encoder_null_of(&encoder, result, 1), "note");
	encoder_begin(&encoder, result, NULL);
	assert_true(encoder_row(&encoder, result, 1, &out));
	buf_fini(&out);
	encoder_fini(&encoder);
	PQclear(result);
}

static void test_what_the_result_says_counts_more_than_the_shape(void **state)
{
	const char *const names[] = { "id" };
	const Oid types[] = { INT4 };
	struct shape *shape = shape_new(0, 1);
	PGresult *result = result_of(1, names, types);

	shape->column_types[0].oid = TEXT_TYPE;
	set(result, 0, 0, "7");
	check(result, shape, "{\"id\":7}");
	shape_free(shape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_row_is_an_object_of_its_columns),
		cmocka_unit_test(test_a_row_of_no_columns_is_an_empty_object),
		cmocka_unit_test(test_the_shape_knows_arrays_that_are_not_built_in),
		cmocka_unit_test(test_a_column_that_is_never_null_is_found_where_it_is),
		cmocka_unit_test(test_what_the_result_says_counts_more_than_the_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
