/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request from lines: what libmicrohttpd would hand over, without a connection. */
#pragma once

#include "http/head/head.h"

/*
 * From at to end, where a NUL has room. The first line is method, target and version, each other
 * one a header. The bytes are cut in place, and borrowed.
 */
void head_lines_read(struct head *head, char *at, char *end);
