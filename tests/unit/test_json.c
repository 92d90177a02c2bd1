/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that comes in. */
#include "base/json.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json_error error;

static struct json *read_string(const char *string)
{
	return json_read(text_of(string), &error);
}

/* What is read is written as want. */
static void passes(const char *string, const char *want)
{
	struct json *json = read_string(string);
	struct buf buf;

	if (!json)
		fail_msg("%s: %u:%u: %s", string, error.line, error.column, error.text);
	buf_init(&buf);
	json_write_canonical(&buf, json);
	buf_byte(&buf, '\0');
	assert_string_equal(buf.ptr, want);
	buf_fini(&buf);
	json_free(json);
}

static void refused(const char *ptr, size_t len)
{
	struct json *json = json_read((struct text){ ptr, len }, &error);

	if (json)
		fail_msg("was taken: %s", ptr);
	assert_true(error.line >= 1);
	assert_true(error.column >= 1);
	assert_true(error.text[0] != '\0');
}

static void every_kind_of_value_is_read(void **state)
{
	struct json *json = read_string(
		"{\"n\":null,\"b\":true,\"i\":-7,\"r\":2.5,\"s\":\"text\",\"a\":[1,2],\"o\":{}}");

	assert_non_null(json);
	assert_int_equal(json_kind(json), JSON_OBJECT);
	assert_int_equal(json_length(json), 7);
	assert_int_equal(json_kind(json_get(json, "n")), JSON_NULL);
	assert_int_equal(json_kind(json_get(json, "b")), JSON_BOOL);
	assert_true(json_bool(json_get(json, "b")));
	assert_int_equal(json_kind(json_get(json, "i")), JSON_NUMBER);
	assert_true(text_is(json_source(json_get(json, "i")), "-7"));
	assert_int_equal(json_kind(json_get(json, "r")), JSON_NUMBER);
	assert_int_equal(json_kind(json_get(json, "s")), JSON_STRING);
	assert_true(text_is(json_text(json_get(json, "s")), "text"));
	assert_int_equal(json_kind(json_get(json, "a")), JSON_ARRAY);
	assert_int_equal(json_length(json_get(json, "a")), 2);
	assert_true(text_is(json_source(json_next(json_first(json_get(json, "a")))), "2"));
	assert_int_equal(json_kind(json_get(json, "o")), JSON_OBJECT);
	assert_null(json_get(json, "absent"));
	json_free(json);
}

static void members_are_met_in_the_order_of_the_input(void **state)
{
	struct json *json = read_string("{\"z\":0,\"a\":1,\"m\":2,\"b\":3}");
	char keys[16] = "";

	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		strncat(keys, json_key(it).ptr, 1);
		strncat(keys, json_source(it).ptr, 1);
	}
	assert_string_equal(keys, "z0a1m2b3");
	json_free(json);
}

/* What was stored under a key before an upgrade is recognized after it: these do not change. */
static void what_means_the_same_is_written_the_same(void **state)
{
	passes("{ \"b\" : [ 1, true , null, {} , [] ] , \"a\" : \"x\\u0041\\n\" }",
	       "{\"a\":\"xA\\n\",\"b\":[1,true,null,{},[]]}");
	passes("{\"b\":1,\"aa\":2,\"a\":3}", "{\"a\":3,\"aa\":2,\"b\":1}");
	passes("0.10", "0.1");
	passes("1.000e+2", "100.0");
	passes("-0", "0");
	passes("0.1", "0.1");
	passes("1e2", "100.0");
	passes("5.0", "5.0");
	passes("-0.0", "-0.0");
	passes("1e300", "1e+300");
	passes("0.30000000000000004", "0.30000000000000004");
	passes("5e-324", "5e-324");
	passes("9223372036854775807", "9223372036854775807");
	passes("-9223372036854775808", "-9223372036854775808");
	passes("\"\xf0\x9f\x98\x80\"", "\"\xf0\x9f\x98\x80\"");
	passes("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
	passes(" null ", "null");
}

static void what_is_not_strictly_json_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		" ",
		"{",
		"}",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{\"a\" 1}",
		"{\"a\":}",
		"{\"a\":1 \"b\":2}",
		"{1:2}",
		"-",
		"-01",
		"1e",
		"1e+",
		"1.e1",
		"nullx",
		"truefalse",
		"\"\\u12g4\"",
		"\"\\u12",
		"\"\\",
		"\"\\udc00\"",
		"\"\\ud800\\u0041\"",
		"\"\\ud800\\n\"",
		"{\"a\":1,}",
		"{a:1}",
		"'a'",
		"tru",
		"nul",
		"01",
		"+1",
		"1.",
		".5",
		"NaN",
		"Infinity",
		"0x1",
		"1 2",
		"{} {}",
		"[] x",
		"\"a",
		"\"\\x\"",
		"\"\t\"",
		"/* c */ 1",
		"\"\\ud800\"",
		"\"\xff\"",
		"\"\xc0\x80\"",
		"\"\xed\xa0\x80\"",
		"\xef\xbb\xbf{}",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(wrong[i], strlen(wrong[i]));
}

static void a_key_given_twice_is_refused(void **state)
{
	refused("{\"a\":1,\"b\":2,\"a\":1}", 19);
	refused("[{\"a\":1,\"\\u0061\":2}]", 20);
}

static void nul_is_refused_raw_escaped_and_in_keys(void **state)
{
	refused("\"a\0b\"", 5);
	refused("{}\0", 3);
	refused("\0", 1);
	refused("\"a\\u0000b\"", 10);
	refused("{\"a\\u0000b\":1}", 14);
}

static void no_digit_of_a_number_is_lost(void **state)
{
	passes("9223372036854775808", "9223372036854775808");
	passes("123456789012345678901234567890", "123456789012345678901234567890");
	passes("1234567890123456.78", "123456789012345678e-2");
	passes("001234567890123456.7800" + 2, "123456789012345678e-2");
	passes("0.1000000000000000000001", "1000000000000000000001e-22");
	passes("1e999", "1e999");
	passes("-10.00e998", "-1e999");
	passes("1e-999", "1e-999");
	passes("1e99999999999999999999", "1e9999999999");
	passes("0e99999999999999999999", "0.0");
}

/* What json_source says of each value of an array. */
static void the_text_of_every_value_is_kept(void **state)
{
	static const char *const want[] = {
		"1234567890123456.78", "-0",  "1.50e+07", "{ \"a\" : [ 1.0 , {} ] }",
		"\"x\\u0041\\/\"",     "[ ]", "null",     "true",
	};
	struct json *json = read_string(" [ 1234567890123456.78 ,-0,\n1.50e+07, "
					"{ \"a\" : [ 1.0 , {} ] },\"x\\u0041\\/\",[ ] ,"
					"null , true\t] ");
	size_t at = 0;

	assert_non_null(json);
	for (const struct json *it = json_first(json); it; it = json_next(it))
		assert_true(text_is(json_source(it), want[at++]));
	assert_int_equal(at, 8);
	json_free(json);
}

static void escapes_of_every_kind_are_read(void **state)
{
	struct json *json =
		read_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\uD83D\\uDE00\"");

	assert_non_null(json);
	assert_string_equal(json_text(json).ptr,
			    "\"\\/\b\f\n\r\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	json_free(json);
}

/* Beyond a few keys they are sorted to be compared. */
static void one_of_many_keys_given_twice_is_refused(void **state)
{
	struct buf buf;
	struct json *json;

	buf_init(&buf);
	buf_byte(&buf, '{');
	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "\"k%d\":[%d],", i, i);
	json = json_read((struct text){ buf.ptr, buf.len - 1 }, &error);
	assert_null(json);
	buf.len--;
	buf_byte(&buf, '}');
	json = json_read((struct text){ buf.ptr, buf.len }, &error);
	assert_non_null(json);
	assert_true(text_is(json_source(json_get(json, "k777")), "[777]"));
	json_free(json);
	buf.len--;
	buf_literal(&buf, ",\"k123\":0}");
	refused(buf.ptr, buf.len);
	assert_string_equal(error.text, "an object has a key twice");
	buf_fini(&buf);
}

/* depth brackets, a value, and as many to close them. */
static bool nested_is_read(size_t depth, const char *open, const char *close)
{
	struct buf buf;
	struct json *json;

	buf_init(&buf);
	for (size_t i = 0; i < depth; i++)
		buf_string(&buf, open);
	buf_byte(&buf, '1');
	for (size_t i = 0; i < depth; i++)
		buf_string(&buf, close);
	json = json_read((struct text){ buf.ptr, buf.len }, &error);
	buf_fini(&buf);
	if (json)
		json_free(json);
	return json != NULL;
}

static void nesting_has_a_limit_that_no_text_gets_past(void **state)
{
	assert_true(nested_is_read(JSON_DEPTH_MAX, "[", "]"));
	assert_true(nested_is_read(JSON_DEPTH_MAX, "{\"a\":", "}"));
	assert_false(nested_is_read(JSON_DEPTH_MAX + 1, "[", "]"));
	assert_false(nested_is_read(JSON_DEPTH_MAX + 1, "{\"a\":", "}"));
	assert_false(nested_is_read(1000000, "[", "]"));
	assert_false(nested_is_read(1000000, "[", ""));
	assert_string_equal(error.text, "nested deeper than 64 levels");
	assert_int_equal(error.line, 1);
	assert_int_equal(error.column, JSON_DEPTH_MAX + 1);
}

static void brackets_in_strings_and_side_by_side_are_no_nesting(void **state)
{
	struct buf buf;
	struct json *json;

	buf_init(&buf);
	buf_literal(&buf, "[\"\\\"");
	for (int i = 0; i < 1000; i++)
		buf_byte(&buf, '[');
	buf_literal(&buf, "\\\\\"");
	for (int i = 0; i < 1000; i++)
		buf_literal(&buf, ",[{}]");
	buf_byte(&buf, ']');
	json = json_read((struct text){ buf.ptr, buf.len }, &error);
	assert_non_null(json);
	assert_int_equal(json_length(json), 1001);
	json_free(json);
	buf_fini(&buf);
}

static void an_error_names_the_place_and_shows_little_of_the_input(void **state)
{
	char text[1000];

	refused("{\n  \"a\": 1,\n  \"b\": oops\n}", 25);
	assert_int_equal(error.line, 3);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	refused(text, sizeof(text) - 1);
	assert_null(strstr(error.text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
	refused("[\n\n  [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 69);
	assert_int_equal(error.line, 3);
	assert_int_equal(error.column, 3 + 63);
}

static void rows_are_read_as_one_array(void **state)
{
	struct json *rows = json_read_rows(TEXT("{\"n\":1},{\"n\":2}"));

	assert_int_equal(json_length(rows), 2);
	json_free(rows);
	rows = json_read_rows((struct text){ 0 });
	assert_int_equal(json_length(rows), 0);
	json_free(rows);
	assert_null(json_read_rows(TEXT("{\"n\":1} {\"n\":2}")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_read),
		cmocka_unit_test(members_are_met_in_the_order_of_the_input),
		cmocka_unit_test(what_means_the_same_is_written_the_same),
		cmocka_unit_test(what_is_not_strictly_json_is_refused),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(nul_is_refused_raw_escaped_and_in_keys),
		cmocka_unit_test(no_digit_of_a_number_is_lost),
		cmocka_unit_test(the_text_of_every_value_is_kept),
		cmocka_unit_test(escapes_of_every_kind_are_read),
		cmocka_unit_test(one_of_many_keys_given_twice_is_refused),
		cmocka_unit_test(nesting_has_a_limit_that_no_text_gets_past),
		cmocka_unit_test(brackets_in_strings_and_side_by_side_are_no_nesting),
		cmocka_unit_test(an_error_names_the_place_and_shows_little_of_the_input),
		cmocka_unit_test(rows_are_read_as_one_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
