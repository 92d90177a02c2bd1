/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --cache-warm of a service: a thread that has time writes down which answers are kept, seldom, and
 * hands what was written to a worker, which asks it again (read/warm.h). A file that cannot be read
 * or written is a warning, never more. On the main thread, but where it is said.
 */
#pragma once

#include "base/check.h"
#include "base/options.h"
#include "catalog/catalog.h"
#include "cmd/worker.h"
#include "read/cache/cache.h"
#include "read/warm.h"

struct serve_warm;

/* NULL: nothing is to be written down. */
struct serve_warm *serve_warm_new(const struct options *options, struct cache *cache,
				  struct catalog *catalog) must_check;
/* For the worker that asks. NULL for NULL, with which all that follow do nothing. */
const struct warm_events *serve_warm_events(const struct serve_warm *warm) must_check;
/* Reads the file, and begins. */
void serve_warm_start(struct serve_warm *warm, struct worker *worker);
void serve_warm_reload(struct serve_warm *warm, struct catalog *catalog);
/* The worker takes no more; before it is drained. */
void serve_warm_drain(struct serve_warm *warm);
/* Writes for the last time. The worker has ended. */
void serve_warm_stop(struct serve_warm *warm);
