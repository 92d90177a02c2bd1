/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first step of every request: which operation, until when, and what it must see at least.
 */
#pragma once

#include "base/request.h"

/* Finds the operation, sets the deadline and reads the tokens; STEP_DONE with an outcome if it is refused. */
enum step admit_query(struct request *request);
enum step admit_command(struct request *request);
