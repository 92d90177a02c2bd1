/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value that one thread publishes and many read without a lock (ck_epoch). One of the few files
 * that share state between threads. Values are plain bytes of a fixed size. They are copied out, so
 * that a reader never holds memory of the writer beyond the copy; or looked at where they are, for
 * a moment, when they point at more.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot;
struct snapshot_reader;

struct snapshot *snapshot_new(size_t bytes) must_check;
/*
 * Before the first publication: fini is called with each value that no reader can see any more, on
 * the publisher's thread or in snapshot_free, and frees what the value points at.
 */
void snapshot_on_bury(struct snapshot *snapshot, void (*fini)(void *value));
/* No reader may be left. */
void snapshot_free(struct snapshot *snapshot);

/* One thread only. Copies the value; frees older ones when no reader can see them any more. */
void snapshot_publish(struct snapshot *snapshot, const void *value);
/*
 * Rises by one with each publication, 0 before the first. A read that follows is of this version or
 * a later one. Any thread, no lock.
 */
uint64_t snapshot_version(const struct snapshot *snapshot);

/* Each reading thread has a reader of its own. */
struct snapshot_reader *snapshot_reader_new(struct snapshot *snapshot) must_check;
void snapshot_reader_free(struct snapshot_reader *reader);
/* Copies the newest value and says its version; 0 and nothing copied when there is none yet. */
uint64_t snapshot_read(struct snapshot_reader *reader, void *value);
/*
 * The newest value where it is, NULL when there is none yet; what it points at stays until
 * snapshot_leave, which follows in any case, and soon: nothing is freed meanwhile. Not nested.
 */
const void *snapshot_enter(struct snapshot_reader *reader) must_check;
void snapshot_leave(struct snapshot_reader *reader);
