/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command is accepted as a job: a row of cqrsd.job (migrations/007_jobs.sql), which takes the
 * place of its own statement in the path of a command. Everything before that and behind it is the
 * same: what would be refused is refused, with a key the row commits together with its reply, and
 * without one it shares a transaction with other commands. The reply is 202, with the job.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "catalog/catalog.h"
#include "write/command.h"
#include "write/jobs/job_id.h"

#include <stdbool.h>
#include <stdint.h>

/* Is the request to be accepted, rather than done while its client waits? */
bool accept_is_wanted(const struct request *request, const struct operation *operation) must_check;

/* An array of commands: does the operation take it, and is it one of objects? For steps. */
enum step accept_check_array(struct request *request, const struct operation *operation) must_check;

/* Its subject is made by accept_new. */
extern const struct command_form accept_form;

/*
 * What the form sends, in the request's arena: of a command whose operation, values and claims are
 * set. ids is borrowed until the command is done, and what it points to is that of the moment;
 * random: for the mark of the job. Acceptances that share a transaction are one INSERT
 * (pg/wire/together.h).
 */
void *accept_new(const struct command *command, struct job_ids *const *ids,
		 struct random *random) must_check;

/*
 * Several jobs of one command, with one INSERT, and one document: {"jobs":[…]}. elements: [count],
 * the values of each, whose order theirs is; at least one.
 */
extern const struct command_form accept_array_form;
void *accept_array_new(const struct command *command, struct job_ids *const *ids,
		       const char *const *const *elements, unsigned count,
		       struct random *random) must_check;

/*
 * The document of a command that has committed stands in request->out. Is it the acceptance of a
 * job, or of several, made now or by an earlier request with the same key? Then the request has the
 * status, and the id of one job.
 */
void accept_note(struct request *request);
