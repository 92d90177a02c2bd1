/* SPDX-License-Identifier: Apache-2.0 */
/* Marks on functions whose answer must not be dropped. */
#pragma once

#define must_check __attribute__((warn_unused_result))
#define printf_like(at, first) __attribute__((format(printf, at, first)))
