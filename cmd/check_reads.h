/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check --explain: which relations each query reads, and what keeps them from counting by table;
 * and which each command writes to.
 */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "router/feed_reads.h"

/* Asked on a conn of its own, since what is asked writes, and takes it back: a note for each, and
 * trouble where --feed logical cannot be. */
void check_reads(const char *conninfo, const struct operation *const *operations, unsigned count,
		 enum feed_option feed, struct findings *findings);
