# SPDX-License-Identifier: MIT
"""Containers of users who run Podman themselves have names with the user's
number, and nothing that such a user mounts keeps collectd waiting."""
import json
import os

import pytest

from delivered import complaints, instances, moments, wait_for_passes
from forest import Forest, with_parents
from locked_directory import LockedDirectory

pytest_plugins = ["watched"]

USER = 1234
ID = "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
POD_ID = "0" + ID[1:]
ROOTS_ID = "1" + ID[1:]
OWN = f"user.slice/user-{USER}.slice/user@{USER}.service"
POD = f"{OWN}/user.slice/user-libpod_pod_{POD_ID}.slice"
WEB = f"{POD}/libpod-{ID}.scope"
ROOTS = f"machine.slice/libpod-{ROOTS_ID}.scope"
STORAGE = ".local/share/containers/storage"
LIST = "containers.json"
# What the kernel asks of such a file system is never answered, because all
# that could read the questions have inherited the descriptor. This is shown
# before collectd starts.
HANG = """
exec 3<>/dev/fuse
mount -i -t fuse -o \
  fd=3,rootmode=40000,user_id={user},group_id={user},allow_other x "$0"
status=0
timeout 1 stat "$0/x" >/dev/null 2>&1 || status=$?
test $status = 124
exec "$@"
"""


@pytest.fixture
def host(open_place):
    """Its Podman has one container of root, and one in a pod of a user. It is
    where homes can be: not in /dev/shm, where tmp_path may be."""
    host = open_place / "host"
    make_list(host / "var/lib/containers/storage/vfs-containers", ROOTS_ID, "db")
    home = host / "home/me"
    make_list(home / STORAGE / "vfs-containers", ID, "web")
    (host / "etc").mkdir()
    (host / "etc/passwd").write_text(
        f"root:x:0:0:root:/root:/bin/sh\nme:x:{USER}:{USER}::/home/me:/bin/sh\n")
    give(home)
    (home / ".local").chmod(0o700)
    return host


def make_list(directory, identifier, name):
    directory.mkdir(parents=True)
    (directory / LIST).write_text(json.dumps(
        [{"id": identifier, "names": [name], "image": "x"}]))
    (directory / LIST).chmod(0o600)


def give(directory):
    for path in (directory, *directory.glob("**/*")):
        os.chown(path, USER, USER)


@pytest.fixture
def watch(directory, host, start):
    """watch(prefix): a collectd and the times of some of its passes"""
    with Forest(directory, [f"{WEB}/container", ROOTS]):
        for path in with_parents([f"{WEB}/container"]):
            if path.decode().startswith(OWN):
                os.chown(os.path.join(os.fsencode(directory), path), USER, USER)

        def begin(*prefix):
            collectd = start(f'NameRoot "{host}"', prefix=prefix)
            return collectd, wait_for_passes(collectd, 5)

        yield begin


def test_names(watch):
    collectd, _ = watch()
    assert {name for name in instances(collectd) if ID[1:12] in name
            or "podman" in name} == {
        "podman_db", f"podman@{USER}_pod+{POD_ID[:12]}", f"podman@{USER}_web",
        f"podman@{USER}_web+container"}
    assert not complaints(collectd)


@pytest.mark.parametrize("version", ["v2"])
def test_without_capabilities(watch):
    """The list of the user may not be read"""
    collectd, _ = watch("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    shown = instances(collectd)
    assert "podman_db" in shown and f"podman@{USER}_web" not in shown
    notice, = collectd.messages("notice")
    assert f"{STORAGE}: some containers of Podman" in notice
    assert "need the rights of root" in notice and "Podman" in notice


@pytest.mark.parametrize("version", ["v2"])
def test_reading_suffices(watch):
    """As in a container with no capability but this one"""
    collectd, _ = watch("setpriv", "--bounding-set=-all,+dac_read_search",
                        "--inh-caps=-all")
    assert f"podman@{USER}_web" in instances(collectd)


@pytest.mark.parametrize("version", ["v2"])
@pytest.mark.parametrize("place", [
    "", ".local", STORAGE, f"{STORAGE}/vfs-containers",
    f"{STORAGE}/vfs-containers/{LIST}"])
def test_a_mount_that_never_answers(watch, host, place):
    """It costs the names of this user, and nothing else. A file may be a mount
    point, too."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("needs /dev/fuse")
    target = host / "home/me" / place
    script = HANG.format(user=USER)
    if target.is_file():
        script = script.replace("40000", "100000").replace('"$0/x"', '"$0"')
    collectd, passes = watch("unshare", "-m", "sh", "-ec", script, target)
    assert "podman_db" in instances(collectd)
    assert max(later - before for before, later in
               zip(passes, passes[1:])) < 1.5
    assert f"podman@{USER}_web" not in instances(collectd)
    assert moments(collectd, f"podman@{USER}_pod+{POD_ID[:12]}")


@pytest.mark.parametrize("version", ["v2"])
@pytest.mark.parametrize("place", ["", STORAGE, f"{STORAGE}/vfs-containers"])
def test_a_locked_directory(watch, host, place):
    """As a mount that never answers. What is in the kernel's cache is known."""
    with LockedDirectory(host / "home/me" / place):
        collectd, _ = watch()
        assert {"podman_db", f"podman@{USER}_pod+{POD_ID[:12]}"} <= instances(
            collectd)
        collectd.stop()
