# SPDX-License-Identifier: MIT
"""Small stand-ins for the build systems of other distributions. They run the
recipes that "make recipes" prepared."""
import hashlib
import os
import re
import shutil
from pathlib import Path

from packages import HEADERS, run

# What is compiled matters, not how fast it is.
FAST = {"CFLAGS": "-O0"}
# What "make check" runs was built and run with the Debian package.
NO_TESTS = "-j2 -- check_PROGRAMS="
# makepkg refuses root. Here it is another user, who owns what root owns.
AS_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000")

# What abuild sets and does around the functions of an APKBUILD, in Alpine's shell
ABUILD = """\
set -e
umask 022
CBUILD=x86_64-alpine-linux-musl CHOST=$CBUILD
export MAKEFLAGS CFLAGS
startdir=$PWD srcdir=$PWD/src pkgdir=$PWD/pkg
mount --bind "$1" /usr/include/collectd
. ./APKBUILD
builddir=$srcdir/$pkgname-$pkgver
printf '%s' "$sha512sums" | grep . | sha512sum -c
mkdir "$srcdir" "$pkgdir"
xz -dc "$source" | tar -xf - -C "$srcdir"
for step in build check package; do
  echo "== $step"
  cd "$builddir"
  "$step"
done
"""

RULES_MK = """\
INCLUDE_DIR:=$(TOPDIR)
BUILD_DIR:=$(TOPDIR)/build_dir
DL_DIR:=$(TOPDIR)/dl
TAR:=tar
CP:=cp -fpR
INSTALL_DIR:=install -d -m0755
INSTALL_BIN:=install -m0755
"""
# Each target installs a package into TOPDIR/PACKAGE and writes its fields beside.
PACKAGE_MK = r"""
PKG_INSTALL_DIR:=$(PKG_BUILD_DIR)/ipkg-install

define Build/Prepare/Default
	mkdir -p $(PKG_BUILD_DIR)
	$(TAR) -xf $(DL_DIR)/$(PKG_SOURCE) -C $(PKG_BUILD_DIR) --strip-components=1
endef
define Build/Configure/Default
	cd $(PKG_BUILD_DIR) && $(CONFIGURE_VARS) ./configure --prefix=/usr \
		--sysconfdir=/etc --localstatedir=/var $(CONFIGURE_ARGS)
endef
define Build/Compile/Default
	$(MAKE) -C $(PKG_BUILD_DIR) $(1)
endef
define Build/Install/Default
	$(MAKE) -C $(PKG_BUILD_DIR) DESTDIR=$(PKG_INSTALL_DIR) $(if $(1),$(1),install)
endef
Build/Prepare=$(Build/Prepare/Default)
Build/Configure=$(Build/Configure/Default)
Build/Compile=$(Build/Compile/Default)
Build/Install=$(Build/Install/Default)

.PHONY: download compile
download:
	echo '$(PKG_HASH)  $(DL_DIR)/$(PKG_SOURCE)' | sha256sum -c
compile: download
	$(Build/Prepare)
	$(Build/Configure)
	$(Build/Compile)
	$(Build/Install)

define Download
  $(Download/$(1))
  download: download-$(1)
  .PHONY: download-$(1)
  download-$(1):
	echo '$$(HASH)  $$(DL_DIR)/$$(FILE)' | sha256sum -c
endef
define BuildPackage
  $(Package/$(1))
  all: $(1)
  .PHONY: $(1)
  $(1): compile
	mkdir $$(TOPDIR)/$(1)
	$$(call Package/$(1)/install,$$(TOPDIR)/$(1))
	echo '$$(DEPENDS)' >$$(TOPDIR)/$(1).depends
  $(1): DEPENDS:=$$(DEPENDS)
endef
"""


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def headers_archive(archive, directory):
    """collectd's archive as it is on collectd.org, but only its headers: Debian's
    is another one"""
    name = "collectd-5.12.0"
    tree = directory / name
    tree.mkdir()
    run("tar", "-xf", archive, "-C", tree, "--strip-components=1", "--wildcards",
        "*.h")
    packed = directory / f"{name}.tar.bz2"
    run("tar", "-cjf", packed, "-C", directory, name)
    return packed


def recipe(builds, name, directory):
    """A copy, which expects the checksum of our archive of headers"""
    place = directory / name
    shutil.copytree(builds.first / "recipes" / name, place)
    with_checksum = [file for file in (place / "PKGBUILD", place / "Makefile")
                     if file.exists()]
    if not with_checksum:
        return place, None
    headers = headers_archive(builds.collectd_archive, directory)
    for file in with_checksum:
        text, count = re.subn("5bae[0-9a-f]{60}", sha256(headers),
                              file.read_text())
        assert count == 1
        file.write_text(text)
    return place, headers


def alpine_headers(archive, place):
    """The headers as Alpine's package collectd-dev has them, which are those of
    its source with other paths in them"""
    source = place.parent / "collectd-source"
    source.mkdir()
    run("tar", "-xf", archive, "-C", source, "--strip-components=1", "--wildcards",
        "*/src/*.h")
    headers = {}
    for path in (source / "src").rglob("*.h"):
        first, *_ = path.relative_to(source / "src").parts
        if first not in ("libcollectdclient", "liboconfig"):
            headers[Path("core", path.relative_to(source / "src"))] = path
    headers[Path("liboconfig/oconfig.h")] = source / "src/liboconfig/oconfig.h"
    # Written by configure
    headers[Path("core/config.h")] = HEADERS / "core/config.h"
    by_name = {path.name: path for path in headers}
    for path, original in headers.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(re.sub(
            r'(?m)^(\s*#\s*include\s+)"(?:.*/)?([^/"]+)"',
            lambda match: f'{match[1]}"collectd/{by_name[match[2]]}"'
            if match[2] in by_name else match[0],
            original.read_text(errors="surrogateescape")),
            errors="surrogateescape")
    return place


def abuild(builds, directory):
    """What an APKBUILD puts into its package, and the output"""
    place, _ = recipe(builds, "alpine", directory)
    headers = alpine_headers(builds.collectd_archive, directory / "headers")
    log = run("unshare", "--mount", "busybox", "sh", "-c", ABUILD, "abuild",
              headers, cwd=place, env={
                  **os.environ, **FAST, "MAKEFLAGS": NO_TESTS})
    return place / "pkg", log


def makepkg(builds, directory):
    """The package, and the output"""
    place, headers = recipe(builds, "arch", directory)
    shutil.copy(headers, place)
    log = run(*AS_USER, "makepkg", "--nodeps", "--noconfirm", cwd=place,
              env={**os.environ, **FAST, "HOME": str(place), "LC_ALL": "C",
                   "MAKEFLAGS": NO_TESTS})
    package, = place.glob("*.pkg.tar.*")
    return package, log


def buildroot(builds, directory):
    """Packages of OpenWrt as directories, each with its dependencies beside it"""
    place, headers = recipe(builds, "openwrt", directory)
    top = directory / "top"
    (top / "dl").mkdir(parents=True)
    (top / "rules.mk").write_text(RULES_MK)
    (top / "package.mk").write_text(PACKAGE_MK)
    for file in headers, *place.glob("*.tar.xz"):
        shutil.copy(file, top / "dl")
    run("make", "-C", place, f"TOPDIR={top}", "all",
        env={**os.environ, "MAKEFLAGS": "-j2"})
    return top


def listing(directory):
    """All files below it"""
    return sorted(str(path.relative_to(directory))
                  for path in directory.rglob("*") if not path.is_dir())
