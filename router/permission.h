/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May who calls do what the request asks? Its operation (catalog/permit.h), and what goes beyond
 * what the operation gives by itself: strong consistency, a higher priority (--strong-roles). On
 * the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "catalog/catalog.h"
#include "router/router.h"

#include <stdbool.h>

struct task;

/* May its principal call that operation? */
bool permission_holds(const struct request *request, const struct operation *operation) must_check;
/* Is there such an operation, and is it @public? May a job be of a caller without a credential?
 * Only kind and operation of the request are set. */
bool permission_anonymous(const struct router *router, const struct request *request) must_check;

/* The operation is known. Sets task->urgency. STEP_DONE: 401 or 403, which is logged. */
enum step permission_ask(struct task *task) must_check;
/* There is no such operation, which an anonymous caller does not learn: 401. */
enum step permission_refuse_anonymous(struct task *task) must_check;
