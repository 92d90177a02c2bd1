/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: as many as the system gives, and never so many clients that nodes get none. */
#pragma once

#include "base/check.h"
#include "base/options.h"

#include <stdint.h>

/* Of that many descriptors, how many may be client connections of the API? At least 1. */
int64_t descriptors_for_clients(int64_t descriptors, const struct options *options,
				unsigned nodes) must_check;
/* Raises the limit of the process as far as it may, and lowers connections_max to what fits. */
void descriptors_provide(struct options *options, unsigned nodes);
