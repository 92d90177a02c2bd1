/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any cell becomes JSON, any JSON value is taken or refused, and an array that was taken is one
 * that reads back as it was. The first byte picks the type, the second what is done with the rest.
 *
 *     make fuzz TARGETS=types SECONDS=60
 */
#include "pg/types/form.h"
#include "pg/types/form_read.h"
#include "pg/types/types.h"
#include "tests/unit/forms_of_tests.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pg_type types[] = {
#define TYPE(name, number, array_number, words, kind)                                              \
	{ .oid = number }, { .oid = array_number, .element_oid = number },
#include "pg/types/types.def"
#undef TYPE
	{ .oid = 0 },
	{ .oid = 30000 },
	{ .oid = 30001, .element_oid = 30000 },
/* Those of tests/unit/forms_of_tests.h, as parameters and columns have them. */
#define FORMED(number) { .oid = number }, { .oid = number }, { .oid = number },
	FORMED(20000) FORMED(20001) FORMED(20002) FORMED(20003) FORMED(20004) FORMED(20005)
		FORMED(20006) FORMED(20007) FORMED(20008) FORMED(20009) FORMED(20010) FORMED(20011)
			FORMED(20012)
#undef FORMED
};

/* The type at a place of the table: three ways in a row are a parameter's, a column's, and that of
 * a column with bigint as a string. */
static struct pg_type type_at(size_t at)
{
	static struct arena arena;
	static struct forms *forms;
	struct pg_type type = types[at];
	struct buf answer;
	const char *why;
	bool made;

	if (!forms) {
		buf_init(&answer);
		forms = form_read(forms_write(&answer), &arena, &why);
		buf_fini(&answer);
	}
	assert(forms);
	if (type.oid < 20000 || type.oid >= 30000)
		return type;
	if (at > 0 && types[at - 1].oid != type.oid)
		made = form_of_param(forms, type.oid, &type);
	else
		made = form_of_column(forms, type.oid,
				      at + 1 < sizeof types / sizeof types[0] &&
					      types[at + 1].oid != type.oid,
				      &type);
	assert(made);
	return type;
}

/* json and jsonb are taken at PostgreSQL's word; forms may hold some. */
static bool is_json(struct pg_type given)
{
	struct pg_type type = type_base(given);
	uint32_t oid = type.element_oid ? type.element_oid : type.oid;

	return type.form || oid == type_by_name("json").oid || oid == type_by_name("jsonb").oid;
}

/* False: a number is beyond what the reader of JSON holds, which says nothing about the text. */
static bool must_be_json(const struct buf *text, struct json **json)
{
	struct json_error error;

	*json = json_read((struct text){ text->ptr, text->len }, &error);
	if (!*json && !strstr(error.text, "too big") && !strstr(error.text, "overflow"))
		abort();
	return *json != NULL;
}

static void write_cell(struct pg_type type, const char *cell, size_t len)
{
	struct buf out;
	struct json *json;

	/* libpq's cells hold no NUL. */
	if (memchr(cell, '\0', len))
		return;
	buf_init(&out);
	if (!type_to_json(&out, type, cell, len))
		assert(type.form);
	assert(out.len > 0);
	if (!is_json(type) && must_be_json(&out, &json))
		json_free(json);
	buf_fini(&out);
}

/* An array of strings and its literal mean the same; one without elements loses its dimensions. */
static void read_back(struct pg_type type, const struct json *json, const char *literal)
{
	struct buf given, back;

	buf_init(&given);
	buf_init(&back);
	/* A string within it may have been a composite with other fields. */
	if (type_to_json(&back, type_base(type), literal, strlen(literal)) &&
	    back.ptr[0] != (type.element_oid ? '[' : '{'))
		abort();
	if (type.element_oid == type_by_name("text").oid && strcmp(literal, "{}") != 0) {
		json_write_canonical(&given, json);
		if (given.len != back.len || memcmp(given.ptr, back.ptr, back.len) != 0)
			abort();
	}
	buf_fini(&given);
	buf_fini(&back);
}

/* A scalar, json among them, which takes objects as they are. */
static bool is_plain(struct pg_type type)
{
	struct pg_type base = type_base(type);

	return !base.element_oid && !base.form;
}

static void read_json(struct pg_type type, struct text text)
{
	const char *out = NULL, *why = NULL;
	struct json_error error;
	struct json *json = json_read(text, &error);
	struct arena arena;

	if (!json)
		return;
	arena_init(&arena);
	if (!type_from_json(type, json, &arena, &out, &why))
		assert(why && *why);
	else if (json_kind(json) == JSON_NULL)
		assert(!out);
	else
		assert(out);
	if (out && (type.element_oid || json_kind(json) == JSON_OBJECT) && !is_plain(type))
		read_back(type, json, out);
	json_free(json);
	arena_fini(&arena);
}

static void read_texts(struct pg_type type, struct text text)
{
	const char *out = NULL, *why = NULL, *newline = memchr(text.ptr, '\n', text.len);
	struct text values[2] = { text };
	size_t count = 1;
	struct arena arena;

	if (newline) {
		values[0].len = (size_t)(newline - text.ptr);
		values[1] = (struct text){ newline + 1, text.len - values[0].len - 1 };
		count = 2;
	}
	arena_init(&arena);
	if (type_from_texts(type, values, count, &arena, &out, &why))
		assert(out);
	else
		assert(why && *why);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pg_type type;
	struct text text;
	char *copy;

	if (size < 2)
		return 0;
	type = type_at(data[0] % (sizeof types / sizeof types[0]));
	/* On its own, so that a byte read beyond its end is seen. */
	copy = malloc(size - 1);
	assert(copy);
	memcpy(copy, data + 2, size - 2);
	copy[size - 2] = '\0';
	text = (struct text){ copy, size - 2 };
	if (data[1] % 4 == 0)
		write_cell(type, copy, text.len);
	else if (data[1] % 4 == 1)
		read_json(type, text);
	else if (data[1] % 4 == 2)
		read_texts(type, text);
	else
		(void)type_words(type_by_name(copy));
	free(copy);
	return 0;
}
