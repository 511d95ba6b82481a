# SPDX-License-Identifier: MIT
"""Builds for other architectures, run by QEMU's user mode, and for musl."""
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from apt import MIRROR, Apt, get_source
from daemon import STOCK, Collectd
from packages import SOURCE, only, run

PACKAGES = Path("/usr/include")
# What its configure would find.
CHECK_HAS = [f"-DHAVE_{name}=1" for name in (
    "DECL_ALARM DECL_LOCALTIME_R DECL_STRDUP DECL_STRSIGNAL FORK GETLINE"
    " GETTIMEOFDAY LIBRT MALLOC MKSTEMP PTHREAD REALLOC REGEX SIGACTION SNPRINTF"
    " STDARG_H STDINT_H SYS_TIME_H SYS_WAIT_H UNISTD_H VSNPRINTF").split()]


class Platform(NamedTuple):
    """`triplet` is the name that Debian's cross compiler has for it, `machine`
    what ELF files say, and `emulator` is None if this machine runs it itself."""
    triplet: str
    machine: str
    emulator: str | None = None
    compiler: str = ""

    @property
    def cc(self):
        return self.compiler or f"{self.triplet}-gcc"

    @property
    def prefix(self):
        """What comes before a program with its arguments"""
        if self.emulator:
            return [f"qemu-{self.emulator}-static", "-L", f"/usr/{self.triplet}"]
        if self.compiler:
            return []
        libraries = Path("/usr") / self.triplet / "lib"
        return [libraries / "ld-linux.so.2", "--library-path", libraries]


PLATFORMS = {
    "arm64": Platform("aarch64-linux-gnu", "AArch64", "aarch64"),
    "armhf": Platform("arm-linux-gnueabihf", "ARM", "arm"),
    "i386": Platform("i686-linux-gnu", "Intel 80386"),
    "musl": Platform("x86_64-linux-musl", "Advanced Micro Devices X86-64",
                     compiler="musl-gcc"),
    "ppc64el": Platform("powerpc64le-linux-gnu", "PowerPC64", "ppc64le"),
    "riscv64": Platform("riscv64-linux-gnu", "RISC-V", "riscv64"),
    "s390x": Platform("s390x-linux-gnu", "IBM S/390", "s390x"),
}
# In every run, because they differ most. $CGROUP_CPU_PLATFORMS names others, or
# "all", and lets all tests with faults run on them.
USUAL = ("arm64", "armhf", "musl", "s390x")
ASKED_FOR = os.environ.get("CGROUP_CPU_PLATFORMS", "").split()
CHOSEN = list(PLATFORMS) if ASKED_FOR == ["all"] else ASKED_FOR or list(USUAL)


def get_sources(place):
    """Those of the libraries, from Debian's source packages"""
    get_source(place, "check", "jansson")
    for archive in place.glob("*.orig.tar.*"):
        run("tar", "-xf", archive, "-C", place)


def compile_library(platform, sources, options, directory, name):
    directory.mkdir()
    for empty in ("config.h", "jansson_private_config.h"):
        (directory / empty).touch()
    run(platform.cc, "-O1", "-fPIC", "-w", "-I.", *options, "-c", *sources,
        cwd=directory)
    run("ar", "rc", directory.parent / f"lib{name}.a", *directory.glob("*.o"))


def build_libraries(platform, sources, place):
    """Check and jansson, as static libraries. Compiled without their configure,
    which takes ten times as long."""
    check, jansson = only(sources, "check-*"), only(sources, "jansson-*")
    android = jansson / "android"
    compile_library(platform, (jansson / "src").glob("*.c"),
                    ["-DHAVE_STDINT_H=1", f"-I{android}"],
                    place / "jansson", "jansson")
    compile_library(platform, (check / "src").glob("*.c"),
                    ["-D_GNU_SOURCE", "-DENABLE_SUBUNIT=0", "-DENABLE_REGEX=1",
                     '-DCHECK_VERSION="0"', *CHECK_HAS,
                     *(f"-I{check / part}" for part in (".", "src", "lib"))],
                    place / "check", "check")
    include = place / "include"
    include.mkdir()
    for header in (check / "src/check.h", check / "check_stdint.h",
                   jansson / "src/jansson.h", android / "jansson_config.h"):
        shutil.copy(header, include)


def collect_headers(place):
    """collectd's headers, and the kernel's for musl, whose compiler knows only
    its own directory. The headers of this machine's C library must not be beside
    them, nor be found by ".." behind a link."""
    shutil.copytree(PACKAGES / "collectd", place / "collectd")
    kernel = place / "kernel"
    kernel.mkdir()
    (kernel / "linux").symlink_to(PACKAGES / "linux")
    (kernel / "asm-generic").symlink_to(PACKAGES / "asm-generic")
    (kernel / "asm").symlink_to(PACKAGES / "x86_64-linux-gnu/asm")
    return [f"CPPFLAGS=-idirafter {kernel}"]


def build(platform, sources, place, tests):
    """The plugin, and these test programs, which need not be fast"""
    build_libraries(platform, sources, place)
    kernel = collect_headers(place)
    directory = place / "build"
    directory.mkdir()
    include = f"-I{place / 'include'}"
    environment = {
        **os.environ, "CHECK_CFLAGS": include, "JANSSON_CFLAGS": include,
        "CHECK_LIBS": f"-L{place} -lcheck -lpthread -lrt -lm",
        "JANSSON_LIBS": f"-L{place} -ljansson"}
    run(SOURCE / "configure", f"CC={platform.cc}", f"--host={platform.triplet}",
        f"--with-collectd-headers={place}", "CFLAGS=-O1 -Werror",
        "--disable-dependency-tracking",
        *(kernel if platform.compiler else []), cwd=directory, env=environment)
    run("make", "all", cwd=directory)
    run("make", "check", f"check_PROGRAMS={' '.join(tests)}", "TESTS=",
        "CFLAGS=-O0 -Werror", cwd=directory)


def get_collectd(name, place):
    """The real collectd of this architecture and its library, unpacked"""
    (place / "status").touch()
    apt = Apt(place, f"deb [arch={name}] {MIRROR} bookworm main",
              f"APT::Architectures::={name}", "APT::Architectures::=amd64",
              f"Dir::State::status={place}/status")
    apt.get("download", f"collectd-core:{name}", f"libcap2:{name}")
    for package in place.glob("*.deb"):
        run("dpkg", "-x", package, place / "root")
    return place / "root"


class Emulated(Collectd):
    """A collectd of another architecture, on this machine's kernel"""

    def __init__(self, directory, platform, root, build_directory, options):
        super().__init__(directory, options, build=build_directory)
        configuration = directory / "collectd.conf"
        configuration.write_text(
            f'TypesDB "{root}/usr/share/collectd/types.db"\n'
            + configuration.read_text().replace(
                f'"{STOCK}"', f'"{root}/usr/lib/collectd"'))
        library = only(root, "lib/*/libcap.so.2")
        self.command = [
            *map(str, platform.prefix), "-E",
            f"LD_LIBRARY_PATH={library.parent}", f"{root}/usr/sbin/collectd",
            "-f", "-C", str(configuration)]
