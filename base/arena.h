/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that dies together: what a request needs is taken from its arena and freed in one go.
 * Running out of memory ends the process with a message: there is no NULL to check.
 * One thread at a time.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first; the first block is kept by arena_reset */
	char *free, *end;           /* what is left of the newest block */
	size_t bytes;               /* taken from malloc in all */
};

/* No memory is taken until the first allocation. */
void arena_init(struct arena *arena);
/* Frees everything. */
void arena_fini(struct arena *arena);
/* Forgets everything but keeps one block for next time. */
void arena_reset(struct arena *arena);

/* Aligned for any type; not cleared. */
void *arena_alloc(struct arena *arena, size_t bytes) must_check;
/* Cleared; count * bytes must not overflow (asserted). */
void *arena_zero(struct arena *arena, size_t count, size_t bytes) must_check;
/* NUL-terminated copies. */
char *arena_copy(struct arena *arena, const char *ptr, size_t len) must_check;
struct text arena_text(struct arena *arena, struct text text) must_check;
char *arena_printf(struct arena *arena, const char *format, ...) must_check printf_like(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) must_check;
