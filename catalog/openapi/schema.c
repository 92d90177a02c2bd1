/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the table is a type that is not a plain string; what is not known is one. */
#include "catalog/openapi/schema.h"

#include "base/json.h"

#include <stddef.h>
#include <string.h>

#define SCHEMA_DEPTH_MAX 16 /* of types within each other, as pg/types/ has it */
#define TYPMOD_HEADER 4     /* of varchar(n) and char(n): its typmod is n + 4 */

/* What JSON a type is: in a reply (out), in a request (in). */
static const struct schema_row {
	const char *name;     /* in pg_catalog */
	const char *out, *in; /* words of "type", separated by blanks; "": any */
	const char *format;   /* NULL: none */
	int64_t least, most;  /* both 0: not said */
} schema_rows[] = {
	{ "bool", "boolean", "boolean", NULL, 0, 0 },
	{ "int2", "integer", "integer", "int16", INT16_MIN, INT16_MAX },
	{ "int4", "integer", "integer", "int32", INT32_MIN, INT32_MAX },
	{ "int8", "integer", "integer string", "int64", 0, 0 },
	{ "oid", "integer", "integer", "uint32", 0, UINT32_MAX },
	{ "float4", "number string", "number string", "float", 0, 0 },
	{ "float8", "number string", "number string", "double", 0, 0 },
	{ "numeric", "string", "number string", "decimal", 0, 0 },
	{ "date", "string", "string", "date", 0, 0 },
	{ "time", "string", "string", "time-local", 0, 0 },
	{ "timetz", "string", "string", "time", 0, 0 },
	{ "timestamp", "string", "string", "date-time-local", 0, 0 },
	{ "timestamptz", "string", "string", "date-time", 0, 0 },
	{ "interval", "string", "string", "duration", 0, 0 },
	{ "uuid", "string", "string", "uuid", 0, 0 },
	{ "bytea", "string", "string", NULL, 0, 0 },
	{ "json", "", "", NULL, 0, 0 },
	{ "jsonb", "", "", NULL, 0, 0 },
};

static const struct schema_row schema_string = { "", "string", "string", NULL, 0, 0 };

/* A member of a type's facts, as a word. */
static bool schema_says(const struct json *type, const char *member, const char *word)
{
	const struct json *value = type ? json_get(type, member) : NULL;

	return value && json_kind(value) == JSON_STRING && text_is(json_text(value), word);
}

static const struct schema_row *schema_row(const struct json *type)
{
	for (size_t i = 0; i < sizeof(schema_rows) / sizeof(schema_rows[0]); i++)
		if (schema_says(type, "name", schema_rows[i].name))
			return &schema_rows[i];
	return &schema_string;
}

static bool schema_is_hstore(const struct json *type)
{
	const struct json *hstore = type ? json_get(type, "hstore") : NULL;

	return hstore && json_kind(hstore) == JSON_BOOL && json_bool(hstore);
}

/* Through domains to their base; *length: of the innermost that has one, 0: none. */
static const struct json *schema_base(const struct facts *facts, int64_t oid, int64_t *length)
{
	const struct json *type = facts_type(facts, oid);
	int64_t typmod = -1;

	for (int i = 0; i < SCHEMA_DEPTH_MAX && schema_says(type, "kind", "d"); i++) {
		if (facts_number(json_get(type, "typmod")) >= TYPMOD_HEADER)
			typmod = facts_number(json_get(type, "typmod"));
		type = facts_type(facts, facts_number(json_get(type, "base")));
	}
	*length = 0;
	if (type && typmod > TYPMOD_HEADER &&
	    (schema_says(type, "name", "varchar") || schema_says(type, "name", "bpchar")))
		*length = typmod - TYPMOD_HEADER;
	return type;
}

/* Words separated by blanks. */
static void schema_type(struct writer *writer, const char *words, bool nullable)
{
	if (!*words)
		return;
	if (!nullable && !strchr(words, ' ')) {
		writer_string(writer, "type", words);
		return;
	}
	writer_array(writer, "type");
	for (const char *word = words; *word;) {
		size_t len = strcspn(word, " ");

		writer_text(writer, NULL, (struct text){ word, len });
		word += len + (word[len] == ' ');
	}
	if (nullable)
		writer_string(writer, NULL, "null");
	writer_end(writer);
}

static void schema_description(struct writer *writer, const struct schema_of *of)
{
	if (of->description && *of->description)
		writer_string(writer, "description", of->description);
}

static void schema_default(struct writer *writer, const struct schema_row *row,
			   const struct schema_of *of)
{
	struct text value = of->default_value;
	struct json_error error;
	struct json *json;
	const char *type = row->in;
	bool fits = false;

	if (!value.ptr)
		return;
	/* A number or a word of JSON, where the type takes that; else its text. */
	json = *type && strncmp(type, "string", 6) != 0 ? json_read(value, &error) : NULL;
	if (json)
		fits = json_kind(json) == JSON_NUMBER || json_kind(json) == JSON_BOOL;
	if (fits)
		writer_json(writer, "default", json);
	else if (!strncmp(type, "string", 6) || strchr(type, ' '))
		writer_text(writer, "default", value);
	if (json)
		json_free(json);
}

static void schema_scalar(struct writer *writer, const struct json *type, int64_t length,
			  const struct schema_of *of)
{
	const struct schema_row *row = schema_row(type);
	const struct json *labels = type ? json_get(type, "labels") : NULL;
	bool as_text = of->side == SCHEMA_OUT && of->int8_as_text && row->format &&
		       !strcmp(row->format, "int64");

	schema_type(writer,
		    as_text                  ? "string"
		    : of->side == SCHEMA_OUT ? row->out
					     : row->in,
		    of->nullable);
	if (row->format)
		writer_string(writer, "format", row->format);
	if (!strcmp(row->name, "bytea"))
		writer_string(writer, "contentEncoding", "base64");
	if (row->least || row->most) {
		writer_number(writer, "minimum", row->least);
		writer_number(writer, "maximum", row->most);
	}
	if (length)
		writer_number(writer, "maxLength", length);
	if (schema_says(type, "kind", "e") && labels) {
		writer_array(writer, "enum");
		for (const struct json *it = json_first(labels); it; it = json_next(it))
			writer_text(writer, NULL, json_text(it));
		if (of->nullable)
			writer_null(writer, NULL);
		writer_end(writer);
	}
	schema_description(writer, of);
	schema_default(writer, row, of);
}

static void schema_write_within(struct writer *writer, const struct facts *facts,
				const struct schema_of *of, unsigned depth);

static void schema_array(struct writer *writer, const struct facts *facts, int64_t element,
			 const struct schema_of *of, unsigned depth)
{
	schema_type(writer, "array", of->nullable);
	schema_description(writer, of);
	writer_object(writer, "items");
	schema_write_within(writer, facts,
			    &(struct schema_of){ .oid = element,
						 .side = of->side,
						 .nullable = true,
						 .int8_as_text = of->int8_as_text },
			    depth + 1);
	writer_end(writer);
}

/* An object of its fields; in a request one that is not there is NULL. */
static void schema_composite(struct writer *writer, const struct facts *facts,
			     const struct json *fields, const struct schema_of *of, unsigned depth)
{
	schema_type(writer, "object", of->nullable);
	schema_description(writer, of);
	writer_object(writer, "properties");
	for (const struct json *it = json_first(fields); it; it = json_next(it)) {
		const struct json *name = json_first(it);

		writer_key(writer, json_text(name));
		writer_object(writer, NULL);
		schema_write_within(writer, facts,
				    &(struct schema_of){ .oid = facts_number(json_next(name)),
							 .side = of->side,
							 .nullable = true,
							 .int8_as_text = of->int8_as_text },
				    depth + 1);
		writer_end(writer);
	}
	writer_end(writer);
	if (of->side == SCHEMA_IN) {
		writer_bool(writer, "additionalProperties", false);
		return;
	}
	writer_array(writer, "required");
	for (const struct json *it = json_first(fields); it; it = json_next(it))
		writer_text(writer, NULL, json_text(json_first(it)));
	writer_end(writer);
}

static void schema_texts(struct writer *writer, const struct schema_of *of)
{
	schema_type(writer, "object", of->nullable);
	schema_description(writer, of);
	writer_object(writer, "additionalProperties");
	schema_type(writer, "string", true);
	writer_end(writer);
}

static void schema_write_within(struct writer *writer, const struct facts *facts,
				const struct schema_of *of, unsigned depth)
{
	int64_t length;
	const struct json *type = schema_base(facts, of->oid, &length);
	const struct json *fields = type ? json_get(type, "fields") : NULL;
	int64_t element = type ? facts_number(json_get(type, "element")) : 0;

	/* Of what is deeper nothing is said. */
	if (depth == SCHEMA_DEPTH_MAX)
		return;
	if (element)
		schema_array(writer, facts, element, of, depth);
	else if (schema_says(type, "kind", "c") && fields)
		schema_composite(writer, facts, fields, of, depth);
	else if (schema_is_hstore(type) || schema_says(type, "name", "record"))
		schema_texts(writer, of);
	else
		schema_scalar(writer, type, length, of);
}

void schema_write(struct writer *writer, const struct facts *facts, const struct schema_of *of)
{
	schema_write_within(writer, facts, of, 0);
}

bool schema_is_json_text(const struct facts *facts, int64_t oid)
{
	int64_t length;
	const struct json *type = schema_base(facts, oid, &length);

	return schema_says(type, "kind", "c") || schema_is_hstore(type) || !*schema_row(type)->in;
}
