/* SPDX-License-Identifier: Apache-2.0 */
/* What was built, for the version verb, the log and the metrics. */
#pragma once

const char *version_text(void);  /* "0.1.0" */
const char *revision_text(void); /* of the source, "unknown" outside a repository */
