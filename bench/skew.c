/* SPDX-License-Identifier: Apache-2.0 */
/* The area under the curve is drawn from evenly; what is beyond a number's bar is drawn again. */
#include "bench/skew.h"

#include <assert.h>
#include <math.h>

static double skew_share(const struct skew *skew, double at)
{
	return pow(at, -skew->exponent);
}

/* The area up to there, but for a constant. */
static double skew_area(const struct skew *skew, double at)
{
	double rest = 1.0 - skew->exponent;

	return rest == 0.0 ? log(at) : expm1(rest * log(at)) / rest;
}

static double skew_at(const struct skew *skew, double area)
{
	double rest = 1.0 - skew->exponent;

	return rest == 0.0 ? exp(area) : exp(log1p(rest * area) / rest);
}

void skew_init(struct skew *skew, int64_t count, double exponent)
{
	assert(count > 0);
	assert(exponent > 0.0 && exponent <= SKEW_EXPONENT_MAX);
	*skew = (struct skew){ .exponent = exponent, .count = count };
	skew->below = skew_area(skew, 1.5) - 1.0;
	skew->above = skew_area(skew, (double)count + 0.5);
	skew->kept = 2.0 - skew_at(skew, skew_area(skew, 2.5) - skew_share(skew, 2.0));
}

int64_t skew_next(const struct skew *skew, struct random *random)
{
	for (;;) {
		double part = (double)(random_next(random) >> 11) * 0x1p-53;
		double area = skew->above + part * (skew->below - skew->above);
		double at = skew_at(skew, area);
		int64_t number = at < 1.0 ? 1 : (int64_t)(at + 0.5);

		if (number > skew->count)
			number = skew->count;
		if ((double)number - at <= skew->kept ||
		    area >= skew_area(skew, (double)number + 0.5) -
				    skew_share(skew, (double)number))
			return number;
	}
}
