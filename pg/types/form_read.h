/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of types (pg/types/form.h), of what PostgreSQL tells of its catalogs. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Is more to be asked of that type than its OID tells? */
bool type_has_form(uint32_t oid) must_check;

/*
 * $1: OIDs. A row per type that is reached from them and is a domain, an array, a composite, an
 * enum or an hstore: {"oid", "name", "kind": d a c e h, "inner", "delimiter",
 * "fields": [["name", oid], …]}.
 */
#define FORMS_QUERY                                                                                \
	"WITH RECURSIVE reached (oid) AS (SELECT unnest($1::oid[]) UNION"                          \
	" SELECT part.oid FROM reached JOIN pg_catalog.pg_type AS type ON type.oid = reached.oid," \
	" LATERAL (SELECT type.typbasetype WHERE type.typtype = 'd'"                               \
	" UNION ALL SELECT element.oid FROM pg_catalog.pg_type AS element"                         \
	" WHERE element.oid = type.typelem AND element.typarray = type.oid"                        \
	" UNION ALL SELECT atttypid FROM pg_catalog.pg_attribute WHERE type.typtype = 'c'"         \
	" AND attrelid = type.typrelid AND attnum > 0 AND NOT attisdropped) AS part (oid)),"       \
	" typed AS (SELECT type.*, CASE WHEN typtype IN ('d', 'c', 'e') THEN typtype"              \
	" WHEN EXISTS (SELECT FROM pg_catalog.pg_type AS element WHERE element.oid = type.typelem" \
	" AND element.typarray = type.oid) THEN 'a'"                                               \
	" WHEN typname = 'hstore' AND EXISTS (SELECT FROM pg_catalog.pg_depend AS member"          \
	" JOIN pg_catalog.pg_extension AS extension ON extension.oid = member.refobjid"            \
	" WHERE member.classid = 'pg_catalog.pg_type'::regclass AND member.objid = type.oid"       \
	" AND member.refclassid = 'pg_catalog.pg_extension'::regclass"                             \
	" AND member.deptype = 'e' AND extension.extname = 'hstore') THEN 'h' END AS kind"         \
	" FROM reached JOIN pg_catalog.pg_type AS type ON type.oid = reached.oid)"                 \
	" SELECT json_build_object('oid', oid::int8, 'name', format_type(oid, NULL),"              \
	" 'kind', kind, 'inner', (CASE kind WHEN 'd' THEN typbasetype ELSE typelem END)::int8,"    \
	" 'delimiter', typdelim, 'fields', (SELECT coalesce(json_agg("                             \
	"json_build_array(attname, atttypid::int8) ORDER BY attnum), '[]')"                        \
	" FROM pg_catalog.pg_attribute WHERE kind = 'c' AND attrelid = typrelid AND attnum > 0"    \
	" AND NOT attisdropped)) AS form FROM typed WHERE kind IS NOT NULL ORDER BY oid"

/* Of all rows of an answer. */
struct forms;

/* NULL and why filled: more than the limits allow, or not such an answer. answer: the rows of
 * FORMS_QUERY as cqrsd writes them, {"form":…},{"form":…}. Both are in the arena. */
struct forms *form_read(struct text answer, struct arena *arena, const char **why) must_check;
/*
 * The type of a parameter, or of a column. False: its parts are within each other too often.
 * int8_as_text: bigint that is nested in it is written as a string.
 */
bool form_of_param(struct forms *forms, uint32_t oid, struct pg_type *type) must_check;
bool form_of_column(struct forms *forms, uint32_t oid, bool int8_as_text,
		    struct pg_type *type) must_check;
bool form_is_enum(const struct forms *forms, uint32_t oid) must_check;
/* Is there a composite among them, whose fields may change? */
bool forms_may_change(const struct forms *forms) must_check;
