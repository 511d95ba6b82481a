# SPDX-License-Identifier: MIT
# CGROUP_CPU_LIBFUZZER: whether the compiler links programs with libFuzzer, as
# clang does where its run-time libraries are installed. It sets HAVE_LIBFUZZER.
AC_DEFUN([CGROUP_CPU_LIBFUZZER], [
  AC_CACHE_CHECK([whether $CC has libFuzzer], [cgroup_cpu_cv_libfuzzer], [
    cgroup_cpu_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -fsanitize=fuzzer,address,undefined"
    AC_LINK_IFELSE([AC_LANG_SOURCE([[
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  (void)data;
  (void)size;
  return 0;
}
]])], [cgroup_cpu_cv_libfuzzer=yes], [cgroup_cpu_cv_libfuzzer=no])
    CFLAGS=$cgroup_cpu_save_CFLAGS])
  AM_CONDITIONAL([HAVE_LIBFUZZER], [test "$cgroup_cpu_cv_libfuzzer" = yes])
])
