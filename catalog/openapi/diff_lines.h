/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a comparison of two OpenAPI documents has found so far, and how both are read: either may be
 * of a stranger's making, so that what is not of the kind expected counts as absent.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum diff_side { DIFF_OLD, DIFF_NEW };

struct diff_line {
	const char *name; /* of the operation */
	const char *why;
	bool breaking;
};

struct diff {
	const struct json *whole[2]; /* by diff_side */
	struct arena arena;
	struct diff_line *lines; /* [count] */
	size_t count, room;
	unsigned steps;     /* pairs compared */
	const char *name;   /* of the operation that is compared now */
	const char *prefix; /* of each reason: "" or "202: " */
	char *error;        /* empty: none yet */
	size_t error_room;
};

/* Adds a line. */
void diff_change(struct diff *diff, bool breaking, const char *format, ...) printf_like(3, 4);
/* Sorted by name, what breaks first, each once. */
void diff_sort(struct diff *diff);
/* The first failure is kept; nothing is compared after it. */
void diff_fail(struct diff *diff, const char *format, ...) printf_like(2, 3);
/* To be asked before each pair. False: it has failed, or there were too many of them. */
bool diff_step(struct diff *diff) must_check;

/* The member of that key; NULL: none, or object is NULL or no object. */
const struct json *diff_member(const struct json *object, const char *key);
/* The string, NUL-terminated; NULL: none. */
const char *diff_string(const struct json *object, const char *key);
bool diff_is_true(const struct json *object, const char *key) must_check;
/* The first of its children; NULL: it has none, or is no array, or is no object. */
const struct json *diff_elements(const struct json *array);
const struct json *diff_members(const struct json *object);
/* Behind references (#/…); NULL: node is NULL. A reference to nothing is a failure. */
const struct json *diff_resolve(struct diff *diff, enum diff_side side, const struct json *node);
/* Fit for a line: shortened, without control characters. */
const char *diff_word(struct diff *diff, struct text text);
