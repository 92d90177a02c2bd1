/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of keys as a cache is asked for them: the n-th has a share by a power of 1/n. */
#pragma once

#include "base/random.h"

struct zipf {
	double *shares; /* of the keys up to this one */
	unsigned keys;
};

void zipf_init(struct zipf *zipf, unsigned keys, double exponent);
void zipf_fini(struct zipf *zipf);
/* 0, the one that is asked for most, to keys - 1. */
unsigned zipf_next(const struct zipf *zipf, struct random *random);
