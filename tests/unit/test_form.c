/* SPDX-License-Identifier: Apache-2.0 */
/* Domains, arrays, composites and hstore by what they are made of: JSON in and out. */
#include "pg/types/form_read.h"

#include "base/limits.h"
#include "forms_of_tests.h"
#include "pg/types/form.h"
#include "pg/types/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct arena arena;
static struct forms *forms;

static int read_forms(void **state)
{
	const char *why;
	struct buf answer;

	arena_init(&arena);
	buf_init(&answer);
	forms = form_read(forms_write(&answer), &arena, &why);
	buf_fini(&answer);
	return forms ? 0 : -1;
}

static int drop_forms(void **state)
{
	arena_fini(&arena);
	return 0;
}

static struct pg_type column(uint32_t oid, bool int8_as_text)
{
	struct pg_type type;

	assert_true(form_of_column(forms, oid, int8_as_text, &type));
	return type;
}

static struct pg_type param(uint32_t oid)
{
	struct pg_type type;

	assert_true(form_of_param(forms, oid, &type));
	return type;
}

/* --- out ------------------------------------------------------------------------------------- */

struct out_row {
	uint32_t oid;
	const char *text, *json;
};

static bool writes(struct pg_type type, const char *text, const char *json)
{
	struct buf out;
	bool fits;

	buf_init(&out);
	fits = type_to_json(&out, type, text, strlen(text));
	buf_byte(&out, '\0');
	assert_string_equal(out.ptr, json);
	buf_fini(&out);
	return fits;
}

static void composites_leave_as_objects(void **state)
{
	static const struct out_row rows[] = {
		{ OID_PLACE, "(,,,,)",
		  "{\"street\":null,\"n\\\"o\":null,\"tags\":null,\"big\":null,\"doc\":null}" },
		{ OID_PLACE, "(\"\",1999,\"{a,\"\"b \\\\\\\\\"\"}\",5,\"{\"\"a\"\": 1.50}\")",
		  "{\"street\":\"\",\"n\\\"o\":1999,\"tags\":[\"a\",\"b \\\\\"],\"big\":5,"
		  "\"doc\":{\"a\": 1.50}}" },
		{ OID_PLACE, "(\"a \"\"b\"\" \\\\ (,)\",,{},,null)",
		  "{\"street\":\"a \\\"b\\\" \\\\ (,)\",\"n\\\"o\":null,\"tags\":[],\"big\":null,"
		  "\"doc\":null}" },
		{ OID_PLACE, "(a\"b\"\"c\"\\,d,,,,)",
		  "{\"street\":\"ab\\\"c,d\",\"n\\\"o\":null,\"tags\":null,\"big\":null,"
		  "\"doc\":null}" },
		{ OID_PLACES, "{NULL,\"(x,,,,)\"}",
		  "[null,{\"street\":\"x\",\"n\\\"o\":null,\"tags\":null,\"big\":null,"
		  "\"doc\":null}]" },
		{ OID_PERSON, "(NULL,\"(\"\"a \"\"\"\"b\"\"\"\"\"\",,,,)\",{})",
		  "{\"name\":\"NULL\",\"home\":{\"street\":\"a \\\"b\\\"\",\"n\\\"o\":null,"
		  "\"tags\":null,\"big\":null,\"doc\":null},\"others\":[]}" },
		{ OID_NOTHING, "()", "{}" },
		{ OID_SPOTS, "{\"(1,2)\";\"(3,4)\"}", "[{\"x\":1,\"y\":2},{\"x\":3,\"y\":4}]" },
		{ OID_LABELS, "(\"\"\"a\"\"=>\"\"1\"\"\",\"{(1,1),(0,0);(2,2),(1,1)}\")",
		  "{\"map\":{\"a\":\"1\"},\"boxes\":[\"(1,1),(0,0)\",\"(2,2),(1,1)\"]}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(writes(column(rows[i].oid, false), rows[i].text, rows[i].json));
}

static void records_have_numbered_fields(void **state)
{
	assert_true(writes(type_by_name("record"), "(1,,\"a b\",\"\")",
			   "{\"f1\":\"1\",\"f2\":null,\"f3\":\"a b\",\"f4\":\"\"}"));
	assert_true(writes(type_by_name("record[]"), "{(1),\"(2,t)\"}",
			   "[{\"f1\":\"1\"},{\"f1\":\"2\",\"f2\":\"t\"}]"));
}

static void domains_within_arrays_are_their_base(void **state)
{
	assert_true(writes(column(OID_YEARS, false), "{1999,NULL}", "[1999,null]"));
	assert_true(writes(column(OID_GRIDS, false), "{\"{1,2}\",NULL,\"{{3},{4}}\"}",
			   "[[1,2],null,[[3],[4]]]"));
}

static void hstore_leaves_as_an_object_of_strings(void **state)
{
	static const struct out_row rows[] = {
		{ OID_HSTORE, "", "{}" },
		{ OID_HSTORE, "\"a\"=>\"1\", \"b\"=>NULL, \"\"=>\"NULL\"",
		  "{\"a\":\"1\",\"b\":null,\"\":\"NULL\"}" },
		{ OID_HSTORE, "\"a\\\"\\\\, \"=>\"=>\"", "{\"a\\\"\\\\, \":\"=>\"}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(writes(column(rows[i].oid, false), rows[i].text, rows[i].json));
}

static void what_is_not_of_the_form_is_a_string(void **state)
{
	static const char *const texts[] = {
		"",     "(",  "x",  "(a,,,,",   "(a,,,,)x",   "(\"a,,,,)",
		"(a\\", "()", "(x", "(,,,,\\)", "(,,\"{\",,",
	};
	static const char *const maps[] = {
		"a",
		"\"a\"",
		"\"a\"=>",
		"\"a\"=>1",
		"\"a\"=>\"b",
		"\"a\"=>\"b\"x",
		"\"a\"=>\"b\",",
		"\"a\"=>\"b\" ,\"c\"=>NULL",
		"\"a\\",
		", ",
	};

	for (size_t i = 0; i < COUNT(texts) + COUNT(maps); i++) {
		bool map = i >= COUNT(texts);
		const char *text = map ? maps[i - COUNT(texts)] : texts[i];
		struct buf out;

		buf_init(&out);
		(void)!type_to_json(&out, column(map ? OID_HSTORE : OID_PLACE, false), text,
				    strlen(text));
		assert_int_equal(out.ptr[0], '"');
		assert_int_equal(out.ptr[out.len - 1], '"');
		buf_fini(&out);
	}
}

static void other_fields_than_the_form_has_do_not_fit(void **state)
{
	assert_false(writes(column(OID_PLACE, false), "(a,,,)", "\"(a,,,)\""));
	assert_false(writes(column(OID_PLACE, false), "(a,,,,,)", "\"(a,,,,,)\""));
	assert_false(writes(column(OID_NOTHING, false), "(1)", "\"(1)\""));
	assert_false(writes(column(OID_SPOT, false), "()", "\"()\""));
	assert_false(writes(column(OID_PLACES, false), "{\"(a,,,)\"}", "[\"(a,,,)\"]"));
	assert_false(
		writes(column(OID_PERSON, false), "(x,\"(a,,,)\",)", "\"(x,\\\"(a,,,)\\\",)\""));
}

static void int8_within_them_is_a_string_where_that_is_wanted(void **state)
{
	assert_true(writes(column(OID_SPOT, true), "(1,2)", "{\"x\":1,\"y\":2}"));
	assert_true(
		writes(column(OID_PLACE, true), "(,7,,7,)",
		       "{\"street\":null,\"n\\\"o\":7,\"tags\":null,\"big\":\"7\",\"doc\":null}"));
	assert_true(writes(type_as_text(type_by_name("int8")), "7", "\"7\""));
	assert_true(writes(type_as_text(type_by_name("int8[]")), "{7,NULL}", "[\"7\",null]"));
	assert_true(writes(type_as_text(type_by_name("int4")), "7", "7"));
}

/* --- in -------------------------------------------------------------------------------------- */

static bool reads(uint32_t oid, const char *written, const char **out)
{
	struct json_error error;
	struct json *json = json_read(text_of(written), &error);
	const char *text = NULL, *why = "no reason";
	bool ok;

	if (!json)
		fail_msg("%s: %s", written, error.text);
	ok = type_from_json(param(oid), json, &arena, &text, &why);
	json_free(json);
	*out = ok ? text : why;
	return ok;
}

static void objects_become_composites(void **state)
{
	static const struct out_row rows[] = {
		{ OID_PLACE, "(,,,,)", "{}" },
		{ OID_PLACE, "(\"\",,,\"9007199254740993\",)",
		  "{\"big\":9007199254740993.0,\"street\":\"\"}" },
		{ OID_PLACE, "(\"a \"\"b\"\"\\\\ (,)\",,,,\"{\"\"n\"\": 1.50}\")",
		  "{\"street\":\"a \\\"b\\\"\\\\ (,)\",\"doc\":{\"n\": 1.50}}" },
		{ OID_PLACE, "(x,,,,)", "\"(x,,,,)\"" },
		{ OID_PLACES, "{\"(\\\"a\\\",,,,)\",NULL}", "[{\"street\":\"a\"},null]" },
		{ OID_PLACES, "{{\"(,,,,)\"},{\"(,,,,)\"}}", "[[{}],[{}]]" },
		{ OID_PERSON, "(,\"(,\"\"7\"\",\"\"{\"\"\"\"a\"\"\"\"}\"\",,)\",)",
		  "{\"home\":{\"n\\\"o\":7,\"tags\":[\"a\"]},\"name\":null}" },
		{ OID_HOME, "(,,,,)", "{}" },
		{ OID_NOTHING, "()", "{}" },
		{ OID_SPOTS, "{\"(\\\"1\\\",\\\"2.50\\\")\";NULL}", "[{\"x\":1,\"y\":2.50},null]" },
		{ OID_YEARS, "{\"1999\",NULL}", "[1999,null]" },
		{ OID_GRID, "{{\"1\"},{\"2\"}}", "[[1],[2]]" },
		{ OID_GRIDS, "{\"{\\\"1\\\"}\",NULL}", "[[1],null]" },
		{ OID_HSTORE, "", "{}" },
		{ OID_HSTORE, "\"a\\\"\\\\\"=>\"1.50\",\"b\"=>NULL,\"c\"=>\"x y\",\"d\"=>\"true\"",
		  "{\"a\\\"\\\\\":1.50,\"b\":null,\"c\":\"x y\",\"d\":true}" },
		{ OID_HSTORE, "a=>1", "\"a=>1\"" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *out;

		if (!reads(rows[i].oid, rows[i].json, &out))
			fail_msg("%s: %s", rows[i].json, out);
		assert_string_equal(out, rows[i].text);
	}
}

static void what_is_wrong_within_them_is_named(void **state)
{
	static const struct out_row rows[] = {
		{ OID_PLACE, "\"stret\" is no field of place: did you mean \"street\"?",
		  "{\"stret\":1}" },
		{ OID_NOTHING, "\"a\" is no field of nothing", "{\"a\":1}" },
		{ OID_PLACE, "must be an object (place), not a number", "7" },
		{ OID_PLACE, "must be an object (place), not an array", "[]" },
		{ OID_HOME, "must be an object (place), not a boolean", "true" },
		{ OID_PERSON, "\"home\" \"big\" must be bigint, not \"x\"",
		  "{\"home\":{\"big\":\"x\"}}" },
		{ OID_PERSON, "\"others\" [1] must be an object (place), not a number",
		  "{\"others\":[{},7]}" },
		{ OID_YEARS, "[0] must be integer, not an object", "[{}]" },
		{ OID_HSTORE, "\"a\" must be a string, a number, a boolean or null", "{\"a\":{}}" },
		{ OID_HSTORE, "must be an object (hstore), not a number", "1" },
		{ OID_PLACES, "must be an array of place, not an object", "{}" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *why;

		assert_false(reads(rows[i].oid, rows[i].json, &why));
		assert_string_equal(why, rows[i].text);
	}
}

static void an_object_may_stand_in_a_query_string(void **state)
{
	struct text values[] = { text_of("{\"street\":\"x\"}"), text_of("(y,,,,)") };
	const char *out, *why;

	assert_true(type_from_texts(param(OID_PLACE), values, 1, &arena, &out, &why));
	assert_string_equal(out, "(\"x\",,,,)");
	assert_true(type_from_texts(param(OID_HOME), values + 1, 1, &arena, &out, &why));
	assert_string_equal(out, "(y,,,,)");
	assert_true(type_from_texts(param(OID_PLACES), values, 2, &arena, &out, &why));
	assert_string_equal(out, "{\"(\\\"x\\\",,,,)\",\"(y,,,,)\"}");
}

static void a_parameter_of_a_domain_keeps_its_own_oid(void **state)
{
	assert_int_equal(param(OID_YEAR).oid, OID_YEAR);
	assert_int_equal(param(OID_GRID).oid, OID_GRID);
	assert_int_equal(param(OID_GRID).element_oid, 23);
	assert_false(type_takes_empty(param(OID_YEAR)));
	assert_true(type_takes_empty(param(OID_PLACE)));
}

/* --- limits ---------------------------------------------------------------------------------- */

/* A composite within a composite, depth times; the innermost holds a text. */
static struct text nested(unsigned depth, struct buf *answer)
{
	for (unsigned i = 0; i < depth; i++) {
		char fields[32];

		snprintf(fields, sizeof(fields), "[\"a\",%u]", i ? 20000 + i - 1 : 25);
		form_write(answer, &(struct form_of_tests){ 20000 + i, "n", "c", 0, ",", fields });
	}
	return (struct text){ answer->ptr, answer->len };
}

static void types_within_each_other_have_a_limit(void **state)
{
	for (unsigned depth = FORM_DEPTH_MAX - 1; depth <= FORM_DEPTH_MAX + 1; depth++)
		for (unsigned from_within = 0; from_within < 2; from_within++) {
			struct pg_type type;
			struct buf answer;
			const char *why;
			bool ok = true;

			buf_init(&answer);
			forms = form_read(nested(depth, &answer), &arena, &why);
			assert_non_null(forms);
			for (unsigned i = 0; ok && from_within && i < depth; i++)
				ok = form_of_param(forms, 20000 + i, &type);
			assert_int_equal(ok && form_of_param(forms, 20000 + depth - 1, &type),
					 depth <= FORM_DEPTH_MAX);
			buf_fini(&answer);
		}
}

static void a_type_within_itself_is_refused(void **state)
{
	static const struct form_of_tests circle[] = {
		{ 20000, "a", "c", 0, ",", "[\"b\",20001]" },
		{ 20001, "b", "a", 20000, ",", "" },
	};
	struct pg_type type;
	struct buf answer;
	const char *why;

	buf_init(&answer);
	form_write(&answer, &circle[0]);
	form_write(&answer, &circle[1]);
	forms = form_read((struct text){ answer.ptr, answer.len }, &arena, &why);
	buf_fini(&answer);
	assert_non_null(forms);
	assert_false(form_of_param(forms, 20000, &type));
}

static void what_doubles_with_each_level_has_a_limit(void **state)
{
	struct buf answer, body;
	const char *why;

	buf_init(&answer);
	buf_init(&body);
	forms = form_read(nested(FORM_DEPTH_MAX, &answer), &arena, &why);
	for (unsigned i = 0; i < FORM_DEPTH_MAX; i++)
		buf_literal(&body, "{\"a\":");
	buf_byte(&body, '"');
	for (unsigned i = 0; i < 2000; i++)
		buf_literal(&body, "\\\"");
	buf_byte(&body, '"');
	for (unsigned i = 0; i < FORM_DEPTH_MAX; i++)
		buf_byte(&body, '}');
	buf_byte(&body, '\0');
	assert_false(reads(20000 + FORM_DEPTH_MAX - 1, body.ptr, &why));
	assert_non_null(strstr(why, FORM_TOO_LONG));
	assert_true(arena.bytes < 4 * (size_t)FORM_TEXT_BYTES_MAX);
	buf_fini(&answer);
	buf_fini(&body);
}

static void too_many_fields_are_refused(void **state)
{
	struct buf answer;
	const char *why;

	buf_init(&answer);
	buf_literal(&answer, "{\"form\":{\"oid\":20000,\"name\":\"n\",\"kind\":\"c\",\"inner\":0,"
			     "\"delimiter\":\",\",\"fields\":[");
	for (unsigned i = 0; i <= FORM_FIELDS_MAX; i++)
		buf_printf(&answer, "%s[\"f%u\",25]", i ? "," : "", i);
	buf_literal(&answer, "]}}");
	assert_null(form_read((struct text){ answer.ptr, answer.len }, &arena, &why));
	assert_string_equal(why, "its types have too many fields");
	assert_null(form_read(text_of("{\"form\":1}"), &arena, &why));
	assert_null(form_read(text_of("{"), &arena, &why));
	buf_fini(&answer);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, read_forms, drop_forms)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(composites_leave_as_objects),
		STORY(records_have_numbered_fields),
		STORY(domains_within_arrays_are_their_base),
		STORY(hstore_leaves_as_an_object_of_strings),
		STORY(what_is_not_of_the_form_is_a_string),
		STORY(other_fields_than_the_form_has_do_not_fit),
		STORY(int8_within_them_is_a_string_where_that_is_wanted),
		STORY(objects_become_composites),
		STORY(what_is_wrong_within_them_is_named),
		STORY(an_object_may_stand_in_a_query_string),
		STORY(a_parameter_of_a_domain_keeps_its_own_oid),
		STORY(types_within_each_other_have_a_limit),
		STORY(a_type_within_itself_is_refused),
		STORY(what_doubles_with_each_level_has_a_limit),
		STORY(too_many_fields_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
