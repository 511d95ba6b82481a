# SPDX-License-Identifier: MIT
# CGROUP_CPU_LONG_TIME: times after 2038 where the C library of a 32-bit system has
# both kinds (glibc 2.34 and later), even if collectd was built with the short ones:
# what the plugin and collectd hand to each other contains no time_t. It comes after
# AC_SYS_LARGEFILE, because long times need large files.
AC_DEFUN([CGROUP_CPU_LONG_TIME], [
  AC_CACHE_CHECK([what makes time_t long], [cgroup_cpu_cv_long_time], [
    cgroup_cpu_save_CPPFLAGS=$CPPFLAGS
    for cgroup_cpu_cv_long_time in nothing -D_TIME_BITS=64 unknown; do
      AS_CASE([$cgroup_cpu_cv_long_time],
        [-D*], [CPPFLAGS="$CPPFLAGS -D_FILE_OFFSET_BITS=64 $cgroup_cpu_cv_long_time"],
        [unknown], [break])
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <time.h>]],
        [[static int long_time[sizeof(time_t) >= 8 ? 1 : -1];
          (void)long_time;]])], [break])
    done
    CPPFLAGS=$cgroup_cpu_save_CPPFLAGS])
  AS_IF([test "$cgroup_cpu_cv_long_time" = -D_TIME_BITS=64],
    [AC_DEFINE([_TIME_BITS], [64], [The size of time_t])])
])
