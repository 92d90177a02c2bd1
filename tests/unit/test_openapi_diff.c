/* SPDX-License-Identifier: Apache-2.0 */
/* Two OpenAPI documents: which changes break, and what is made of a document that is wrong. */
#include "base/buf.h"
#include "base/json.h"
#include "catalog/openapi/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DOCUMENT(call) "{\"openapi\":\"3.1.0\",\"paths\":{\"/v1/queries/a\":{\"get\":" call "}}}"
#define CALL(members) "{\"operationId\":\"a\"" members "}"
#define ANSWER(schema)                                                                             \
	CALL(",\"responses\":{\"200\":{\"content\":{\"application/json\":{\"schema\":{"            \
	     "\"properties\":{\"data\":{\"type\":\"object\",\"required\":[\"c\"],"                 \
	     "\"properties\":{\"c\":" schema "}}}}}}}}")
#define PARAMETER(schema)                                                                          \
	CALL(",\"parameters\":[{\"name\":\"p\",\"in\":\"query\",\"required\":true,"                \
	     "\"schema\":" schema "}]")

static char lines[8192]; /* of the last comparison */
static char error[256];

static struct json *read_json(const char *text)
{
	struct json_error why;
	struct json *json = json_read(text_of(text), &why);

	if (!json)
		fail_msg("%s: %s", text, why.text);
	return json;
}

static bool compare(const char *old_text, const char *new_text)
{
	struct json *old = read_json(old_text), *new = read_json(new_text);
	struct diff diff;
	bool is_fine = diff_documents(&diff, old, new, error, sizeof(error));
	size_t len = 0;

	lines[0] = 0;
	for (size_t i = 0; i < diff.count && len < sizeof(lines); i++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len, "%c%s: %s\n",
					diff.lines[i].breaking ? '!' : '+', diff.lines[i].name,
					diff.lines[i].why);
	diff_fini(&diff);
	json_free(old);
	json_free(new);
	return is_fine;
}

static void test_both_ways_of_a_change_are_judged_by_who_meets_it(void **state)
{
	static const struct {
		const char *old, *new, *lines;
	} rows[] = {
		{ ANSWER("{\"type\":\"integer\"}"), ANSWER("{\"type\":\"number\"}"),
		  "!a: column c: integer became number\n" },
		{ ANSWER("{\"type\":\"number\"}"), ANSWER("{\"type\":\"integer\"}"),
		  "+a: column c: number became integer\n" },
		{ PARAMETER("{\"type\":\"integer\"}"), PARAMETER("{\"type\":\"number\"}"),
		  "+a: parameter p: integer became number\n" },
		{ PARAMETER("{\"type\":\"number\"}"), PARAMETER("{\"type\":\"integer\"}"),
		  "!a: parameter p: number became integer\n" },
		{ ANSWER("{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}"),
		  ANSWER("{\"type\":[\"string\",\"null\"]}"), "" },
		{ ANSWER("{\"allOf\":[{\"type\":\"string\",\"maxLength\":3}]}"),
		  ANSWER("{\"type\":\"string\",\"maxLength\":4}"),
		  "!a: column c: maxLength 3 became 4\n" },
		{ PARAMETER("{\"type\":\"integer\",\"minimum\":0}"),
		  PARAMETER("{\"type\":\"integer\",\"minimum\":-1}"),
		  "+a: parameter p: minimum 0 became -1\n" },
		{ PARAMETER("{\"type\":\"integer\"}"),
		  PARAMETER("{\"type\":\"integer\",\"minimum\":0}"),
		  "!a: parameter p: minimum none became 0\n" },
		{ ANSWER("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"),
		  ANSWER("{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"]}}"),
		  "!a: column c[] may be null\n" },
		{ ANSWER("{\"type\":\"object\",\"properties\":{\"d\":{\"type\":\"string\"}}}"),
		  ANSWER("{\"type\":\"object\",\"properties\":{}}"), "!a: column c.d is gone\n" },
		{ CALL(",\"deprecated\":true"), CALL(""), "+a: it is not deprecated any more\n" },
		{ CALL(""), CALL(",\"deprecated\":true,\"summary\":\"x\",\"x-else\":[1]"),
		  "+a: it is deprecated\n" },
		{ CALL(",\"security\":[{\"B\":[\"x\"]}]"), CALL(",\"security\":[{\"B\":[]}]"),
		  "+a: a caller without certain roles may call it, too\n" },
		{ CALL(",\"security\":[]"), CALL(",\"security\":[{\"B\":[]}]"),
		  "!a: a caller without credential may not call it any more\n" },
		{ CALL(",\"responses\":{\"204\":{}}"), CALL(",\"responses\":{\"404\":{}}"),
		  "!a: an answer 204 is gone\n" },
	};
	char old[2048], new[2048];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(old, sizeof(old), DOCUMENT("%s"), rows[i].old);
		snprintf(new, sizeof(new), DOCUMENT("%s"), rows[i].new);
		assert_true(compare(old, new));
		assert_string_equal(lines, rows[i].lines);
		assert_true(compare(old, old));
		assert_string_equal(lines, "");
	}
}

static void test_calls_by_get_and_post_are_one_operation(void **state)
{
	assert_true(
		compare("{\"openapi\":\"3.1.0\",\"paths\":{\"/v1/queries/b\":{"
			"\"get\":{\"operationId\":\"b\"},\"post\":{\"operationId\":\"b-post\"}},"
			"\"/v1/queries/a\":{\"get\":{\"operationId\":\"a\"}}}}",
			"{\"openapi\":\"3.1.0\",\"paths\":{\"/x\":{\"put\":{}}}}"));
	assert_string_equal(lines, "!a: the query is gone\n!b: the query is gone\n"
				   "+put /x: it is new\n");
}

static void test_what_is_no_document_is_refused(void **state)
{
	static const char good[] = DOCUMENT("{}");
	static const char *const texts[] = {
		"[]",
		"{}",
		"3",
		"{\"openapi\":3}",
		"{\"openapi\":\"3.1.0\"}",
		"{\"openapi\":\"2.0\",\"paths\":{}}",
		"{\"openapi\":\"3.1.0\",\"paths\":[]}",
		DOCUMENT("{\"requestBody\":{\"$ref\":\"#/nowhere\"}}"),
		DOCUMENT("{\"requestBody\":{\"$ref\":\"other.json#/a\"}}"),
		DOCUMENT("{\"tags\":{\"$ref\":\"#/paths/~1v1~1queries~1a/get/tags\"},"
			 "\"requestBody\":{\"$ref\":\"#/paths/~1v1~1queries~1a/get/tags\"}}"),
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (compare(texts[i], good))
			fail_msg("%s is compared", texts[i]);
		assert_true(*error);
		assert_false(compare(good, texts[i]));
	}
}

static void test_what_is_of_another_kind_counts_as_absent(void **state)
{
	static const char *const calls[] = {
		"null",
		"[]",
		"{\"parameters\":{},\"responses\":[],\"security\":{},\"operationId\":[]}",
		"{\"parameters\":[1,null,{\"name\":2}],\"responses\":{\"200\":3,\"x\":null}}",
		ANSWER("{\"type\":7,\"enum\":{},\"maxLength\":\"x\",\"items\":0}"),
		ANSWER("{\"type\":[7,{}],\"oneOf\":{},\"allOf\":[1],\"required\":[3]}"),
		ANSWER("true"),
		PARAMETER("{\"properties\":[],\"format\":1,\"default\":{}}"),
		CALL(",\"security\":[1,{\"a\":2}],\"deprecated\":1,\"x-async\":2"),
	};
	char old[2048], new[2048];

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (size_t j = 0; j < sizeof(calls) / sizeof(calls[0]); j++) {
			snprintf(old, sizeof(old), DOCUMENT("%s"), calls[i]);
			snprintf(new, sizeof(new), DOCUMENT("%s"), calls[j]);
			assert_true(compare(old, new));
		}
}

/* Each schema has two of the next: as many paths as 2 to the power of their number. */
static void test_a_document_that_would_take_for_ever_is_refused(void **state)
{
	struct buf text;

	buf_init(&text);
	buf_literal(&text, "{\"openapi\":\"3.1.0\",\"s\":{");
	for (int i = 0; i < 60; i++)
		buf_printf(&text,
			   "\"s%d\":{\"oneOf\":[{\"$ref\":\"#/s/s%d\"}],\"properties\":{"
			   "\"a\":{\"$ref\":\"#/s/s%d\"},\"b\":{\"$ref\":\"#/s/s%d\"},"
			   "\"c\":{\"$ref\":\"#/s/s%d\"}}},",
			   i, i + 1, i + 1, i + 1, i + 1);
	buf_literal(&text, "\"s60\":{}},\"paths\":{\"/a\":{\"get\":{\"responses\":{\"200\":{"
			   "\"content\":{\"j\":{\"schema\":{\"$ref\":\"#/s/s0\"}}}}}}}}}");
	buf_byte(&text, 0);
	assert_false(compare(text.ptr, text.ptr));
	assert_string_equal(error, "there is too much to compare");
	buf_fini(&text);
}

static void test_a_schema_within_itself_comes_to_an_end(void **state)
{
	static const char text[] =
		"{\"openapi\":\"3.1.0\",\"s\":{\"allOf\":[{\"$ref\":\"#/s\"}],\"properties\":{"
		"\"a\":{\"$ref\":\"#/s\"}}},\"paths\":{\"/a\":{\"get\":{\"responses\":{\"200\":{"
		"\"content\":{\"j\":{\"schema\":{\"$ref\":\"#/s\"}}}}}}}}}";

	assert_true(compare(text, text));
	assert_string_equal(lines, "");
}

static void test_names_do_not_write_to_the_terminal(void **state)
{
	assert_true(compare(DOCUMENT("{}"),
			    "{\"openapi\":\"3.1.0\",\"paths\":{\"/\":{\"get\":{\"operationId\":"
			    "\"x\\n\\u001b[1m\\u009b\\u00e4\"}}}}"));
	assert_non_null(strstr(lines, "+x??[1m??\xc3\xa4: it is new\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways_of_a_change_are_judged_by_who_meets_it),
		cmocka_unit_test(test_calls_by_get_and_post_are_one_operation),
		cmocka_unit_test(test_what_is_no_document_is_refused),
		cmocka_unit_test(test_what_is_of_another_kind_counts_as_absent),
		cmocka_unit_test(test_a_document_that_would_take_for_ever_is_refused),
		cmocka_unit_test(test_a_schema_within_itself_comes_to_an_end),
		cmocka_unit_test(test_names_do_not_write_to_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
