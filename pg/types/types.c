/* SPDX-License-Identifier: Apache-2.0 */
/* Names and OIDs of the built-in types. What is not found here, PostgreSQL is asked for. */
#include "pg/types/types.h"

#include "pg/types/form.h"
#include "pg/types/types_table.h"

#include <string.h>

#define NAME_BYTES_MAX 64 /* of a name without its modifiers; none of ours is longer */

static const struct {
	const char *alias, *words;
} aliases[] = {
	{ "int", "integer" },
	{ "float", "double precision" },
	{ "decimal", "numeric" },
	{ "dec", "numeric" },
	{ "char", "character" },
	{ "nchar", "character" },
	{ "national char", "character" },
	{ "national character", "character" },
	{ "char varying", "character varying" },
	{ "national char varying", "character varying" },
	{ "national character varying", "character varying" },
	{ "timestamp without time zone", "timestamp" },
	{ "time without time zone", "time" },
};

static const struct {
	const char *name, *words;
	uint32_t oid, array_oid;
} types[] = {
#define TYPE(name, oid, array_oid, words, kind) { #name, words, oid, array_oid },
#include "pg/types/types.def"
#undef TYPE
};

/* A name on its way to its normal form: lower case, single spaces, no modifier, no brackets. */
struct type_name {
	char text[NAME_BYTES_MAX];
	size_t len;
	bool is_array, has_modifier;
};

static bool name_read(struct type_name *name, const char *from);
static struct pg_type name_find(const struct type_name *name);

struct pg_type type_by_name(const char *from)
{
	struct type_name name;

	if (!name_read(&name, from))
		return (struct pg_type){ .oid = 0 };
	return name_find(&name);
}

struct pg_type type_by_oid(uint32_t oid)
{
	switch (oid) {
#define TYPE(name, number, array_number, words, kind)                                              \
	case number:                                                                               \
		return (struct pg_type){ .oid = number };                                          \
	case array_number:                                                                         \
		return (struct pg_type){ .oid = array_number, .element_oid = number };
#include "pg/types/types.def"
#undef TYPE
	default:
		return (struct pg_type){ .oid = oid };
	}
}

struct pg_type type_as_text(struct pg_type type)
{
	enum { OID_INT8 = 20, OID_TEXT = 25 };

	if (type.form)
		return type;
	if (type.element_oid == OID_INT8)
		return (struct pg_type){ .oid = type.oid, .element_oid = OID_TEXT };
	if (type.oid == OID_INT8)
		return (struct pg_type){ .oid = OID_TEXT };
	return type;
}

bool type_takes_empty(struct pg_type given)
{
	static const char *const texts[] = { "text",       "character varying",
					     "character",  "name",
					     "\"char\"",   "bytea",
					     "xml",        "bit",
					     "tsvector",   "bit varying",
					     "int2vector", "tsquery",
					     "refcursor",  "oidvector" };
	struct pg_type type = type_base(given);
	const char *words = type_words(type);

	if (type.form || strcmp(words, "value") == 0)
		return true;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (strcmp(words, texts[i]) == 0)
			return true;
	return false;
}

static const char *array_words(uint32_t element_oid)
{
	switch (element_oid) {
#define TYPE(name, oid, array_oid, words, kind)                                                    \
	case oid:                                                                                  \
		return "array of " words;
#include "pg/types/types.def"
#undef TYPE
	default:
		return "array";
	}
}

const char *type_words(struct pg_type type)
{
	if (type.form)
		return type.form->name;
	if (type.element_oid)
		return array_words(type.element_oid);
	switch (type.oid) {
#define TYPE(name, oid, array_oid, words, kind)                                                    \
	case oid:                                                                                  \
		return words;
#include "pg/types/types.def"
#undef TYPE
	default:
		return "value";
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* Takes one byte; false: the name is too long to be one of ours. */
static bool name_add(struct type_name *name, char c)
{
	if (is_space(c)) {
		if (name->len == 0 || name->text[name->len - 1] == ' ')
			return true;
		c = ' ';
	}
	if (name->len + 1 >= sizeof name->text)
		return false;
	name->text[name->len++] = c;
	return true;
}

/* Steps over "( … )" or "[ … ]" with nothing but digits, commas, a sign and spaces in it. */
static const char *name_skip_group(const char *from, char close)
{
	from++;
	while (is_space(*from) || (*from >= '0' && *from <= '9') || *from == ',' || *from == '-')
		from++;
	return *from == close ? from + 1 : NULL;
}

static bool name_read(struct type_name *name, const char *from)
{
	bool quoted = false;

	*name = (struct type_name){ .len = 0 };
	while (*from) {
		char c = *from;

		if (c == '"')
			quoted = !quoted;
		if (!quoted && (c == '(' || c == '[')) {
			from = name_skip_group(from, c == '(' ? ')' : ']');
			if (!from)
				return false;
			*(c == '(' ? &name->has_modifier : &name->is_array) = true;
			continue;
		}
		/* Brackets come last. */
		if (name->is_array && !is_space(c))
			return false;
		if (!quoted && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!name_add(name, c))
			return false;
		from++;
	}
	if (name->len > 0 && name->text[name->len - 1] == ' ')
		name->len--;
	name->text[name->len] = '\0';
	return name->len > 0;
}

static struct pg_type name_find(const struct type_name *name)
{
	static const char schema[] = "pg_catalog.";
	const char *text = name->text;

	if (strncmp(text, schema, sizeof schema - 1) == 0)
		text += sizeof schema - 1;
	/* The modifier of float(p) chooses between two types. */
	if (name->has_modifier && strcmp(text, "float") == 0)
		return (struct pg_type){ .oid = 0 };
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (strcmp(text, aliases[i].alias) == 0)
			text = aliases[i].words;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (strcmp(text, types[i].words) != 0 && strcmp(text, types[i].name) != 0)
			continue;
		if (name->is_array)
			return (struct pg_type){ .oid = types[i].array_oid,
						 .element_oid = types[i].oid };
		return (struct pg_type){ .oid = types[i].oid };
	}
	return (struct pg_type){ .oid = 0 };
}
