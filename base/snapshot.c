/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pointer to the newest copy. Readers mark a read by an epoch; the publisher frees an older
 * copy when no read that began before can still be under way.
 */
#include "base/snapshot.h"

#include "base/log.h"
#include "base/tsan.h"

#include <assert.h>
#include <ck_epoch.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct snapshot_copy {
	ck_epoch_entry_t grave; /* first: a copy is freed by its grave */
	uint64_t version;
	struct snapshot *snapshot;
	_Alignas(max_align_t) char value[];
};

/* The epoch remembers every record, so readers are used again and die with the snapshot. */
struct snapshot_reader {
	ck_epoch_record_t record;
	struct snapshot *snapshot;
	struct snapshot_copy *entered; /* NULL: none */
	struct snapshot_reader *next;
	bool in_use;
};

struct snapshot {
	size_t bytes;
	void (*fini)(void *value); /* NULL: values are no more than their bytes */
	_Atomic uint64_t version;
	struct snapshot_copy *current;
	ck_epoch_t epoch;
	struct snapshot_reader *publisher; /* its record holds the graves */
	pthread_mutex_t readers_lock;      /* making and freeing readers only, never reading */
	struct snapshot_reader *readers;
};

struct snapshot *snapshot_new(size_t bytes)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		log_fatal("snapshot", "out of memory");
	snapshot->bytes = bytes;
	ck_epoch_init(&snapshot->epoch);
	pthread_mutex_init(&snapshot->readers_lock, NULL);
	snapshot->publisher = snapshot_reader_new(snapshot);
	return snapshot;
}

void snapshot_on_bury(struct snapshot *snapshot, void (*fini)(void *value))
{
	assert(!snapshot->current);
	snapshot->fini = fini;
}

static void snapshot_copy_free(struct snapshot_copy *copy)
{
	if (copy && copy->snapshot->fini)
		copy->snapshot->fini(copy->value);
	free(copy);
}

void snapshot_free(struct snapshot *snapshot)
{
	snapshot_reader_free(snapshot->publisher);
	for (struct snapshot_reader *reader = snapshot->readers; reader; reader = reader->next)
		assert(!reader->in_use);
	ck_epoch_barrier(&snapshot->publisher->record);
	snapshot_copy_free(snapshot->current);
	while (snapshot->readers) {
		struct snapshot_reader *reader = snapshot->readers;

		snapshot->readers = reader->next;
		free(reader);
	}
	pthread_mutex_destroy(&snapshot->readers_lock);
	free(snapshot);
}

static void snapshot_copy_bury(ck_epoch_entry_t *grave)
{
	/* Readers release each copy when they leave it. */
	__tsan_acquire(grave);
	snapshot_copy_free((struct snapshot_copy *)grave);
}

void snapshot_publish(struct snapshot *snapshot, const void *value)
{
	struct snapshot_copy *copy = malloc(sizeof(*copy) + snapshot->bytes);
	struct snapshot_copy *older = snapshot->current;

	if (!copy)
		log_fatal("snapshot", "out of memory");
	copy->version = older ? older->version + 1 : 1;
	copy->snapshot = snapshot;
	memcpy(copy->value, value, snapshot->bytes);
	__tsan_release(&snapshot->current);
	ck_pr_fence_store();
	ck_pr_store_ptr(&snapshot->current, copy);
	atomic_store_explicit(&snapshot->version, copy->version, memory_order_release);
	if (older)
		ck_epoch_call(&snapshot->publisher->record, &older->grave, snapshot_copy_bury);
	/* Whether all could be freed matters not: the next publication tries again. */
	(void)ck_epoch_poll(&snapshot->publisher->record);
}

uint64_t snapshot_version(const struct snapshot *snapshot)
{
	return atomic_load_explicit(&snapshot->version, memory_order_acquire);
}

struct snapshot_reader *snapshot_reader_new(struct snapshot *snapshot)
{
	struct snapshot_reader *reader;

	pthread_mutex_lock(&snapshot->readers_lock);
	for (reader = snapshot->readers; reader && reader->in_use;)
		reader = reader->next;
	if (!reader) {
		reader = aligned_alloc(_Alignof(struct snapshot_reader), sizeof(*reader));
		if (!reader)
			log_fatal("snapshot", "out of memory");
		ck_epoch_register(&snapshot->epoch, &reader->record, NULL);
		reader->snapshot = snapshot;
		reader->entered = NULL;
		reader->next = snapshot->readers;
		snapshot->readers = reader;
	}
	reader->in_use = true;
	pthread_mutex_unlock(&snapshot->readers_lock);
	return reader;
}

void snapshot_reader_free(struct snapshot_reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;

	pthread_mutex_lock(&snapshot->readers_lock);
	assert(reader->in_use);
	assert(!reader->entered);
	reader->in_use = false;
	pthread_mutex_unlock(&snapshot->readers_lock);
}

const void *snapshot_enter(struct snapshot_reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;

	assert(reader->in_use);
	assert(!reader->entered);
	ck_epoch_begin(&reader->record, NULL);
	reader->entered = ck_pr_load_ptr(&snapshot->current);
	if (!reader->entered)
		return NULL;
	__tsan_acquire(&snapshot->current);
	return reader->entered->value;
}

void snapshot_leave(struct snapshot_reader *reader)
{
	if (reader->entered)
		__tsan_release(&reader->entered->grave);
	reader->entered = NULL;
	ck_epoch_end(&reader->record, NULL);
}

uint64_t snapshot_read(struct snapshot_reader *reader, void *value)
{
	const struct snapshot_copy *copy;
	uint64_t version = 0;

	if (snapshot_enter(reader)) {
		copy = reader->entered;
		version = copy->version;
		memcpy(value, copy->value, reader->snapshot->bytes);
	}
	snapshot_leave(reader);
	return version;
}
