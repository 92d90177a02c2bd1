/* SPDX-License-Identifier: Apache-2.0 */
/* Before serve begins: was there ever an API key? Asks the nodes, one after the other. */
#pragma once

#include "base/check.h"
#include "base/options.h"

enum keys_known {
	KEYS_KNOWN_NEVER,   /* the first node that answered has none, and never had one */
	KEYS_KNOWN_SOME,    /* there was one, and may be */
	KEYS_KNOWN_NOTHING, /* no node answered, or the role may not ask */
};

/* May take some seconds where nodes do not answer. */
enum keys_known keys_known_ask(const struct options *options) must_check;
