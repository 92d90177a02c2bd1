/* SPDX-License-Identifier: Apache-2.0 */
/* Which types, and which texts of them are those that PostgreSQL shows. */
#include "pg/types/key.h"

#include "pg/types/form.h"
#include "pg/types/types.h"

#include <stddef.h>
#include <string.h>

#define KEY_TYPES                                                                                  \
	"smallint, integer, bigint, oid, uuid, boolean, date, text, character varying or an enum"

enum { KEY_OID_TEXT = 25, KEY_OID_VARCHAR = 1043, KEY_OID_DATE = 1082 };

/* How the values of a type are spelt. */
enum key_form {
	KEY_NONE, /* one value may have several texts */
	KEY_BOOL,
	KEY_NUMBER,
	KEY_UUID,
	KEY_DATE,
	KEY_TEXT, /* as it was given */
	KEY_ENUM, /* likewise, if it is one: only PostgreSQL knows */
};

bool key_is_collated(uint32_t oid)
{
	return oid == KEY_OID_TEXT || oid == KEY_OID_VARCHAR;
}

static enum key_form key_form(struct pg_type element)
{
	switch (type_kind(element.oid)) {
	case KIND_BOOL:
		return KEY_BOOL;
	case KIND_INT2:
	case KIND_INT4:
	case KIND_INT8:
	case KIND_OID:
		return KEY_NUMBER;
	case KIND_UUID:
		return KEY_UUID;
	case KIND_STRING:
		if (element.oid == KEY_OID_DATE)
			return KEY_DATE;
		return key_is_collated(element.oid) ? KEY_TEXT : KEY_NONE;
	case KIND_UNKNOWN:
		return KEY_ENUM;
	case KIND_FLOAT4:
	case KIND_FLOAT8:
	case KIND_NUMERIC:
	case KIND_TIMESTAMP:
	case KIND_TIMESTAMPTZ:
	case KIND_TIMETZ:
	case KIND_BYTEA:
	case KIND_JSON:
	case KIND_RECORD:
		break;
	}
	return KEY_NONE;
}

static bool key_is_exact(struct pg_type element, bool is_enum)
{
	enum key_form form = key_form(element);

	return form == KEY_ENUM ? is_enum : form != KEY_NONE;
}

bool key_is_known(struct pg_type element)
{
	return key_is_exact(element, false);
}

bool key_fits_column(struct pg_type element, uint32_t column_oid)
{
	return element.oid == column_oid ||
	       (key_is_collated(element.oid) && key_is_collated(column_oid));
}

const char *key_misfit(const struct statement *statement, const struct shape *shape,
		       struct key_column column, struct arena *arena)
{
	struct pg_type array = shape->param_types[statement->lookup - 1], element;
	const char *key = statement->key;

	if (!array.element_oid || (array.form && array.form->kind == FORM_DOMAIN))
		return arena_printf(arena,
				    "@lookup by %s: the statement takes no array of it, but %s: "
				    "write = ANY(:%s)",
				    key, type_words(array), key);
	element = type_element(array);
	if (array.form || !key_is_exact(element, column.is_enum))
		return arena_printf(arena,
				    "@lookup by %s: keys of type %s cannot be told apart by their "
				    "texts: use " KEY_TYPES,
				    key, type_words(element));
	if (!column.oid)
		return arena_printf(arena,
				    "@lookup by %s: the statement returns no column \"%s\", which "
				    "says whose row it is: write SELECT … AS %s",
				    key, key, key);
	if (!key_fits_column(element, column.oid))
		return arena_printf(arena,
				    "@lookup by %s: the column \"%s\" is %s, the parameter %s: "
				    "declare it as the column, @param %s TYPE",
				    key, key, type_words(type_by_oid(column.oid)),
				    type_words(element), key);
	return NULL;
}

/* --- texts ----------------------------------------------------------------------------------- */

/* Of an integer, without zeros in front or a plus. */
static bool key_is_number(const char *value)
{
	size_t sign = *value == '-', digits = strspn(value + sign, "0123456789");

	return digits > 0 && !value[sign + digits] &&
	       (value[sign] != '0' || (digits == 1 && !sign));
}

/* Of that form, where 0 stands for a digit, and x for one of hexadecimals. */
static bool key_has_form(const char *value, const char *form)
{
	for (; *form; form++, value++) {
		bool digit = *value >= '0' && *value <= '9',
		     letter = *value >= 'a' && *value <= 'f';

		if (*form == '0' ? !digit : *form == 'x' ? !digit && !letter : *value != *form)
			return false;
	}
	return !*value;
}

const char *key_text(struct pg_type element, const char *value)
{
	bool shown = false;

	switch (key_form(element)) {
	case KEY_NONE:
		break;
	case KEY_BOOL:
		/* As a bound value is spelt, pg/types/scalar_text.c. */
		if (strcmp(value, "true") == 0)
			return "t";
		return strcmp(value, "false") == 0 ? "f" : NULL;
	case KEY_NUMBER:
		shown = key_is_number(value);
		break;
	case KEY_UUID:
		shown = key_has_form(value, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
		break;
	case KEY_DATE:
		shown = key_has_form(value, "0000-00-00");
		break;
	case KEY_TEXT:
	case KEY_ENUM:
		shown = true;
		break;
	}
	return shown && strnlen(value, KEY_BYTES_MAX + 1) <= KEY_BYTES_MAX ? value : NULL;
}
