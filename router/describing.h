/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of a statement's parameters and columns, once per operation and process; anew when a
 * node refuses the statement as after a change of the schema (router/revalidate.h). Of the requests
 * of a loop that need the same description, one asks a node (pg/describe.h).
 */
#pragma once

#include "base/check.h"
#include "base/request.h"

/* The step: STEP_NEXT when the statement has a shape that no node has refused this request. It runs
 * once more after each wait. */
enum step describing_step(struct request *request);
