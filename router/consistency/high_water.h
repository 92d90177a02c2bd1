/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest position that this process has heard of, from any source: nothing up to there needs
 * asking for before it is believed to exist. One of the few files that share state between threads;
 * readers take no lock, and a thread that brings nothing newer is a reader.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct high_water {
	_Atomic uint64_t sequence; /* odd: a thread writes. Cleared memory is a fresh one */
	_Atomic uint64_t lsn;
	_Atomic uint32_t timeline;
};

/* Any thread. Of a newer timeline it begins anew, of an older one it is ignored. */
void high_water_raise(struct high_water *high_water, struct position position);
/* Any thread: the newest position; POSITION_NONE: there was none. */
struct position high_water_get(const struct high_water *high_water) must_check;
/* Any thread: is it known that the primary of that timeline came so far? */
bool high_water_covers(const struct high_water *high_water, struct position position) must_check;
