/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What synchronous_standby_names says: how many of which standbys a commit waits for (PostgreSQL
 * documentation, "synchronous_standby_names"). Read as PostgreSQL reads it:
 *
 *   ANY 2 (a, b, "c d")     any two of them             ANY
 *   FIRST 2 (a, b, c)       the first two that are there  FIRST, as "2 (a, b, c)" and "a, b, c"
 *   (nothing)               none                        NONE
 *
 * Plain data, pure functions.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>

#define SYNC_NAME_BYTES 64 /* with the NUL; what PostgreSQL keeps of an application_name */

enum sync_method { SYNC_NONE, SYNC_FIRST, SYNC_ANY };

struct sync_names {
	enum sync_method method;
	unsigned wanted; /* a commit waits for so many of them; 0 of SYNC_NONE */
	unsigned count;
	char names[NODES_MAX][SYNC_NAME_BYTES]; /* without their quotes */
};

/* False: PostgreSQL would refuse it, or it is more than can be kept here; nothing is known then. */
bool sync_names_read(struct sync_names *names, struct text setting) must_check;
/* Which of them has that application_name, by PostgreSQL's comparison (not by case); -1: none. For
 * "*", which is any name, there is none here. */
int sync_names_find(const struct sync_names *names, const char *name) must_check;
/* Is every name one standby's: no name twice, and none of them "*"? */
bool sync_names_are_distinct(const struct sync_names *names) must_check;
