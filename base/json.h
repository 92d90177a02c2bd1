/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that comes in, read by jansson, which only base/json.c knows. Strict: duplicate keys, NUL
 * characters, invalid UTF-8, depth beyond JSON_DEPTH_MAX and trailing bytes are errors.
 * Replies are not made here but by base/buf.h and pg/types/encode.h.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct json; /* a value; children are borrowed from the value that json_read gave */

enum json_kind { JSON_NULL_, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STR, JSON_ARR, JSON_OBJ };

struct json_error {
	unsigned line, column; /* from 1 */
	char text[128];        /* quotes no more than a few characters of the input */
};

/* NULL and error filled: not JSON. The caller frees the value with json_free. */
struct json *json_read(struct text text, struct json_error *error) must_check;
void json_free(struct json *json);

enum json_kind json_kind(const struct json *json);
bool json_bool(const struct json *json);
int64_t json_int(const struct json *json);
/* Bytes of a string; NUL-terminated too. */
struct text json_text(const struct json *json);
/* Array. */
size_t json_length(const struct json *json);
const struct json *json_at(const struct json *json, size_t index);
/* Object, in the order of the input. */
size_t json_keys(const struct json *json);
const struct json *json_get(const struct json *json, const char *key);
/* Each member: for (void *it = json_first(o); it; it = json_next(o, it)). */
void *json_first(const struct json *object);
void *json_next(const struct json *object, void *it);
struct text json_key(void *it);
const struct json *json_value(void *it);

/* The value as JSON text; numbers with the fewest digits that read back the same. */
void json_write(struct buf *buf, const struct json *json);
/* The same with the keys of every object in the order of their bytes. */
void json_write_canonical(struct buf *buf, const struct json *json);
/* The version of jansson. */
const char *json_library_version(void);
