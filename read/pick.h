/* SPDX-License-Identifier: Apache-2.0 */
/* What choose_node (router/choose.h) is to know for a query, now. On the loop's thread. */
#pragma once

#include "read/state.h"

#include <stdbool.h>

/* Sets read->choice, for a query that has not failed at a node, has found room, comes early. */
void pick_node(struct read *read);
/* A strong query that replicas are to answer, by the read index (router/read_index.h). */
bool pick_is_of_replicas(const struct request *request, const struct options *options) must_check;
/* The primary, because no replica could: it counts against the spill budget. */
bool pick_is_spill(const struct choice *choice) must_check;
