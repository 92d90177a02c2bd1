/* SPDX-License-Identifier: Apache-2.0 */
/* How a document lies in memory: the business of base/json.c and base/json_read.c only. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* In the order of the text: a container before its children. */
struct json {
	const char *source;
	const char *key;    /* of a member of an object; NULL: it is none */
	const char *string; /* of a string: without quotes and escapes */
	size_t source_len, key_len, string_len;
	uint32_t next;   /* values from here to the next child of the same parent; 0: the last */
	uint32_t length; /* children */
	enum json_kind kind;
};

struct json_document {
	char *texts; /* a copy of the text, then all its strings */
	struct json values[];
};
