/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stripes where the feed is not read: they begin when the primary's timeline is known, and
 * again when it is another one; only commands of this process touch them. On one loop's thread;
 * never while a reader runs.
 */
#pragma once

#include "base/loop.h"
#include "router/feed/reader.h"

#include <stdbool.h>

struct feed_alone {
	const struct feed_env *env;
	struct loop_timer timer;
	bool runs;
};

void feed_alone_init(struct feed_alone *alone, const struct feed_env *env);
/* Begins, if it does not run. */
void feed_alone_run(struct feed_alone *alone);
/* Nothing is known any more. */
void feed_alone_stop(struct feed_alone *alone);
