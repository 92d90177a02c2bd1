/* SPDX-License-Identifier: Apache-2.0 */
/* A type is found by any of its names, and PostgreSQL is asked for the others. */
#include "pg/types/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void a_built_in_type_has_many_names(void **state)
{
	static const struct {
		const char *name;
		uint32_t oid, element_oid;
	} rows[] = {
		{ "int", 23, 0 },
		{ "int4", 23, 0 },
		{ "INTEGER", 23, 0 },
		{ "pg_catalog.int4", 23, 0 },
		{ "bigint", 20, 0 },
		{ "smallint", 21, 0 },
		{ "float", 701, 0 },
		{ "double  precision", 701, 0 },
		{ "real", 700, 0 },
		{ "decimal(10, 2)", 1700, 0 },
		{ "numeric(10,-2)", 1700, 0 },
		{ "bool", 16, 0 },
		{ "text", 25, 0 },
		{ " Text\n", 25, 0 },
		{ "varchar(20)", 1043, 0 },
		{ "character varying (20)", 1043, 0 },
		{ "char(3)", 1042, 0 },
		{ "character", 1042, 0 },
		{ "\"char\"", 18, 0 },
		{ "bit varying", 1562, 0 },
		{ "timestamp", 1114, 0 },
		{ "timestamp without time zone", 1114, 0 },
		{ "timestamptz", 1184, 0 },
		{ "timestamp(3) with time zone", 1184, 0 },
		{ "TIME WITH TIME ZONE", 1266, 0 },
		{ "time without time zone", 1083, 0 },
		{ "uuid", 2950, 0 },
		{ "jsonb", 3802, 0 },
		{ "int4range", 3904, 0 },
		{ "text[]", 1009, 25 },
		{ "int [ ]", 1007, 23 },
		{ "int[3][3]", 1007, 23 },
		{ "varchar(20)[]", 1015, 1043 },
		{ "timestamp with time zone[]", 1185, 1184 },
		{ "box[]", 1020, 603 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pg_type type = type_by_name(rows[i].name);

		if (type.oid != rows[i].oid || type.element_oid != rows[i].element_oid)
			fail_msg("%s is %u of %u", rows[i].name, type.oid, type.element_oid);
	}
}

static void a_name_that_is_not_built_in_is_left_to_postgresql(void **state)
{
	static const char *const names[] = {
		"",
		" ",
		"mood",
		"public.mood",
		"integers",
		"char2",
		"\"INT4\"",
		"\"CHAR\"",
		"int[",
		"int]",
		"int[x]",
		"varchar(",
		"varchar(x)",
		"int[] int",
		"float(24)",
		"float(53)",
		"interval day to second",
		"serial",
		"_text",
		"a name that is a good deal longer than any type that PostgreSQL delivers",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (type_by_name(names[i]).oid != 0)
			fail_msg("%s is %u", names[i], type_by_name(names[i]).oid);
}

static void an_oid_knows_its_elements(void **state)
{
	(void)state;
	assert_int_equal(type_by_oid(23).element_oid, 0);
	assert_int_equal(type_by_oid(1007).element_oid, 23);
	assert_int_equal(type_by_oid(199).element_oid, 114);
	assert_int_equal(type_by_oid(22).element_oid, 0);
	assert_int_equal(type_by_oid(20000).oid, 20000);
	assert_int_equal(type_by_oid(20000).element_oid, 0);
	assert_int_equal(type_by_oid(0).oid, 0);
}

static void words_are_those_of_sql(void **state)
{
	(void)state;
	assert_string_equal(type_words(type_by_name("int4")), "integer");
	assert_string_equal(type_words(type_by_name("timestamptz")), "timestamp with time zone");
	assert_string_equal(type_words(type_by_name("text[]")), "array of text");
	assert_string_equal(type_words((struct pg_type){ .oid = 20001, .element_oid = 20000 }),
			    "array");
	assert_string_equal(type_words((struct pg_type){ .oid = 20000 }), "value");
	assert_string_equal(type_words((struct pg_type){ .oid = 0 }), "value");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_built_in_type_has_many_names),
		cmocka_unit_test(a_name_that_is_not_built_in_is_left_to_postgresql),
		cmocka_unit_test(an_oid_knows_its_elements),
		cmocka_unit_test(words_are_those_of_sql),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
