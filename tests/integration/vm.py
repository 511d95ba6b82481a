# SPDX-License-Identifier: MIT
"""A Debian 12 in its own emulated machine: systemd on pure v2, with Debian 12's
kernel or with the newer one of its backports."""
import os
import select
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import pytest

import shared
from debian import KERNEL, LIBRARY, NEWER_KERNEL, Debian
from precedence import come_first

HERE = Path(__file__).parent
SUITE = "bookworm"
# One image for all tests: a second one would take longer than these packages.
ENGINES = ("busybox-static,crun,dbus-user-session,docker.io,libpam-systemd,"
           "libyajl2,lxc,passwd,podman,runc,systemd-container,uidmap")
PACKAGES = (f"collectd-core,dbus,{LIBRARY},linux-image-cloud-amd64,"
            f"python3-minimal,systemd-sysv,udev,util-linux,{ENGINES}")
PROGRAMS = ["bsdtar", "mmdebstrap", "mke2fs", "qemu-system-x86_64", "setpriv",
            "unshare", "xz"]
BUILD_SECONDS = 600
# The rest of the time is for booting, and for the results of what was ended.
ANSWER_SECONDS, SCRIPT_SECONDS = 900, 700
DISK = 64 << 20
# It takes all processors for minutes, and what measures its own time in it must
# not wait for others. Before all else on the machine, it would leave a hundredth
# of them to everything that has no priority, now a tenth.
PRIORITY = -10
# For each line that the second serial port gets, after it said that it is ready:
# /dev/vdb is a tar of a script and its files, /dev/vdc becomes one of the results.
SERVICE = f"""\
[Unit]
After=multi-user.target
SuccessAction=poweroff-immediate
FailureAction=poweroff-immediate
[Service]
Type=oneshot
ExecStart=/bin/sh -c '\\
  exec 3<>/dev/ttyS1; stty raw -echo <&3; \\
  while echo ready >&3; read -r line <&3; do \\
    rm -rf /test /results; mkdir /test /results; cd /test; \\
    blockdev --flushbufs /dev/vdb; tar -xf /dev/vdb; \\
    CGROUP_CPU_BUILD=/test/build timeout {SCRIPT_SECONDS} \\
      python3 script.py /results >/results/output 2>&1; \\
    echo $? >/results/status; \\
    cd /; tar -cf /dev/vdc -C /results .; sync; \\
  done'
[Install]
WantedBy=multi-user.target
"""
# An emulated processor takes many seconds for what the initramfs of a Debian
# does. This has only to find the disk and to start systemd.
INIT = """\
#!/busybox sh
/busybox mount -t devtmpfs none /dev
for module in /modules/*; do
  /busybox insmod "$module"
done
/busybox mount -t ext4 /dev/vda /root
exec /busybox switch_root /root /sbin/init
"""
# Makes it for the kernel $1 of the system in the directory root.
MAKE_INITRD = """
directory=initrd-$1.d
release=$(basename root/lib/modules/"$1"*)
mkdir -p "$directory/dev" "$directory/modules" "$directory/root"
cp root/bin/busybox "$directory"
printf %s "$INIT" >"$directory/init"
chmod +x "$directory/init"
number=10
chroot root modprobe --set-version "$release" --show-depends --all \
  virtio_pci virtio_blk ext4 | sed -n "s/^insmod //p" |
  while read -r module; do
    number=$((number + 1))
    case $module in
    *.xz) xz -dc "root$module" >"$directory/modules/$number" ;;
    *) cp "root$module" "$directory/modules/$number" ;;
    esac
  done
bsdtar --format=newc -cf "initrd-$1" -C "$directory" .
"""
# The meta package of the same name is replaced, the older kernel stays.
BACKPORT = f"""
echo "deb http://deb.debian.org/debian {SUITE}-backports main" \
  >"$1/etc/apt/sources.list.d/backports.list"
chroot "$1" apt-get update
chroot "$1" apt-get -y --no-install-recommends -t {SUITE}-backports \
  install linux-image-cloud-amd64
"""
MASKED = ("systemd-udevd-control.socket systemd-udevd-kernel.socket"
          " systemd-udevd.service systemd-udev-trigger.service"
          " serial-getty@ttyS0.service kmod-static-nodes.service"
          " systemd-tmpfiles-setup-dev.service systemd-modules-load.service"
          " systemd-binfmt.service systemd-random-seed.service"
          " systemd-update-utmp.service systemd-update-utmp-runlevel.service"
          " e2scrub_reap.service" + "".join(
              f" modprobe@{module}.service" for module in
              ("configfs", "dm_mod", "drm", "efi_pstore", "fuse", "loop")))
# The mounts end with the namespace. The machine does only the work of the
# tests, which start the services that they need. INITRD is for the packages of
# kernels, which would make an initramfs each.
BUILD = f"""
export INITRD=No
mount -t tmpfs tmpfs root
mmdebstrap --variant=custom --skip=check/empty --dpkgopt=force-unsafe-io \\
  --setup-hook='tar -xf "$ARCHIVE" -C "$1"' --customize-hook="$BACKPORT" \
  --include={PACKAGES} {SUITE} root
for kernel in {KERNEL} {NEWER_KERNEL}; do
  cp root/boot/vmlinuz-"$kernel"* "vmlinuz-$kernel"
  sh -ec "$MAKE_INITRD" sh "$kernel"
done
cd root/etc/systemd/system
rm -r default.target.wants multi-user.target.wants sockets.target.wants \\
  timers.target.wants
mkdir multi-user.target.wants
for unit in {MASKED}; do
  ln -s /dev/null "$unit"
done
cp "$OLDPWD/run.service" .
ln -s ../run.service multi-user.target.wants
cd "$OLDPWD"
mke2fs -q -t ext4 -d root disk 2G
"""
# QEMU 7.2 can leave wrong flags after the instruction cmpxchg16b, which ends in a
# panic of the newer kernel.
CPU = "qemu64,-cx16"
KERNEL_ARGUMENTS = ("root=/dev/vda rw console=ttyS0 quiet panic=-1 psi=1 "
                    "mitigations=off apparmor=0")
# A kernel that started under QEMU 7.2 once ended in a panic with this on its console,
# at a breakpoint that was no longer in its memory. With one thread for both
# processors, which may avoid it, the tests took a third more time.
STALE_BREAKPOINT = "int3: 0000"
STARTS = 3


# It ends when this process ends.
UNTIL_THE_END = ["setpriv", "--pdeathsig", "KILL"]


class Machine:
    """One with this kernel of the image, which does not change. It executes one
    script after another: each ends what it started."""

    def __init__(self, image, kernel):
        self.directory = Path(tempfile.mkdtemp(dir=image.directory))
        self.given, self.taken, self.console = (
            self.directory / name for name in ("given", "taken", "console"))
        for disk in self.given, self.taken:
            with open(disk, "wb") as file:
                file.truncate(DISK)
        drives = ["file=disk,snapshot=on", f"file={self.given},readonly=on",
                  f"file={self.taken}"]
        self.start(image, [
            *UNTIL_THE_END, "qemu-system-x86_64", "-nodefaults", "-m", "1024",
            "-cpu", CPU, "-smp", "2", "-display", "none", "-monitor", "none",
            "-nic", "none", "-serial", f"file:{self.console}", "-serial",
            "stdio", "-no-reboot", "-kernel", f"vmlinuz-{kernel}", "-initrd",
            f"initrd-{kernel}", "-append", KERNEL_ARGUMENTS, *(
                argument for drive in drives for argument in
                ("-drive", drive + ",if=virtio,format=raw,cache=unsafe"))])

    def start(self, image, command):
        for left in reversed(range(STARTS)):
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, bufsize=0, cwd=image.directory,
                env=image.environment,
                preexec_fn=lambda: come_first(PRIORITY))
            try:
                self.wait_until_ready()
                return
            except AssertionError:
                if not left or STALE_BREAKPOINT not in self.console.read_text(
                        errors="replace"):
                    raise
                self.end()

    def wait_until_ready(self):
        said = b""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not said.endswith(b"ready\n"):
            readable, _, _ = select.select(
                [self.process.stdout], [], [], deadline - time.monotonic())
            more = readable and self.process.stdout.read(100)
            assert more, (said.decode(errors="replace")
                          + self.console.read_text(errors="replace")[-4000:])
            said += more

    def run(self, script, modules, files):
        """Executes a script beside this file, which may import these modules, and
        returns the directory with its results from /results"""
        files = {**files, "script.py": HERE / script,
                 **{module: HERE / module for module in modules}}
        with open(self.given, "r+b") as disk, \
                tarfile.open(fileobj=disk, mode="w") as archive:
            for name, file in files.items():
                archive.add(os.path.realpath(file), name)
        self.process.stdin.write(b"go\n")
        self.wait_until_ready()
        results = Path(tempfile.mkdtemp(dir=self.directory))
        with tarfile.open(self.taken) as archive:
            archive.extractall(results)
        assert (results / "status").read_text() == "0\n", (
            results / "output").read_text()
        return results

    def end(self):
        self.process.kill()
        self.process.communicate()


class Image:
    """The disk of such machines and their kernels, below `directory`"""

    def __init__(self, directory):
        self.directory = directory
        self.environment = {**os.environ, "TMPDIR": str(directory)}
        self.machines = {}

    def build(self, debian):
        with shared.turn(self.directory) as first:
            if first:
                self.make(debian.ready().archive)
        return self

    def make(self, archive):
        (self.directory / "run.service").write_text(SERVICE)
        (self.directory / "root").mkdir(exist_ok=True)
        subprocess.run(
            [*UNTIL_THE_END, "unshare", "--mount", "--pid", "--kill-child",
             "--mount-proc", "sh", "-ec", BUILD], cwd=self.directory,
            env={**self.environment, "ARCHIVE": str(archive), "INIT": INIT,
                 "BACKPORT": BACKPORT, "MAKE_INITRD": MAKE_INITRD},
            stdin=subprocess.DEVNULL, timeout=BUILD_SECONDS, check=True)

    def run(self, script, modules, files, kernel=KERNEL):
        """In the machine with this kernel, which the first caller starts"""
        if kernel not in self.machines:
            self.machines[kernel] = Machine(self, kernel)
        return self.machines[kernel].run(script, modules, files)

    def end(self):
        for machine in self.machines.values():
            machine.end()


@pytest.fixture(scope="session")
def image(debian_directory):
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if os.geteuid() != 0 or missing or os.uname().machine != "x86_64":
        pytest.skip("needs root, x86_64 and " + ", ".join(PROGRAMS))
    with Debian(SUITE, debian_directory) as debian, \
            shared.directory("machine") as place:
        image = Image(place)
        try:
            yield image.build(debian)
        finally:
            image.end()
