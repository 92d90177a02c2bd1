/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of the shares, and a search in them. */
#include "zipf.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

void zipf_init(struct zipf *zipf, unsigned keys, double exponent)
{
	double sum = 0;

	zipf->keys = keys;
	zipf->shares = malloc(keys * sizeof(*zipf->shares));
	assert(zipf->shares);
	for (unsigned i = 0; i < keys; i++)
		zipf->shares[i] = sum += pow(i + 1, -exponent);
	for (unsigned i = 0; i < keys; i++)
		zipf->shares[i] /= sum;
}

void zipf_fini(struct zipf *zipf)
{
	free(zipf->shares);
}

unsigned zipf_next(const struct zipf *zipf, struct random *random)
{
	double at = (double)(random_next(random) >> 11) / (double)(1ULL << 53);
	unsigned low = 0, high = zipf->keys - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (zipf->shares[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
