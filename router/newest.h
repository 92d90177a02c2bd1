/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest position that this process has heard of, whoever told it: nothing up to there needs
 * asking for before it is believed to exist. One of the few files that share state between threads;
 * no lock.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct newest {
	_Atomic uint64_t lsn; /* cleared memory is a fresh one */
	_Atomic uint32_t timeline;
};

/*
 * Any thread. Of a newer timeline it begins anew. Two threads on the way from one timeline to the
 * next may leave the greater lsn of both, which only believes a little more.
 */
void newest_raise(struct newest *newest, struct position position);
/* Any thread: is it known that the primary of that timeline came so far? */
bool newest_covers(const struct newest *newest, struct position position) must_check;
