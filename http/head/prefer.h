/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefer (RFC 7240): what a client would like of the answer, and Preference-Applied: what it got.
 *
 *   return=minimal     a command answers without its rows
 *   wait=SECONDS       no longer than that, from the moment the request was in; decimals are taken
 *   wait-replicas=N    a command answers once N replicas have replayed what it wrote
 *   respond-async      a command that may be is accepted as a job (write/jobs/accept.h)
 *   not-before="TIME"  and is not run before that time, of RFC 3339
 *   after-job=ID       a query sees what that job did (cmd/after_job.h)
 *
 * Preferences are advice: what is not known, not honoured or malformed is ignored, and of several
 * of one name the first one counts. The exceptions are wait-replicas and not-before of a command:
 * its client relies on them, so that a number or a time that cannot be read is refused.
 */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/request.h"
#include "http/head/head.h"

#include <stdbool.h>

/* Into the request, whose kind is set. False: the request holds the outcome. */
bool prefer_read(const struct head *head, struct request *request) must_check;
/* Appends the value of Preference-Applied; nothing: none was applied. */
void prefer_applied(const struct request *request, struct buf *out);
