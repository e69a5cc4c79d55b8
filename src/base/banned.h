// SPDX-License-Identifier: Apache-2.0
// base/banned.h: calls of libc that this house does not use, each poisoned with what to write
// instead. Every file outside base/ gets it from base/base.h, after the system headers that
// base.h needs; script/lint finds what the preprocessor cannot (system headers included later).
#pragma once

#ifndef POSTHASTE_BASE_ROOM
// Some are macros in some systems' headers; a macro must go before its name can be poisoned.
#undef alloca
#undef strdup
#undef strndup
#undef strcpy
#undef strncpy
#undef strncat
#undef strcat
#undef stpcpy
#undef sprintf
#undef snprintf
#undef vsprintf
#undef strsep
#undef strspn
#undef strcspn
#undef strpbrk
#undef strtok_r
// Bytes are slices: str_eq, str_find, scan_..., buf_add of base/.
#pragma GCC poison strcpy strncpy stpcpy strcat strncat strtok strtok_r strdup strndup
#pragma GCC poison strcasecmp strncasecmp strsep strpbrk strspn strcspn
// Text is made by buf_fmt and arena_fmt.
#pragma GCC poison sprintf snprintf vsprintf asprintf vasprintf sscanf
// Numbers are read by scan_u64 and str_to_....
#pragma GCC poison atoi atol atoll strtol strtoul strtoll strtoull strtod strtof
// Memory comes from arenas, bufs and mem_new.
#pragma GCC poison alloca
// Control flow is calls and returns.
#pragma GCC poison setjmp longjmp sigsetjmp siglongjmp
#endif
