/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzzing has found, without the fuzzer: a fuzz target over the files of a folder. */
#pragma once

/* For main: 0, unless the folder is empty or an input fails. An input that ends it is named. */
int corpus_replay(const char *folder);
