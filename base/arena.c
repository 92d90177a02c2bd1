/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of blocks, the newest in front; allocating is moving a pointer. One thread at a time. */
#include "base/arena.h"

#include "base/log.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONED 1
#endif
#endif

#ifdef ARENA_POISONED
#include <sanitizer/asan_interface.h>
#else
/* Without AddressSanitizer poisoned memory is not checked. */
#define ASAN_POISON_MEMORY_REGION(ptr, bytes) ((void)(ptr), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, bytes) ((void)(ptr), (void)(bytes))
#endif

#define ARENA_ALIGN _Alignof(max_align_t)
/* With malloc's own header a block is a round number of bytes. */
#define ARENA_BLOCK_BYTES ((size_t)8192 - 64)
#define ARENA_BLOCK_BYTES_MAX ((size_t)1 << 20)

struct arena_block {
	struct arena_block *older;
	size_t bytes; /* of data */
	_Alignas(max_align_t) char data[];
};

static void arena_grow(struct arena *arena, size_t bytes);

void arena_init(struct arena *arena)
{
	*arena = (struct arena){ NULL, NULL, NULL, 0 };
}

void arena_fini(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->older;
		ASAN_UNPOISON_MEMORY_REGION(block->data, block->bytes);
		free(block);
	}
	arena_init(arena);
}

void arena_reset(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	if (!block)
		return;
	while (block->older) {
		struct arena_block *older = block->older;

		ASAN_UNPOISON_MEMORY_REGION(block->data, block->bytes);
		free(block);
		block = older;
	}
	ASAN_POISON_MEMORY_REGION(block->data, block->bytes);
	arena->blocks = block;
	arena->free = block->data;
	arena->end = block->data + block->bytes;
	arena->bytes = block->bytes;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	size_t room;
	void *ptr;

	assert(bytes <= SIZE_MAX / 2);
	room = (bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (room == 0)
		room = ARENA_ALIGN;
	if ((size_t)(arena->end - arena->free) < room)
		arena_grow(arena, room);
	ptr = arena->free;
	arena->free += room;
	ASAN_UNPOISON_MEMORY_REGION(ptr, bytes);
	return ptr;
}

void *arena_zero(struct arena *arena, size_t count, size_t bytes)
{
	size_t all;
	bool overflow = __builtin_mul_overflow(count, bytes, &all);

	assert(!overflow);
	return memset(arena_alloc(arena, all), 0, all);
}

char *arena_copy(struct arena *arena, const char *ptr, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (len)
		memcpy(copy, ptr, len);
	copy[len] = '\0';
	return copy;
}

struct text arena_text(struct arena *arena, struct text text)
{
	if (!text.ptr)
		return text;
	return (struct text){ arena_copy(arena, text.ptr, text.len), text.len };
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *out;

	va_start(args, format);
	out = arena_vprintf(arena, format, args);
	va_end(args);
	return out;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *out;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	assert(len >= 0);
	out = arena_alloc(arena, (size_t)len + 1);
	vsnprintf(out, (size_t)len + 1, format, again);
	va_end(again);
	return out;
}

/* Each block is as large as all before it together, so that their number stays small. */
static void arena_grow(struct arena *arena, size_t bytes)
{
	size_t want = arena->blocks ? arena->bytes : ARENA_BLOCK_BYTES;
	struct arena_block *block;

	if (want > ARENA_BLOCK_BYTES_MAX)
		want = ARENA_BLOCK_BYTES_MAX;
	/* The first block is the one that stays: a large object gets one of its own behind it. */
	if (!arena->blocks && bytes > want)
		arena_grow(arena, want);
	if (want < bytes)
		want = bytes;
	block = malloc(sizeof(*block) + want);
	if (!block)
		log_fatal("arena", "out of memory (%zu bytes wanted)", want);
	block->older = arena->blocks;
	block->bytes = want;
	ASAN_POISON_MEMORY_REGION(block->data, want);
	arena->blocks = block;
	arena->free = block->data;
	arena->end = block->data + want;
	arena->bytes += want;
}
