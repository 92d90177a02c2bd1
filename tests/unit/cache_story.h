/* SPDX-License-Identifier: Apache-2.0 */
/* A store of answers to tell stories of, and what must be true of it at any time. */
#pragma once

#include "base/buf.h"
#include "read/cache/store.h"

struct cache_story {
	struct cache_store *store;
	struct cache_reader *reader;
	struct buf body; /* of the last one that was found */
};

extern struct cache_story cache_story;

void cache_story_begin(size_t bytes);
void cache_story_end(void);
/* As setup and teardown of a test: with the least memory. */
int cache_story_setup(void **state);
int cache_story_teardown(void **state);

/* An answer with that lower bound; its body is that many bytes which follow from the key. */
bool story_put(const char *key, uint64_t lower, size_t body_len);
bool story_put_text(const char *key, uint64_t lower, const char *body);
/* Is it there, whole, with the bound it was put with? Its body goes to cache_story.body. */
bool story_has(const char *key, uint64_t lower, size_t body_len);
bool story_has_text(const char *key, const char *body);
/* Asks for it so many times; false: it is not there. */
bool story_use(const char *key, unsigned times);

/*
 * Walks all that there is, while no other thread does anything: each block is once in an entry, or
 * free, or waits for readers; each entry is once in a bucket, that of its key, and in a queue.
 */
void story_check(void);
