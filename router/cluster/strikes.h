/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in rotation, from a row of good and bad status checks: out after so many bad ones in a
 * row, back after so many good ones in a row. A node that was never in enters with its first good
 * one.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct strikes {
	bool in;
	bool was_in;   /* ever */
	unsigned bad;  /* in a row */
	unsigned good; /* in a row */
};

/* Cleared memory is a fresh one. True: in has changed. */
bool strikes_add(struct strikes *strikes, bool good, unsigned bad_max,
		 unsigned good_min) must_check;
