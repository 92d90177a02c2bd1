/* SPDX-License-Identifier: Apache-2.0 */
/* Is it UTF-8? */
#pragma once

#include "base/text.h"

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. U+0000 is fine here. */
bool utf8_valid(struct text text);
