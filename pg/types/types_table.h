/* SPDX-License-Identifier: Apache-2.0 */
/* How the built-in types are read and written; shared by pg/types*.c only. */
#pragma once

#include <stdint.h>

/* Each kind has a row in the table of docs/http.md. */
enum type_kind {
	KIND_UNKNOWN, /* not built in: an enum, a composite, … (pg/types/form.h) */
	KIND_BOOL,
	KIND_INT2,
	KIND_INT4,
	KIND_INT8,
	KIND_OID,
	KIND_FLOAT4,
	KIND_FLOAT8,
	KIND_NUMERIC,
	KIND_STRING,
	KIND_TIMESTAMP,
	KIND_TIMESTAMPTZ,
	KIND_TIMETZ,
	KIND_UUID,
	KIND_BYTEA,
	KIND_JSON,
	KIND_RECORD, /* fields without names and types; it never comes in */
};

static inline enum type_kind type_kind(uint32_t oid)
{
	switch (oid) {
#define TYPE(name, oid, array_oid, words, kind)                                                    \
	case oid:                                                                                  \
		return KIND_##kind;
#include "pg/types/types.def"
#undef TYPE
	default:
		return KIND_UNKNOWN;
	}
}

/* What stands between the elements of an array's text form: a box has commas of its own. */
static inline char type_delimiter(uint32_t element_oid)
{
	enum { OID_BOX = 603 };

	return element_oid == OID_BOX ? ';' : ',';
}
