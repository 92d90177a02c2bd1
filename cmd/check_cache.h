/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries with @cache: may their answers be kept, and which commands make more of them stale than
 * they need to?
 */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "router/feed_reads.h"

#include <stdbool.h>

/* Asked on a conn of its own, since what is asked writes, and takes it back. explain: a note for
 * each of them, too. */
void check_cache(const char *conninfo, const struct operation *const *operations, unsigned count,
		 enum feed_option feed, bool explain, struct findings *findings);
