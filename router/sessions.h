/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cqrsd remembers of its users: user -> position of the last write, bounded, plus one floor.
 * For every user, always: sessions_required(user) >= position of the user's last acknowledged
 * write. A user who is not in the table requires the floor; the floor is raised to the position of
 * any entry that leaves, and to the new primary's position after a promotion, where it also stands
 * in for the entries of older timelines. One of the few files that share state between threads:
 * readers take no lock (a sequence per bucket, as in a seqlock), writers lock one bucket. Two users
 * whose hashes are equal share an entry, which is safe: it only ever rises.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct sessions;

/* slots: rounded up to whole buckets, a power of two of them. All memory is taken here. */
struct sessions *sessions_new(size_t slots) must_check;
void sessions_free(struct sessions *sessions);

/* Any thread. Only ever raises; before the first call the floor is unknown. */
void sessions_raise_floor(struct sessions *sessions, struct position position);
/* POSITION_NONE while unknown. Any thread. */
struct position sessions_floor(const struct sessions *sessions);
/* Any thread: the user has written; the entry only ever rises. Returns before the reply leaves. */
void sessions_wrote(struct sessions *sessions, struct text user, struct position position);
/* Any thread, no lock. False: the user is not in the table and the floor is unknown. */
bool sessions_required(const struct sessions *sessions, struct text user,
		       struct position *required) must_check;
/* Users remembered exactly. */
size_t sessions_count(const struct sessions *sessions);
