/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that comes in (RFC 8259). Strict: duplicate keys, NUL characters, invalid UTF-8, depth
 * beyond JSON_DEPTH_MAX and trailing bytes are errors. Each value keeps its text as it was written:
 * no digit of a number is lost, whatever its size.
 * Replies are not made here but by base/buf.h and pg/types/encode.h.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/json_value.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct json; /* a value; children are borrowed from the value that json_read gave */

struct json_error {
	unsigned line, column; /* from 1; columns in characters */
	char text[128];        /* quotes no more than a few characters of the input */
};

/* NULL and error filled: not JSON. Borrows nothing of text; the caller frees with json_free. */
struct json *json_read(struct text text, struct json_error *error) must_check;
/* Rows as pg/ encodes them, objects with commas between them or nothing, as one array; likewise. */
struct json *json_read_rows(struct text rows) must_check;
/* What json_read gave, not a child of it. */
void json_free(struct json *json);

enum json_kind json_kind(const struct json *json);
/* The value as it was written, without the blanks around it. */
struct text json_source(const struct json *json);
bool json_bool(const struct json *json);
/* Bytes of a string; NUL-terminated too. */
struct text json_text(const struct json *json);
/* How many elements an array, how many members an object has. */
size_t json_length(const struct json *json);
/* Elements or members in their order: for (it = json_first(o); it; it = json_next(it)). NULL: none
 * is left. */
const struct json *json_first(const struct json *json);
const struct json *json_next(const struct json *child);
/* The key of a member; NUL-terminated too. */
struct text json_key(const struct json *member);
/* Its members in the order of their keys' bytes, as many as json_length. The caller frees the
 * array, not what is in it. */
const struct json **json_sorted_members(const struct json *object) must_check;
/* The member of that key; NULL: none. */
const struct json *json_get(const struct json *object, const char *key);

/*
 * The value as JSON text that is the same for all ways to write it: no blanks, keys in the order of
 * their bytes, numbers with the fewest digits that mean exactly the same. Whether a number was
 * written as an integer stays to be seen: 5.0 is not 5 to every client.
 */
void json_write_canonical(struct buf *buf, const struct json *json);
