/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cqrsd remembers of its users: user -> position of the last write, bounded, plus one floor.
 * For every user, always: the position that sessions_find finds is at or after the user's last
 * acknowledged write. A user who is not in the table requires the floor; the floor is raised to the
 * position of any entry that leaves.
 *
 * After a promotion, or when a branch is given up (router/cluster/branches.h), entries stay as
 * they are and are judged when they are read. The floor is raised to the new primary's position,
 * which is past everything that survived; where it, or an entry that leaves later, did not
 * survive for sure, it is not known any more whose write that was: every user who is not in the
 * table may have lost one, as long as this process lives, and hears so once (of those who left
 * the table later, as many are remembered to be told as router/consistency/loss_notices.h has
 * room for).
 *
 * One of the few files that share state between threads: readers take no lock (a sequence per
 * bucket, as in a seqlock), writers lock one bucket. Two users whose hashes are equal share an
 * entry, which is safe: it only ever rises.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "base/text.h"
#include "router/cluster/branches.h"
#include "router/cluster/history.h"

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
/*
 * A new primary, whose history that is, was first seen at that position, on a timeline or of an era
 * newer than the last: before it is published. branches: what was given up so far; NULL:
 * nothing. Borrows both. One thread, the monitor's.
 */
void sessions_promoted(struct sessions *sessions, const struct history *history,
		       const struct branches *branches, struct position position);
/*
 * Any thread: the user has written; the entry only ever rises. Returns before the reply leaves.
 * False: the position is of an older timeline than the floor, and nothing was stored.
 */
bool sessions_wrote(struct sessions *sessions, struct text user,
		    struct position position) must_check;

struct session {
	struct position position; /* of the user's entry, or the floor; POSITION_NONE: neither */
	bool remembered;          /* the user has an entry */
	bool forgotten_lost;      /* the user has none, may have lost a write, and was not told */
};

/* Any thread, no lock. */
struct session sessions_find(const struct sessions *sessions, struct text user);
/*
 * Any thread: what was found lost is going to be told; now, of the newest timeline, is put in its
 * place. False: it was done since, or the user has written again; of several only one is to tell.
 */
bool sessions_settle(struct sessions *sessions, struct text user, struct session lost,
		     struct position now) must_check;
/* Users remembered exactly. */
size_t sessions_count(const struct sessions *sessions);
