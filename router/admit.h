/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first step of every request: which operation, until when, and what it must see at least.
 */
#pragma once

#include "base/request.h"

/* Operation, deadline, tokens; STEP_DONE with an outcome if the request is refused. */
enum step admit_query(struct request *request);
enum step admit_command(struct request *request);
