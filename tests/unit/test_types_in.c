/* SPDX-License-Identifier: Apache-2.0 */
/* What clients send becomes PostgreSQL's text form, or is refused with a reason they understand. */
#include "pg/types/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define IS_NULL "\001" /* in a table: NULL comes out */

static struct arena arena;

static int fresh_arena(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int drop_arena(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static struct pg_type type_named(const char *name)
{
	struct pg_type type = type_by_name(name);

	/* Of a type that the application made. */
	if (strcmp(name, "mood") == 0)
		return (struct pg_type){ .oid = 20000 };
	if (strcmp(name, "mood[]") == 0)
		return (struct pg_type){ .oid = 20001, .element_oid = 20000 };
	if (strcmp(name, "?") == 0)
		return (struct pg_type){ .oid = 0 };
	if (type.oid == 0)
		fail_msg("%s is no type", name);
	return type;
}

static struct json *json_of(const char *text)
{
	struct json_error error;
	struct json *json = json_read(text_of(text), &error);

	if (!json)
		fail_msg("%s: %s", text, error.text);
	return json;
}

struct row {
	const char *type, *json, *expected;
};

static void reads_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct json *json = json_of(rows[i].json);
		const char *out = "unset", *why = "no reason";

		if (!type_from_json(type_named(rows[i].type), json, &arena, &out, &why))
			fail_msg("%s %s: %s", rows[i].type, rows[i].json, why);
		json_free(json);
		if (strcmp(rows[i].expected, IS_NULL) == 0)
			assert_null(out);
		else
			assert_string_equal(out, rows[i].expected);
	}
}

static void refuses_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct json *json = json_of(rows[i].json);
		const char *out = "unset", *why = NULL;

		if (type_from_json(type_named(rows[i].type), json, &arena, &out, &why))
			fail_msg("%s %s became %s", rows[i].type, rows[i].json, out);
		json_free(json);
		assert_string_equal(why, rows[i].expected);
	}
}

static void numbers_are_read_as_numbers_and_as_strings(void **state)
{
	static const struct row rows[] = {
		{ "int2", "-32768", "-32768" },
		{ "int2", "\"32767\"", "32767" },
		{ "int4", "2147483647", "2147483647" },
		{ "int4", "\"+7\"", "7" },
		{ "int4", "0", "0" },
		{ "int4", "-0", "0" },
		{ "int4", "\"007\"", "7" },
		{ "int8", "9223372036854775807", "9223372036854775807" },
		{ "int8", "-9223372036854775808", "-9223372036854775808" },
		{ "int8", "\"-9223372036854775808\"", "-9223372036854775808" },
		{ "oid", "4294967295", "4294967295" },
		{ "float4", "1.5", "1.5" },
		{ "float4", "3e38", "3e38" },
		{ "float8", "0.1", "0.1" },
		{ "float8", "1e300", "1e300" },
		{ "float8", "7", "7" },
		{ "float8", "\"1e-320\"", "1e-320" },
		{ "float8", "\"0e-999\"", "0e-999" },
		{ "float8", "\".5\"", ".5" },
		{ "float8", "\"5.\"", "5." },
		{ "float8", "\"NaN\"", "NaN" },
		{ "float8", "\"-Infinity\"", "-Infinity" },
		{ "float4", "\"inf\"", "inf" },
		{ "numeric", "12", "12" },
		{ "numeric", "0.5", "0.5" },
		{ "numeric", "1e30", "1e30" },
		{ "numeric", "1234567890123456.78", "1234567890123456.78" },
		{ "numeric", "0.1000", "0.1000" },
		{ "numeric", "-0", "-0" },
		{ "numeric", "1E400", "1E400" },
		{ "numeric", "123456789012345678901234567890", "123456789012345678901234567890" },
		{ "numeric[]", "[0.10, 1234567890123456.78]",
		  "{\"0.10\",\"1234567890123456.78\"}" },
		{ "?", "1234567890123456.78", "1234567890123456.78" },
		{ "json", "{ \"a\" : 1.00, \"b\":\"\\u0041\" }",
		  "{ \"a\" : 1.00, \"b\":\"\\u0041\" }" },
		{ "jsonb", "1234567890123456.78", "1234567890123456.78" },
		{ "jsonb[]", "[1e400, {\"a\":1.0}]", "{\"1e400\",\"{\\\"a\\\":1.0}\"}" },
		{ "numeric", "\"1.50\"", "1.50" },
		{ "numeric", "\"123456789012345678901234567890.123456789\"",
		  "123456789012345678901234567890.123456789" },
		{ "numeric", "\"-1E-5\"", "-1E-5" },
		{ "numeric", "\"NaN\"", "NaN" },
	};

	(void)state;
	reads_all(rows, COUNT(rows));
}

static void a_real_without_a_fraction_is_an_integer(void **state)
{
	static const struct row rows[] = {
		{ "int4", "3.0", "3" },
		{ "int4", "-1e3", "-1000" },
		{ "int8", "9007199254740993.0", "9007199254740993" },
		{ "int8", "9223372036854775.807e3", "9223372036854775807" },
		{ "int8", "-9223372036854775808.00", "-9223372036854775808" },
		{ "int2", "0e-99999999999999999999", "0" },
		{ "int2", "-0.0", "0" },
	};

	(void)state;
	reads_all(rows, COUNT(rows));
}

static void a_number_out_of_its_range_is_refused(void **state)
{
	static const struct row rows[] = {
		{ "int2", "32768", "is out of range for smallint" },
		{ "int2", "\"-32769\"", "is out of range for smallint" },
		{ "int4", "2147483648", "is out of range for integer" },
		{ "int4", "-2147483649", "is out of range for integer" },
		{ "int4", "4e9", "is out of range for integer" },
		{ "int8", "\"9223372036854775808\"", "is out of range for bigint" },
		{ "int8", "\"-9223372036854775809\"", "is out of range for bigint" },
		{ "int8", "\"99999999999999999999999999\"", "is out of range for bigint" },
		{ "int8", "9223372036854775808", "is out of range for bigint" },
		{ "int8", "9223372036854775808.0", "is out of range for bigint" },
		{ "int8", "123456789012345678901234567890", "is out of range for bigint" },
		{ "float8", "1e999", "is out of range for double precision" },
		{ "float4", "-1e999", "is out of range for real" },
		{ "int8", "1e30", "is out of range for bigint" },
		{ "int8", "-1e30", "is out of range for bigint" },
		{ "oid", "-1", "is out of range for oid" },
		{ "oid", "4294967296", "is out of range for oid" },
		{ "float4", "1e39", "is out of range for real" },
		{ "float4", "1e-60", "is out of range for real" },
		{ "float4", "\"1e39\"", "is out of range for real" },
		{ "float8", "\"1e999\"", "is out of range for double precision" },
		{ "float8", "\"1e-999\"", "is out of range for double precision" },
	};

	(void)state;
	refuses_all(rows, COUNT(rows));
}

static void what_is_no_number_is_refused(void **state)
{
	static const struct row rows[] = {
		{ "int4", "1.5", "must be integer, not 1.5" },
		{ "int4", "1.0000000000000000000001",
		  "must be integer, not 1.0000000000000000000001" },
		{ "int4", "1e-99999999999999999999",
		  "must be integer, not 1e-99999999999999999999" },
		{ "int4", "\"1.0\"", "must be integer, not \"1.0\"" },
		{ "int4", "\"\"", "must be integer, not \"\"" },
		{ "int4", "\"-\"", "must be integer, not \"-\"" },
		{ "int4", "\" 1\"", "must be integer, not \" 1\"" },
		{ "int4", "\"0x10\"", "must be integer, not \"0x10\"" },
		{ "int4", "true", "must be integer, not a boolean" },
		{ "int4", "[1]", "must be integer, not an array" },
		{ "int4", "{}", "must be integer, not an object" },
		{ "float8", "\"0x1p3\"", "must be double precision, not \"0x1p3\"" },
		{ "float8", "\"1e\"", "must be double precision, not \"1e\"" },
		{ "float8", "\".\"", "must be double precision, not \".\"" },
		{ "float8", "false", "must be double precision, not a boolean" },
		{ "numeric", "\"1,5\"", "must be numeric, not \"1,5\"" },
		{ "numeric", "\"1_000\"", "must be numeric, not \"1_000\"" },
		{ "numeric", "\"+nan\"", "must be numeric, not \"+nan\"" },
		{ "numeric", "[]", "must be numeric, not an array" },
	};

	(void)state;
	refuses_all(rows, COUNT(rows));
}

static void booleans_are_read_strictly(void **state)
{
	static const struct row good[] = {
		{ "bool", "true", "true" },     { "bool", "false", "false" },
		{ "bool", "\"true\"", "true" }, { "bool", "\"f\"", "false" },
		{ "bool", "\"1\"", "true" },    { "bool", "\"0\"", "false" },
		{ "bool", "\"t\"", "true" },    { "bool", "\"false\"", "false" },
		{ "bool", "\"TRUE\"", "true" }, { "bool", "\"False\"", "false" },
	};
	static const struct row bad[] = {
		{ "bool", "1", "must be boolean, not a number" },
		{ "bool", "0.0", "must be boolean, not a number" },
		{ "bool", "\"yes\"", "must be boolean, not \"yes\"" },
		{ "bool", "\"on\"", "must be boolean, not \"on\"" },
		{ "bool", "\"\"", "must be boolean, not \"\"" },
	};

	(void)state;
	reads_all(good, COUNT(good));
	refuses_all(bad, COUNT(bad));
}

static void text_and_dates_are_strings_and_nothing_else(void **state)
{
	static const struct row good[] = {
		{ "text", "\"\"", "" },
		{ "varchar(3)", "\"x' OR 1=1 --\"", "x' OR 1=1 --" },
		{ "timestamptz", "\"2026-11-23T21:45:00Z\"", "2026-11-23T21:45:00Z" },
		{ "date", "\"no date, as PostgreSQL will say\"",
		  "no date, as PostgreSQL will say" },
		{ "inet", "\"10.0.0.0/8\"", "10.0.0.0/8" },
		{ "interval", "\"P1D\"", "P1D" },
	};
	static const struct row bad[] = {
		{ "text", "5", "must be a string (text), not a number" },
		{ "text", "5.5", "must be a string (text), not a number" },
		{ "text", "true", "must be a string (text), not a boolean" },
		{ "text", "{\"a\":1}", "must be a string (text), not an object" },
		{ "timestamp", "5", "must be a string (timestamp), not a number" },
		{ "timestamptz", "[]",
		  "must be a string (timestamp with time zone), not an array" },
		{ "timetz", "1", "must be a string (time with time zone), not a number" },
		{ "uuid", "1", "must be a string (uuid), not a number" },
		{ "bytea", "1", "must be bytea in base64, not a number" },
	};

	(void)state;
	reads_all(good, COUNT(good));
	refuses_all(bad, COUNT(bad));
}

static void uuids_are_checked_as_postgresql_would(void **state)
{
	static const struct row good[] = {
		{ "uuid", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
		  "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" },
		{ "uuid", "\"{A0EEBC999C0B4EF8BB6D6BB9BD380A11}\"",
		  "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}" },
	};
	static const struct row bad[] = {
		{ "uuid", "\"not-a-uuid\"", "must be a string (uuid), not \"not-a-uuid\"" },
		{ "uuid", "\"\"", "must be a string (uuid), not \"\"" },
		{ "uuid", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1\"",
		  "must be a string (uuid), not \"a0eebc99-9c0b-4ef8-bb6d-6bb9bd38…\"" },
		{ "uuid", "\"a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11\"",
		  "must be a string (uuid), not \"a0eebc99--9c0b-4ef8-bb6d-6bb9bd3…\"" },
		{ "uuid", "\"-a0eebc999c0b4ef8bb6d6bb9bd380a11\"",
		  "must be a string (uuid), not \"-a0eebc999c0b4ef8bb6d6bb9bd380a1…\"" },
		{ "uuid", "\"a0eebc999c0b4ef8bb6d6bb9bd380a11-\"",
		  "must be a string (uuid), not \"a0eebc999c0b4ef8bb6d6bb9bd380a11…\"" },
		{ "uuid", "\"{a0eebc999c0b4ef8bb6d6bb9bd380a11\"",
		  "must be a string (uuid), not \"{a0eebc999c0b4ef8bb6d6bb9bd380a1…\"" },
	};

	(void)state;
	reads_all(good, COUNT(good));
	refuses_all(bad, COUNT(bad));
}

static void bytes_come_in_base64(void **state)
{
	static const struct row good[] = {
		{ "bytea", "\"\"", "\\x" },
		{ "bytea", "\"AP8QgA==\"", "\\x00ff1080" },
		{ "bytea", "\"AP8QgA\"", "\\x00ff1080" },
		{ "bytea", "\"YWI=\"", "\\x6162" },
		{ "bytea", "\"++//\"", "\\xfbefff" },
		{ "bytea", "\"--__\"", "\\xfbefff" },
	};
	static const struct row bad[] = {
		{ "bytea", "\"*\"", "must be bytea in base64, not \"*\"" },
		{ "bytea", "\"A\"", "must be bytea in base64, not \"A\"" },
		{ "bytea", "\"YWI==\"", "must be bytea in base64, not \"YWI==\"" },
		{ "bytea", "\"Y===\"", "must be bytea in base64, not \"Y===\"" },
		{ "bytea", "\"YW I=\"", "must be bytea in base64, not \"YW I=\"" },
		{ "bytea", "\"\\\\x00\"", "must be bytea in base64, not \"\\x00\"" },
	};

	(void)state;
	reads_all(good, COUNT(good));
	refuses_all(bad, COUNT(bad));
}

static void any_json_is_json(void **state)
{
	static const struct row rows[] = {
		{ "jsonb", "{\"a\": [1, \"x\", null, true]}", "{\"a\": [1, \"x\", null, true]}" },
		{ "json", "\"text\"", "\"text\"" },
		{ "json", "5", "5" },
		{ "jsonb", "false", "false" },
		{ "jsonb", "[1,2]", "[1,2]" },
		{ "jsonb", "null", IS_NULL },
	};

	(void)state;
	reads_all(rows, COUNT(rows));
}

static void null_is_null_of_every_type(void **state)
{
	static const struct row rows[] = {
		{ "int4", "null", IS_NULL },  { "text", "null", IS_NULL },
		{ "bytea", "null", IS_NULL }, { "text[]", "null", IS_NULL },
		{ "mood", "null", IS_NULL },  { "?", "null", IS_NULL },
	};

	(void)state;
	reads_all(rows, COUNT(rows));
}

static void a_type_that_is_not_built_in_takes_any_plain_value(void **state)
{
	static const struct row good[] = {
		{ "mood", "\"happy\"", "happy" },
		{ "mood", "5", "5" },
		{ "mood", "true", "true" },
		{ "mood", "1.5", "1.5" },
		{ "?", "\"x\"", "x" },
		{ "mood[]", "[\"sad\",1]", "{\"sad\",\"1\"}" },
	};
	static const struct row bad[] = {
		{ "mood", "{}", "must be a string, a number or a boolean, not an object" },
		{ "mood[]", "\"x\"", "must be an array, not a string" },
	};

	(void)state;
	reads_all(good, COUNT(good));
	refuses_all(bad, COUNT(bad));
}

static void arrays_become_literals_that_mean_the_same(void **state)
{
	static const struct row rows[] = {
		{ "int4[]", "[]", "{}" },
		{ "int4[]", "[1,null,3]", "{\"1\",NULL,\"3\"}" },
		{ "int4[]", "[[1,2],[3,4]]", "{{\"1\",\"2\"},{\"3\",\"4\"}}" },
		{ "int4[]", "[[],[]]", "{}" },
		{ "int4[]", "[[[[[[1]]]]]]", "{{{{{{\"1\"}}}}}}" },
		{ "text[]", "[\"\",\"a,b\",\"\\\"\",\"\\\\\",\"{}\",\"NULL\",null,\" x \"]",
		  "{\"\",\"a,b\",\"\\\"\",\"\\\\\",\"{}\",\"NULL\",NULL,\" x \"}" },
		{ "bool[]", "[true,\"f\"]", "{\"true\",\"false\"}" },
		{ "box[]", "[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]",
		  "{\"(1,1),(0,0)\";\"(2,2),(1,1)\"}" },
		{ "jsonb[]", "[{\"a\":1},[1],\"x\",null]",
		  "{\"{\\\"a\\\":1}\",\"[1]\",\"\\\"x\\\"\",NULL}" },
		{ "bytea[]", "[\"AP8=\",\"\"]", "{\"\\\\x00ff\",\"\\\\x\"}" },
	};

	(void)state;
	reads_all(rows, COUNT(rows));
}

static void an_array_of_another_shape_is_refused(void **state)
{
	static const struct row rows[] = {
		{ "int4[]", "5", "must be an array of integer, not a number" },
		{ "int4[]", "\"{1,2}\"", "must be an array of integer, not a string" },
		{ "int4[]", "{\"a\":1}", "must be an array of integer, not an object" },
		{ "int4[]", "[[1],[2,3]]", "has nested arrays of different lengths" },
		{ "int4[]", "[[],[1]]", "has nested arrays of different lengths" },
		{ "int4[]", "[[1],2]", "has arrays and other elements side by side" },
		{ "int4[]", "[1,[2]]", "has arrays and other elements side by side" },
		{ "int4[]", "[[1],null]", "has arrays and other elements side by side" },
		{ "int4[]", "[[[[[[[1]]]]]]]", "has more than 6 dimensions" },
		{ "int4[]", "[1,\"x\"]", "[1] must be integer, not \"x\"" },
		{ "int4[]", "[[1,2],[3,true]]", "[1][1] must be integer, not a boolean" },
		{ "text[]", "[1]", "[0] must be a string (text), not a number" },
	};

	(void)state;
	refuses_all(rows, COUNT(rows));
}

static void a_long_value_is_cut_between_characters(void **state)
{
	static const struct row rows[] = {
		{ "int4", "\"0123456789012345678901234567890äx\"",
		  "must be integer, not \"0123456789012345678901234567890…\"" },
	};

	(void)state;
	refuses_all(rows, COUNT(rows));
}

static void a_query_string_gives_scalars_once_and_arrays_any_number_of_times(void **state)
{
	static const struct {
		const char *type, *values[4], *expected;
	} rows[] = {
		{ "int4", { "5" }, "5" },
		{ "text", { "" }, "" },
		{ "bool", { "1" }, "true" },
		{ "jsonb", { "{\"a\": 1.00}" }, "{\"a\": 1.00}" },
		{ "mood", { "happy" }, "happy" },
		{ "int4[]", { "5" }, "{\"5\"}" },
		{ "text[]", { "x", "y,z", "" }, "{\"x\",\"y,z\",\"\"}" },
		{ "text[]", { "NULL" }, "{\"NULL\"}" },
		{ "box[]", { "(1,1),(0,0)", "(1,1),(0,0)" }, "{\"(1,1),(0,0)\";\"(1,1),(0,0)\"}" },
		{ "json[]", { "[1]", "2" }, "{\"[1]\",\"2\"}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *out = NULL, *why = "no reason";
		struct text values[4];
		size_t count = 0;

		while (rows[i].values[count]) {
			values[count] = text_of(rows[i].values[count]);
			count++;
		}
		if (!type_from_texts(type_named(rows[i].type), values, count, &arena, &out, &why))
			fail_msg("%s %s: %s", rows[i].type, rows[i].values[0], why);
		assert_string_equal(out, rows[i].expected);
	}
}

static void a_query_string_that_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *type;
		struct text values[2];
		size_t count;
		const char *why;
	} rows[] = {
		{ "int4", { TEXT("1"), TEXT("2") }, 2, "must be given once, not 2 times" },
		{ "int4", { TEXT("x") }, 1, "must be integer, not \"x\"" },
		{ "int4[]", { TEXT("1"), TEXT("x") }, 2, "[1] must be integer, not \"x\"" },
		{ "jsonb", { TEXT("{\"a\":") }, 1, "must be jsonb, not \"{\"a\":\"" },
		{ "text", { TEXT("a\0b") }, 1, "must not hold a NUL character" },
		{ "jsonb", { TEXT("1\0") }, 1, "must not hold a NUL character" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *out = NULL, *why = NULL;

		if (type_from_texts(type_named(rows[i].type), rows[i].values, rows[i].count, &arena,
				    &out, &why))
			fail_msg("%s %s became %s", rows[i].type, rows[i].values[0].ptr, out);
		assert_string_equal(why, rows[i].why);
	}
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, fresh_arena, drop_arena)
	static const struct CMUnitTest tests[] = {
		STORY(numbers_are_read_as_numbers_and_as_strings),
		STORY(a_real_without_a_fraction_is_an_integer),
		STORY(a_number_out_of_its_range_is_refused),
		STORY(what_is_no_number_is_refused),
		STORY(booleans_are_read_strictly),
		STORY(text_and_dates_are_strings_and_nothing_else),
		STORY(uuids_are_checked_as_postgresql_would),
		STORY(bytes_come_in_base64),
		STORY(any_json_is_json),
		STORY(null_is_null_of_every_type),
		STORY(a_type_that_is_not_built_in_takes_any_plain_value),
		STORY(arrays_become_literals_that_mean_the_same),
		STORY(an_array_of_another_shape_is_refused),
		STORY(a_long_value_is_cut_between_characters),
		STORY(a_query_string_gives_scalars_once_and_arrays_any_number_of_times),
		STORY(a_query_string_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
