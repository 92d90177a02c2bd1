/* SPDX-License-Identifier: Apache-2.0 */
/* Cells become the JSON that docs/http.md promises, and always JSON. */
#include "pg/types/types.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct row {
	const char *type, *cell, *json;
};

static void writes(const char *name, struct pg_type type, const char *cell, const char *json)
{
	struct buf out;

	buf_init(&out);
	buf_literal(&out, ">");
	assert_true(type_to_json(&out, type, cell, strlen(cell)));
	buf_byte(&out, '\0');
	if (strcmp(out.ptr + 1, json) != 0)
		fail_msg("%s %s became %s instead of %s", name, cell, out.ptr + 1, json);
	buf_fini(&out);
}

static void writes_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pg_type type = type_by_name(rows[i].type);

		assert_int_not_equal(type.oid, 0);
		writes(rows[i].type, type, rows[i].cell, rows[i].json);
	}
}

static void numbers_are_numbers_but_numeric_is_a_string(void **state)
{
	static const struct row rows[] = {
		{ "int2", "-32768", "-32768" },
		{ "int4", "0", "0" },
		{ "int8", "9223372036854775807", "9223372036854775807" },
		{ "oid", "4294967295", "4294967295" },
		{ "float4", "0.1", "0.1" },
		{ "float8", "1e+15", "1e+15" },
		{ "float8", "-1.5e-07", "-1.5e-07" },
		{ "float8", "-0", "-0" },
		{ "float8", "NaN", "\"NaN\"" },
		{ "float8", "Infinity", "\"Infinity\"" },
		{ "float4", "-Infinity", "\"-Infinity\"" },
		{ "numeric", "1.000", "\"1.000\"" },
		{ "numeric", "NaN", "\"NaN\"" },
		{ "money", "$12.34", "\"$12.34\"" },
	};

	(void)state;
	writes_all(rows, COUNT(rows));
}

static void what_json_would_not_read_as_a_number_is_a_string(void **state)
{
	static const struct row rows[] = {
		{ "int4", "", "\"\"" },
		{ "int4", "-", "\"-\"" },
		{ "int4", "007", "\"007\"" },
		{ "int4", "1x", "\"1x\"" },
		{ "float8", "1.", "\"1.\"" },
		{ "float8", ".5", "\".5\"" },
		{ "float8", "1e", "\"1e\"" },
		{ "float8", "1e+", "\"1e+\"" },
		{ "bool", "maybe", "\"maybe\"" },
		{ "json", "", "\"\"" },
		{ "bytea", "\\x0", "\"\\\\x0\"" },
		{ "bytea", "\\x0g", "\"\\\\x0g\"" },
		{ "bytea", "abc", "\"abc\"" },
	};

	(void)state;
	writes_all(rows, COUNT(rows));
}

static void booleans_and_strings(void **state)
{
	static const struct row rows[] = {
		{ "bool", "t", "true" },
		{ "bool", "f", "false" },
		{ "text", "", "\"\"" },
		{ "text", "a \"b\" \\ \n", "\"a \\\"b\\\" \\\\ \\n\"" },
		{ "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		  "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"" },
		{ "inet", "10.0.0.1/24", "\"10.0.0.1/24\"" },
		{ "int4range", "[1,5)", "\"[1,5)\"" },
		{ "int2vector", "1 2", "\"1 2\"" },
		{ "\"char\"", "x", "\"x\"" },
	};

	(void)state;
	writes_all(rows, COUNT(rows));
}

static void times_are_iso_8601(void **state)
{
	static const struct row rows[] = {
		{ "timestamptz", "2026-11-23 21:45:00.12+00", "\"2026-11-23T21:45:00.12Z\"" },
		{ "timestamptz", "12026-11-23 21:45:00+00", "\"12026-11-23T21:45:00Z\"" },
		{ "timestamptz", "2026-11-23 21:45:00-03", "\"2026-11-23T21:45:00-03:00\"" },
		{ "timestamptz", "2026-11-23 21:45:00+05:30", "\"2026-11-23T21:45:00+05:30\"" },
		{ "timestamptz", "infinity", "\"infinity\"" },
		{ "timestamptz", "-infinity", "\"-infinity\"" },
		{ "timestamptz", "0044-03-15 00:00:00+00 BC", "\"0044-03-15 00:00:00+00 BC\"" },
		{ "timestamp", "2026-11-23 21:45:00", "\"2026-11-23T21:45:00\"" },
		{ "timestamp", "0044-03-15 00:00:00 BC", "\"0044-03-15 00:00:00 BC\"" },
		{ "timestamp", "infinity", "\"infinity\"" },
		{ "timestamp", "2026-11-23 ", "\"2026-11-23 \"" },
		{ "date", "2026-11-23", "\"2026-11-23\"" },
		{ "time", "21:45:00.5", "\"21:45:00.5\"" },
		{ "timetz", "21:45:00+00", "\"21:45:00Z\"" },
		{ "timetz", "21:45:00.5-08", "\"21:45:00.5-08:00\"" },
		{ "timetz", "", "\"\"" },
		{ "interval", "P1Y2M3DT4H5M6.5S", "\"P1Y2M3DT4H5M6.5S\"" },
	};

	(void)state;
	writes_all(rows, COUNT(rows));
}

static void json_is_embedded_byte_for_byte(void **state)
{
	static const struct row rows[] = {
		{ "json", "{\"b\": 1,  \"a\":1.00, \"b\":2}", "{\"b\": 1,  \"a\":1.00, \"b\":2}" },
		{ "jsonb", "null", "null" },
		{ "jsonb[]", "{\"{\\\"a\\\": \\\"x\\\\\\\\y\\\"}\",NULL,1}",
		  "[{\"a\": \"x\\\\y\"},null,1]" },
	};

	(void)state;
	writes_all(rows, COUNT(rows));
}

static void bytes_are_base64(void **state)
{
	static const struct row rows[] = {
		{ "bytea", "\\x", "\"\"" },
		{ "bytea", "\\x00ff", "\"AP8=\"" },
		{ "bytea", "\\x00ff10", "\"AP8Q\"" },
		{ "bytea[]", "{\"\\\\x00ff\",\"\\\\x\"}", "[\"AP8=\",\"\"]" },
	};

	(void)state;
	writes_all(rows, COUNT(rows));
}

static void many_bytes_are_one_base64_without_padding_inside(void **state)
{
	enum { BYTES = 768 * 3 + 1 };
	struct buf cell, expected, out;

	(void)state;
	buf_init(&cell);
	buf_init(&expected);
	buf_init(&out);
	buf_literal(&cell, "\\x");
	buf_byte(&expected, '"');
	for (int i = 0; i < BYTES; i++)
		buf_literal(&cell, "00");
	for (int i = 0; i < BYTES / 3; i++)
		buf_literal(&expected, "AAAA");
	buf_literal(&expected, "AA==\"");

	assert_true(type_to_json(&out, type_by_name("bytea"), cell.ptr, cell.len));

	assert_int_equal(out.len, expected.len);
	assert_memory_equal(out.ptr, expected.ptr, out.len);
	buf_fini(&cell);
	buf_fini(&expected);
	buf_fini(&out);
}

static void arrays_are_arrays_of_their_elements(void **state)
{
	static const struct row rows[] = {
		{ "int4[]", "{}", "[]" },
		{ "int4[]", "{1,NULL,3}", "[1,null,3]" },
		{ "int4[]", "{{1,2},{3,4}}", "[[1,2],[3,4]]" },
		{ "int4[]", "[2:3]={7,8}", "[7,8]" },
		{ "int4[]", "[-1:0][2:3]={{1,2},{3,4}}", "[[1,2],[3,4]]" },
		{ "text[]", "{\"\",\"a,b\",\"\\\"\",\"\\\\\",\"{}\",\"NULL\",NULL,null,x y}",
		  "[\"\",\"a,b\",\"\\\"\",\"\\\\\",\"{}\",\"NULL\",null,\"null\",\"x y\"]" },
		{ "bool[]", "{t,f,NULL}", "[true,false,null]" },
		{ "float8[]", "{1.5,NaN}", "[1.5,\"NaN\"]" },
		{ "numeric[]", "{1.10}", "[\"1.10\"]" },
		{ "timestamptz[]", "{\"2025-01-02 03:04:05+00\"}", "[\"2025-01-02T03:04:05Z\"]" },
		{ "box[]", "{(1,1),(0,0);(2,2),(1,1)}", "[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]" },
		{ "point[]", "{\"(1,2)\"}", "[\"(1,2)\"]" },
		{ "int4range[]", "{\"[1,5)\",empty}", "[\"[1,5)\",\"empty\"]" },
	};

	(void)state;
	writes_all(rows, COUNT(rows));
	writes("mood[]", (struct pg_type){ .oid = 20001, .element_oid = 20000 }, "{sad,ok}",
	       "[\"sad\",\"ok\"]");
}

static void what_is_no_array_is_a_string(void **state)
{
	static const char *const cells[] = {
		"",
		"1",
		"{",
		"}",
		"{1",
		"{1,",
		"{1,}",
		"{,1}",
		"{1}2",
		"{1}{2}",
		"{1{2}}",
		"{{1}2}",
		"{\"1}",
		"{\"1\\",
		"{1\"2\"}",
		"{\"1\"2}",
		"[1:2]",
		"[1:2]=",
		"{{{{{{{1}}}}}}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cells); i++) {
		struct buf quoted;

		buf_init(&quoted);
		buf_json_string(&quoted, cells[i], strlen(cells[i]));
		buf_byte(&quoted, '\0');
		writes("text[]", type_by_name("text[]"), cells[i], quoted.ptr);
		buf_fini(&quoted);
	}
}

static void unknown_types_are_strings(void **state)
{
	(void)state;
	writes("mood", (struct pg_type){ .oid = 20000 }, "happy", "\"happy\"");
	writes("none", (struct pg_type){ .oid = 0 }, "1", "\"1\"");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_numbers_but_numeric_is_a_string),
		cmocka_unit_test(what_json_would_not_read_as_a_number_is_a_string),
		cmocka_unit_test(booleans_and_strings),
		cmocka_unit_test(times_are_iso_8601),
		cmocka_unit_test(json_is_embedded_byte_for_byte),
		cmocka_unit_test(bytes_are_base64),
		cmocka_unit_test(many_bytes_are_one_base64_without_padding_inside),
		cmocka_unit_test(arrays_are_arrays_of_their_elements),
		cmocka_unit_test(what_is_no_array_is_a_string),
		cmocka_unit_test(unknown_types_are_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
