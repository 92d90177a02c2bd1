/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A check of the primary: whose commits are acknowledged before they are flushed
 * (synchronous_commit = off)? The read index (router/read_index.h) does not cover those.
 */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* A warning where it is so for the role that asks, for another role or database, by a setting of a
 * function, in the text of a function or of an operation. */
void check_commits(struct check_node *primary, const struct catalog *catalog,
		   struct findings *findings);
