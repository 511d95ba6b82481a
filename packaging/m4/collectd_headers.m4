# SPDX-License-Identifier: MIT
# COLLECTD_HEADERS: finds collectd's plugin headers and sets COLLECTD_CPPFLAGS.

# _COLLECTD_TRY_HEADERS(CPPFLAGS): takes these flags if no earlier ones were
# good. A directory include/collectd may hold no more than the headers of
# libcollectdclient, and some packages lack a part of them: only compiling shows it.
AC_DEFUN([_COLLECTD_TRY_HEADERS], [
  AS_IF([test -z "$COLLECTD_CPPFLAGS"], [
    collectd_saved_CPPFLAGS=$CPPFLAGS
    CPPFLAGS="$CPPFLAGS -D_GNU_SOURCE $1"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
      #include "collectd.h"
      #include "plugin.h"
      #include "utils_complain.h"
    ]], [[
      c_complain_t complaint = C_COMPLAIN_INIT_STATIC;
      value_list_t list = VALUE_LIST_INIT;
      oconfig_item_t item = {0};
      list.time = cdtime();
      c_complain(LOG_INFO, &complaint, "%d", item.children_num);
      return plugin_dispatch_values(&list);
    ]])], [COLLECTD_CPPFLAGS="$1"])
    CPPFLAGS=$collectd_saved_CPPFLAGS
  ])
])

# _COLLECTD_NAME_LENGTH: refuses a collectd that cuts the names of cgroups.
AC_DEFUN([_COLLECTD_NAME_LENGTH], [
  collectd_saved_CPPFLAGS=$CPPFLAGS
  CPPFLAGS="$CPPFLAGS -D_GNU_SOURCE $COLLECTD_CPPFLAGS"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
    #include "collectd.h"
    #include "plugin.h"
  ]], [[
    static int long_names[DATA_MAX_NAME_LEN >= 128 ? 1 : -1];
    (void)long_names;
  ]])], [],
    [AC_MSG_ERROR([this collectd cuts names after less than 127 bytes, so that two containers could get one name: build it with --with-data-max-name-len=128 or more])])
  CPPFLAGS=$collectd_saved_CPPFLAGS
])

AC_DEFUN([COLLECTD_HEADERS], [
  AC_ARG_WITH([collectd-headers],
    [AS_HELP_STRING([--with-collectd-headers=DIR],
      [an include directory laid out as by the collectd-dev package, or a
       collectd source tree @<:@/usr/include@:>@])],
    [], [with_collectd_headers=/usr/include])

  AC_MSG_CHECKING([for collectd's plugin headers])
  COLLECTD_CPPFLAGS=
  # collectd's config.h redefines PACKAGE_VERSION and others: as system headers
  # these files and their warnings stay out of the way.
  for dir in "$with_collectd_headers/collectd" "$with_collectd_headers"; do
    _COLLECTD_TRY_HEADERS([-DHAVE_CONFIG_H -isystem $dir/.. -isystem $dir -isystem $dir/core -isystem $dir/core/daemon])
  done
  # A source tree has a config.h only once it was configured.
  for dir in "$with_collectd_headers/src" "$with_collectd_headers"; do
    _COLLECTD_TRY_HEADERS([-DHAVE_CONFIG_H -isystem $dir -isystem $dir/daemon])
    _COLLECTD_TRY_HEADERS([-isystem $dir -isystem $dir/daemon])
  done
  AS_IF([test -n "$COLLECTD_CPPFLAGS"],
    [AC_MSG_RESULT([$COLLECTD_CPPFLAGS])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([collectd's plugin headers do not compile from $with_collectd_headers: install collectd-dev (Debian, Ubuntu, Alpine), or unpack collectd's source and give --with-collectd-headers=DIR])])
  _COLLECTD_NAME_LENGTH
  AC_SUBST([COLLECTD_CPPFLAGS])
  AC_SUBST([with_collectd_headers])
])
