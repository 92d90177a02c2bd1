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
	json_write(&buf, json);
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
	assert_int_equal(json_kind(json), JSON_OBJ);
	assert_int_equal(json_keys(json), 7);
	assert_int_equal(json_kind(json_get(json, "n")), JSON_NULL_);
	assert_int_equal(json_kind(json_get(json, "b")), JSON_BOOL);
	assert_true(json_bool(json_get(json, "b")));
	assert_int_equal(json_kind(json_get(json, "i")), JSON_INT);
	assert_int_equal(json_int(json_get(json, "i")), -7);
	assert_int_equal(json_kind(json_get(json, "r")), JSON_REAL);
	assert_int_equal(json_kind(json_get(json, "s")), JSON_STR);
	assert_true(text_is(json_text(json_get(json, "s")), "text"));
	assert_int_equal(json_kind(json_get(json, "a")), JSON_ARR);
	assert_int_equal(json_length(json_get(json, "a")), 2);
	assert_int_equal(json_int(json_at(json_get(json, "a"), 1)), 2);
	assert_int_equal(json_kind(json_get(json, "o")), JSON_OBJ);
	assert_null(json_get(json, "absent"));
	json_free(json);
}

static void members_are_met_in_the_order_of_the_input(void **state)
{
	struct json *json = read_string("{\"z\":0,\"a\":1,\"m\":2,\"b\":3}");
	char keys[8] = "";
	int want = 0;

	for (void *it = json_first(json); it; it = json_next(json, it)) {
		strncat(keys, json_key(it).ptr, 1);
		assert_int_equal(json_int(json_value(it)), want++);
	}
	assert_string_equal(keys, "zamb");
	json_free(json);
}

static void values_are_written_as_they_were_read(void **state)
{
	passes("{ \"b\" : [ 1, true , null, {} , [] ] , \"a\" : \"x\\u0041\\n\" }",
	       "{\"b\":[1,true,null,{},[]],\"a\":\"xA\\n\"}");
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

static void numbers_beyond_their_range_are_refused(void **state)
{
	refused("9223372036854775808", 19);
	refused("-9223372036854775809", 20);
	refused("123456789012345678901234567890", 30);
	refused("1e999", 5);
	refused("-1e999", 6);
	passes("1e-999", "0.0");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_read),
		cmocka_unit_test(members_are_met_in_the_order_of_the_input),
		cmocka_unit_test(values_are_written_as_they_were_read),
		cmocka_unit_test(what_is_not_strictly_json_is_refused),
		cmocka_unit_test(a_key_given_twice_is_refused),
		cmocka_unit_test(nul_is_refused_raw_escaped_and_in_keys),
		cmocka_unit_test(numbers_beyond_their_range_are_refused),
		cmocka_unit_test(nesting_has_a_limit_that_no_text_gets_past),
		cmocka_unit_test(brackets_in_strings_and_side_by_side_are_no_nesting),
		cmocka_unit_test(an_error_names_the_place_and_shows_little_of_the_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
