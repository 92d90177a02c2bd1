/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a type that is not built in is made of: the base of a domain, the elements of an array, the
 * fields of a composite. pg/types/form_read.c makes it of PostgreSQL's answer, the readers and
 * writers of values use it. All of it lives as long as the shape that owns its arena.
 */
#pragma once

#include "base/statement.h"
#include "base/text.h"
#include "pg/types/types_table.h"

#include <stdbool.h>
#include <stdint.h>

enum form_kind {
	FORM_DOMAIN,    /* of a parameter only: everything else is resolved to the base */
	FORM_ARRAY,     /* whose elements have a form, or a delimiter of their own */
	FORM_COMPOSITE, /* CREATE TYPE … AS, or the rows of a table */
	FORM_HSTORE,    /* of the extension of that name */
};

struct type_field {
	struct text name;
	struct text key; /* "name": as JSON */
	struct pg_type type;
};

struct type_form {
	enum form_kind kind;
	char delimiter;       /* of FORM_ARRAY: between its elements */
	const char *name;     /* as SQL names it; of an array "array of NAME" */
	struct pg_type inner; /* of FORM_DOMAIN: its base; of FORM_ARRAY: its element */
	unsigned height;      /* forms within each other, this one included */
	unsigned fields_count;
	const struct type_field *fields; /* in their order, without those that were dropped */
};

#define FORM_TOO_LONG "is too long for one value"

/* Of a domain its base, of all else the type itself. */
static inline struct pg_type type_base(struct pg_type type)
{
	return type.form && type.form->kind == FORM_DOMAIN ? type.form->inner : type;
}

/* Of an array: the type of its elements. */
static inline struct pg_type type_element(struct pg_type type)
{
	return type.form ? type.form->inner : (struct pg_type){ .oid = type.element_oid };
}

/* And what stands between them. */
static inline char array_delimiter(struct pg_type type)
{
	return type.form ? type.form->delimiter : type_delimiter(type.element_oid);
}
