/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that is written member by member, two blanks deeper each level: texts that differ in one
 * thing differ in its lines. An object or an array is open until writer_end. key NULL: within an
 * array, or the whole.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define WRITER_DEPTH_MAX 64

struct writer {
	struct buf *out;
	unsigned depth;
	bool has_members[WRITER_DEPTH_MAX];
	char closing[WRITER_DEPTH_MAX];
};

void writer_init(struct writer *writer, struct buf *out);
void writer_object(struct writer *writer, const char *key);
void writer_array(struct writer *writer, const char *key);
void writer_end(struct writer *writer);
void writer_string(struct writer *writer, const char *key, const char *string);
void writer_text(struct writer *writer, const char *key, struct text text);
void writer_number(struct writer *writer, const char *key, int64_t number);
void writer_bool(struct writer *writer, const char *key, bool is_true);
void writer_null(struct writer *writer, const char *key);
/* JSON, laid out as the rest. */
void writer_json(struct writer *writer, const char *key, const struct json *json);
/* A key that is not NUL-terminated: the value comes with the next call, with key NULL. */
void writer_key(struct writer *writer, struct text key);
/* An object with nothing but a reference, to #/components/SECTION/NAMESUFFIX. */
void writer_ref(struct writer *writer, const char *key, const char *section, const char *name,
		const char *suffix);
