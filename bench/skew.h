/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers of which some come more often: the n-th of them as often as n to the power of
 * -exponent says (Zipf). By rejection, without a table (Hörmann and Derflinger, Rejection-inversion
 * to generate variates from monotone discrete distributions, 1996).
 */
#pragma once

#include "base/random.h"

#include <stdint.h>

#define SKEW_EXPONENT_MAX 10.0

struct skew {
	double exponent;
	/* Its own. */
	double below, above; /* between these the area under the curve is drawn from */
	double kept;         /* a draw that is rounded up by no more is kept */
	int64_t count;
};

/* Of 1 to count; exponent is above 0. */
void skew_init(struct skew *skew, int64_t count, double exponent);
/* 1, which comes most often, to count. */
int64_t skew_next(const struct skew *skew, struct random *random);
