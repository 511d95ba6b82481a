# SPDX-License-Identifier: MIT
# Prints options for the linker: the functions of the C library that the given
# files replace. The first file is redirects.h, after the preprocessor.
/^REDIRECT\(/ {
  split($0, part, /[(), ]+/)
  other[part[2]] = part[3]
}
/^WRAP[A-Z_]*\(/ {
  split($0, part, /, */)
  name = part[2]
  print "-Wl,--wrap=" (name in other ? other[name] : name)
}
