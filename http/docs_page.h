/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /docs: a page that a browser makes of /openapi.json, and the files that it consists of, below
 * /docs/. They tell nothing of the catalog and are given to everybody. What they may do is said by
 * a Content-Security-Policy: no request to elsewhere, nothing that is not in these files, and no
 * text that is made into HTML. They name each other by relative paths, so that a proxy may have
 * them below a path of its own: there is no /docs/.
 */
#pragma once

struct exchange;
struct header_lines;

/* The request was taken and not failed; may fail it: 404. */
void docs_page_answer(struct exchange *exchange);
/* Adds the headers by which a browser keeps to it. */
void docs_page_headers(struct header_lines *lines);
