/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a command that runs its operation while the client waits: its statement, with the
 * values and claims of the command, and the document that the catalog declares. No subject.
 */
#pragma once

#include "write/command.h"

extern const struct command_form operation_form;

/* That its transaction is to have. */
enum isolation operation_isolation(const struct operation *operation) must_check;
