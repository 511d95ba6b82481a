# SPDX-License-Identifier: MIT
"""Kinds of hosts, simulated on this one in private mount namespaces.

Each is a shell script. {v1} and {v2} are the mounts of the two versions,
{cgroup} is a cgroup's path below them, and {scratch} an empty directory.
"""
ALL = "/sys/fs/cgroup"
HIDE_ALL = f"umount -R {ALL}"

HYBRID = "true"
V1 = "umount {v2}"
V2 = f"{HIDE_ALL}; mount -t cgroup2 cgroup2 {ALL}"
NOTHING = HIDE_ALL
ELSEWHERE = f"mount --rbind {ALL} {{scratch}}; {HIDE_ALL}"

# What a container without a cgroup namespace sees: only its own cgroup.
V1_CONTAINER = f"""
mount -t tmpfs tmpfs {{scratch}}
mkdir {{scratch}}/cpuacct
mount --bind {{v1}}/{{cgroup}} {{scratch}}/cpuacct
{HIDE_ALL}
mount --move {{scratch}} {ALL}
"""
V2_CONTAINER = f"""
mount --bind {{v2}}/{{cgroup}} {{scratch}}
{HIDE_ALL}
mount --move {{scratch}} {ALL}
"""
HYBRID_CONTAINER = f"""
mount -t tmpfs tmpfs {{scratch}}
mkdir {{scratch}}/cpuacct {{scratch}}/unified
mount --bind {{v1}}/{{cgroup}} {{scratch}}/cpuacct
mount --bind {{v2}}/{{cgroup}} {{scratch}}/unified
{HIDE_ALL}
mount --move {{scratch}} {ALL}
"""


def prefix(view, **names):
    """A prefix that runs a command on that kind of host"""
    script = f"{view.format(**names)}\nexec \"$@\""
    return ["unshare", "-m", "sh", "-ec", script, "sh"]
