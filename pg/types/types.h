/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's types at the border: JSON and query strings in, text form out; result cells in,
 * JSON out (docs/http.md has the table). Text form everywhere, with the settings that
 * pg/wire/conn.c pins: UTC, ISO dates, ISO 8601 intervals, hex bytea, shortest floats.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/json.h"
#include "base/statement.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Built-in type of that name or alias ("int", "timestamptz", "varchar(20)", "text[]"); what is in
 * parentheses is ignored. oid 0: not built in.
 */
struct pg_type type_by_name(const char *name);
/* Built-in: fills element_oid of the built-in array types. */
struct pg_type type_by_oid(uint32_t oid);
/*
 * May an empty string be a value of it? True for texts, bytes and whatever is not built in (which
 * PostgreSQL decides); false where it can only mean that there is none, as for numbers and dates.
 */
bool type_takes_empty(struct pg_type type) must_check;
/* For messages: "integer", "array of text"; "value" when not known. */
const char *type_words(struct pg_type type);

/* A bigint, or an array of them, as it is when it leaves as a string; others as they are. */
struct pg_type type_as_text(struct pg_type type) must_check;

/*
 * The text form of a JSON value for a parameter of that type, in the arena. False and why filled
 * (one phrase for the client, "must be integer, not \"x\"", with no more than 32 bytes of the
 * value): the value is of the wrong type or out of range. JSON null gives *out NULL.
 */
bool type_from_json(struct pg_type type, const struct json *json, struct arena *arena,
		    const char **out, const char **why) must_check;
/* The same from the values of one name of a query string; several make an array. */
bool type_from_texts(struct pg_type type, const struct text *values, size_t count,
		     struct arena *arena, const char **out, const char **why) must_check;

/*
 * Appends a value of PostgreSQL's as JSON. Not for NULL cells. False: a composite has more or fewer
 * fields than its form, which is out of date; a string stands in its place.
 */
bool type_to_json(struct buf *out, struct pg_type type, const char *ptr, size_t len) must_check;
