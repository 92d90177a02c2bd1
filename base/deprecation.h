/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That an operation is to go, as the headers of its replies say it: Deprecation (RFC 9745), Sunset
 * (RFC 8594), and Link with the relation successor-version (RFC 5829).
 */
#pragma once

struct deprecation {
	const char *since;  /* "@1798761600"; NULL: it is not deprecated */
	const char *sunset; /* an HTTP date */
	const char *link;   /* NULL: nothing is to be called instead */
};
