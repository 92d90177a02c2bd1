/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A position that means the same in every process: with the branch that it is on. What a token
 * carries (router/consistency/token.h). router/cluster/branches.h makes it and reads it.
 */
#pragma once

#include <stdint.h>

struct branch_position {
	uint32_t timeline; /* PostgreSQL's number; 0: not known */
	uint32_t history;  /* hash of the switch points that led to it; 0: not known */
	uint32_t mark;     /* of the era; 0: none is known */
	uint64_t lsn;
};
