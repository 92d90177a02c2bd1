/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PostgreSQL's row level security sees of who asks, as settings of the transaction:
 *
 *   request.jwt.claims   the principal's claims, a JSON object
 *   request.user         the user on whose behalf it asks, "" where there is none
 *   request.roles        the principal's roles, a JSON array of strings
 *
 * They hold for one call only (pg/wire/pipeline.c).
 */
#pragma once

#include "base/request.h"

/* The words of --claims. */
enum claims_option { CLAIMS_DECLARED, CLAIMS_ALL };

/* [CLAIMS_VALUES] of pg/call.h, in the request's arena. */
const char *const *claims_of(struct request *request);
