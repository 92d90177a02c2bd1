/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API keys of serve: joins what the monitor reads of the database (router/cluster/key_reader.h)
 * with the --keys-file, in one store (http/auth/key_store.h). Main thread, but for the events.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/metrics.h"
#include "base/options.h"
#include "http/auth/key_store.h"
#include "router/cluster/key_reader.h"

#include <stdbool.h>

struct serve_keys {
	struct key_store *store;
	struct key_events events; /* for monitor_start */
};

/* A --keys-file that was read and may be taken over. */
struct keys_lines {
	struct arena arena;
	struct text lines; /* len 0: there is no such file */
};

/* False: something is wrong with the file; told on stderr, or in the log where logged. In any case
 * keys_lines_fini follows, which a cleared one may have as well. */
bool keys_lines_init(struct keys_lines *lines, const struct options *options,
		     bool logged) must_check;
void keys_lines_fini(struct keys_lines *lines);

/* With the --keys-file. False: something is wrong with it; told on stderr. */
bool serve_keys_start(struct serve_keys *keys, const struct options *options) must_check;
/* After the monitor has stopped and all readers are freed. */
void serve_keys_fini(struct serve_keys *keys);
/* Takes the lines over: loops go by them from their next request on. */
void serve_keys_take(struct serve_keys *keys, const struct keys_lines *lines);
/* Sets the gauges. */
void serve_keys_gauges(const struct serve_keys *keys, struct metrics *metrics);
