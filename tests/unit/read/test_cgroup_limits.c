/* SPDX-License-Identifier: MIT */
/* Hosts, and the most that each of their cgroups may use. A host is a script
 * with one step per line:
 *
 *   + /a/b        creates a selected cgroup; - /a/b one that is not selected
 *   file: text    writes a file below the test's directory; !file removes it
 *   closed /a     its descendants are not looked for
 *   unlisted /a   its directory could not be listed
 *   use /a 300    its use from now on, in millicores
 *   throttle /a 7 its throttled periods from now on
 *   pass          runs a pass; round: enough passes to read every cgroup again
 *   = /a 1000     its limit in the latest pass; 0: no limit
 *   level /a 1    how many levels above it that limit is set
 *   nowhere /a    no cgroup has set it
 *   failed 1      cgroups that could not be read in the latest pass
 */
#include "read/cgroup_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "suites.h"
#include "util/cleanup.h"

#define V1 CGROUP_VERSION_1
#define V2 CGROUP_VERSION_2
#define CGROUPS_MAX 16
#define MACHINE(cpus) "cpu/online: " cpus "\ncpu/present: " cpus "\n"
/* In v1 each controller has its own hierarchy, at these places. In v2 there is
 * only one. */
#define USAGE "usage"
#define CPU "quota"
#define CPUSET "cpus"

static const struct {
  const char *name;
  enum cgroup_version usage;
  enum cgroup_version cpu;
  enum cgroup_version cpuset;
  const char *script;
} hosts[] = {
    {"no limit", V2, V2, V2,
     MACHINE("0-3") "usage/cpuset.cpus.effective: 0-3\n+ /a\n"
                    "usage/a/cpuset.cpus.effective: 0-3\n"
                    "usage/a/cpu.max: max 100000\npass\n= / 0\n= /a 0\n"},
    {"the machine caps a quota", V2, V2, V2,
     MACHINE("0-1") "+ /a\n+ /a/b\nusage/a/cpu.max: 400000 100000\npass\n"
                    "= / 0\n= /a 2000\n= /a/b 2000\n"
                    "nowhere /a\nnowhere /a/b\n"
                    "usage/a/b/cpu.max: 150000 100000\nround\n= /a/b 1500\n"
                    "level /a/b 0\nusage/a/cpu.max: 200000 100000\n"
                    "usage/a/b/cpu.max: max 100000\nround\n= /a/b 2000\n"
                    "level /a 0\nlevel /a/b 1\n"},
    {"quotas nest", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\nusage/cpu.max: 60000 100000\n"
                    "usage/a/cpu.max: 20000 100000\n"
                    "usage/a/b/cpu.max: 30000 100000\npass\n"
                    "= / 600\n= /a 200\n= /a/b 200\n"
                    "level / 0\nlevel /a 0\nlevel /a/b 1\n"},
    {"the nearest of equal quotas", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\n+ /a/b/c\nusage/a/cpu.max: 20000 100000\n"
                    "usage/a/b/cpu.max: 40000 200000\npass\n"
                    "= /a/b/c 200\nlevel /a 0\nlevel /a/b 0\n"
                    "level /a/b/c 1\n"},
    {"a quota that is moved", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\n+ /a/b/c\nusage/a/cpu.max: 20000 100000\n"
                    "pass\n= / 0\n= /a/b/c 200\nlevel /a/b/c 2\n"
                    "usage/a/cpu.max: max 100000\n"
                    "usage/a/b/c/cpu.max: 20000 100000\nround\n"
                    "= /a/b 0\n= /a/b/c 200\nlevel /a/b/c 0\n"},
    {"CPUs that are inherited", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\n+ /a/b/c\n+ /a/b/c/d\n"
                    "usage/cpuset.cpus.effective: 0-3\n"
                    "usage/a/cpuset.cpus.effective: 0-1\n"
                    "usage/a/b/cpuset.cpus.effective: 0-1\n"
                    "usage/a/b/c/cpuset.cpus.effective: 1\npass\n"
                    "= /a 2000\nlevel /a 0\n= /a/b 2000\nlevel /a/b 1\n"
                    "= /a/b/c 1000\nlevel /a/b/c 0\n"
                    "= /a/b/c/d 1000\nlevel /a/b/c/d 1\n"},
    {"CPUs and a quota", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\n+ /a/b/c\n"
                    "usage/a/cpuset.cpus.effective: 0-1\n"
                    "usage/a/b/cpu.max: 200000 100000\n"
                    "usage/a/b/c/cpu.max: 300000 100000\npass\n"
                    "= /a 2000\nlevel /a 0\n= /a/b 2000\nlevel /a/b 0\n"
                    "= /a/b/c 2000\nlevel /a/b/c 1\n"
                    "usage/a/b/cpuset.cpus.effective: 0\nround\n"
                    "= /a/b/c 1000\nlevel /a/b/c 1\nlevel /a/b 0\n"},
    {"the CPUs of a container", V2, V2, V2,
     MACHINE(
         "0-3") "+ /a\nusage/cpuset.cpus.effective: 0\nusage/cpuset.cpus: 0\n"
                "pass\n= / 1000\nlevel / 0\n= /a 1000\nlevel /a 1\n"},
    {"the machine grows", V2, V2, V2,
     MACHINE(
         "0-1") "+ /d\nusage/cpuset.cpus.effective: 0-1\n"
                "usage/d/cpuset.cpus.effective: 0-1\npass\n= / 0\n= /d 0\n"
                "usage/cpuset.cpus.effective: 0-7\n" MACHINE(
                    "0-7") "pass\n= / 0\n= /d 2000\nround\n= / 0\n= /d 2000\n"},
    {"cpusets follow the machine late", V2, V2, V2,
     MACHINE("0-1") "usage/cpuset.cpus.effective: 0-1\npass\n= / 0\n" MACHINE(
         "0-3") "pass\nusage/cpuset.cpus.effective: 0-3\npass\n= / 0\n"},
    {"the machine shrinks", V2, V2, V2,
     MACHINE("0-7") "+ /d\n+ /q\nusage/cpuset.cpus.effective: 0-7\n"
                    "usage/d/cpuset.cpus.effective: 0-3\n"
                    "usage/q/cpu.max: 700000 100000\npass\n"
                    "= /d 4000\n= /q 7000\n"
                    "usage/cpuset.cpus.effective: 0-1\n"
                    "usage/d/cpuset.cpus.effective: 0-1\n" MACHINE(
                        "0-1") "pass\n= / 0\n= /d 0\n= /q 2000\n"},
    {"as many CPUs, but others", V2, V2, V2,
     MACHINE("0-1,4-5") "+ /d\nusage/d/cpuset.cpus.effective: 4-5\npass\n"
                        "= /d 2000\n"},
    {"only the root's CPUs are known", V2, V2, V2,
     "+ /d\n+ /q\n+ /rt\nusage/cpuset.cpus.effective: 0-4\n"
     "usage/rt/cpuset.cpus.effective: 5\nusage/q/cpu.max: 700000 100000\n"
     "usage/d/cpuset.cpus.effective: 0-3\npass\nfailed 0\n"
     "= / 0\n= /d 4000\n= /q 5000\n= /rt 1000\n"
     "usage/cpu.max: 700000 100000\nround\n= / 6000\n= /q 5000\n"
     "cpu/online: nonsense\npass\n= / 6000\nfailed 0\n" MACHINE(
         "0-1") "pass\n= / 2000\n= /d 2000\n= /q 2000\n"},
    {"no CPUs are known but those of cpusets", V2, V2, V2,
     "+ /d\n+ /q\ncpu/online: \nusage/d/cpuset.cpus.effective: 0-3\n"
     "usage/q/cpu.max: 700000 100000\npass\n= /d 4000\n= /q 7000\n"},

    {"a partition", V2, V2, V2,
     MACHINE("0-3") "+ /rt\n+ /x\nusage/cpuset.cpus.effective: 0\n"
                    "usage/rt/cpuset.cpus.effective: 1-3\n"
                    "usage/x/cpuset.cpus.effective: 0\npass\n"
                    "= / 0\n= /rt 3000\n= /x 1000\n"
                    "level /rt 0\nlevel /x 0\n"},
    {"a partition in a partition", V2, V2, V2,
     MACHINE("0-7") "+ /a\n+ /a/b\n+ /a/b/c\n+ /a/d\n"
                    "usage/cpuset.cpus.effective: 0-1\n"
                    "usage/a/cpuset.cpus.effective: 2-3\n"
                    "usage/a/b/cpuset.cpus.effective: 4-5\n"
                    "usage/a/b/c/cpuset.cpus.effective: 4\n"
                    "usage/a/d/cpuset.cpus.effective: 6-7\npass\n"
                    "= / 0\n= /a 6000\n= /a/b 2000\n= /a/b/c 1000\n"
                    "= /a/d 2000\nlevel /a 0\nlevel /a/b 0\n"
                    "level /a/b/c 0\nlevel /a/d 0\n"},
    {"a partition that gave away all it had", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\nusage/cpuset.cpus.effective: 0\n"
                    "usage/a/cpuset.cpus.effective: \n"
                    "usage/a/b/cpuset.cpus.effective: 1-3\npass\n"
                    "= / 0\n= /a 3000\n= /a/b 3000\n"},
    {"a partition below one that is none", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\n+ /a/c\nusage/cpuset.cpus.effective: 0-1\n"
                    "usage/a/cpuset.cpus.effective: 0-1\n"
                    "usage/a/b/cpuset.cpus.effective: 2\n"
                    "usage/a/c/cpuset.cpus.effective: 0-1\npass\n"
                    "= / 3000\n= /a 3000\n= /a/b 1000\n= /a/c 2000\n"},
    {"a partition below cgroups without cpusets", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\nusage/cpuset.cpus.effective: 0\n"
                    "usage/a/b/cpuset.cpus.effective: 1-3\npass\n"
                    "= / 0\n= /a 1000\n= /a/b 3000\n"},
    {"a quota above a partition", V2, V2, V2,
     MACHINE("0-3") "+ /rt\n+ /rt/a\nusage/cpuset.cpus.effective: 0\n"
                    "usage/rt/cpuset.cpus.effective: 1-2\n"
                    "usage/rt/a/cpuset.cpus.effective: 3\n"
                    "usage/rt/cpu.max: 50000 100000\npass\n"
                    "= / 0\n= /rt 500\n= /rt/a 500\n"},
    {"a partition ends", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/rt\nusage/cpuset.cpus.effective: 0-3\n"
                    "usage/a/cpuset.cpus.effective: 0\n"
                    "usage/a/rt/cpuset.cpus.effective: 1-3\npass\n= /a 0\n"
                    "usage/a/rt/cpuset.cpus.effective: 0\nround\n= /a 1000\n"
                    "= /a/rt 1000\n"},
    {"a partition that is not selected", V2, V2, V2,
     MACHINE("0-3") "- /rt\n- /rt/a\n+ /x\nusage/cpuset.cpus.effective: 0\n"
                    "usage/rt/cpuset.cpus.effective: 1\n"
                    "usage/rt/a/cpuset.cpus.effective: 2-3\n"
                    "usage/x/cpuset.cpus.effective: 0\npass\n"
                    "= / 0\n= /x 1000\n"},
    {"the root alone of a machine with partitions", V2, V2, V2,
     MACHINE("0-3") "usage/cpuset.cpus.effective: 0\npass\n= / 0\nround\n"
                    "= / 0\n"},
    {"partitions in a subtree that is not looked at", V2, V2, V2,
     MACHINE("0-3") "+ /a\n- /rt\nclosed /rt\n"
                    "usage/cpuset.cpus.effective: 0\n"
                    "usage/a/cpuset.cpus.effective: 0\n"
                    "usage/rt/cpuset.cpus.effective: 1\npass\n"
                    "= / 0\n= /a 1000\nround\n= / 0\n= /a 1000\n"
                    "level /a 0\n"},
    {"partitions that are not seen below others", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\n+ /a/b/c\n"
                    "usage/a/cpuset.cpus.effective: 0-1\n"
                    "usage/a/b/cpuset.cpus.effective: 0-1\n"
                    "usage/a/b/c/cpuset.cpus.effective: 1\nunlisted /a\npass\n"
                    "= /a 0\n= /a/b 2000\nnowhere /a/b\n"
                    "= /a/b/c 1000\nlevel /a/b/c 0\n"},
    {"the root alone of a container", V2, V2, V2,
     MACHINE("0-3") "usage/cpuset.cpus.effective: 0\nusage/cpuset.cpus: 0\n"
                    "pass\n= / 1000\n"},

    {"v1", V1, V1, V1,
     MACHINE("0-3") "+ /a\n+ /a/b\ncpus/cpuset.effective_cpus: 0-3\n"
                    "cpus/a/cpuset.effective_cpus: 0-1\n"
                    "quota/a/cpu.cfs_quota_us: 300000\n"
                    "quota/a/cpu.cfs_period_us: 100000\n"
                    "quota/a/b/cpu.cfs_quota_us: 50000\n"
                    "quota/a/b/cpu.cfs_period_us: 100000\n"
                    "pass\n= / 0\n= /a 2000\n= /a/b 500\n"
                    "level /a 0\nlevel /a/b 0\n"},
    {"v1 before Linux 3.17", V1, V1, V1,
     MACHINE("0-3") "+ /a\ncpus/cpuset.cpus: 0-3\ncpus/a/cpuset.cpus: 2\n"
                    "pass\n= / 0\n= /a 1000\n"},
    {"v1 cpuset with CPUs that are offline", V1, V1, V1,
     "cpu/online: 0-1\ncpu/present: 0-3\ncpu/cpu2/online: 0\n"
     "cpu/cpu3/online: 0\n+ /a\n+ /b\ncpus/cpuset.cpus: 0-1\n"
     "cpus/a/cpuset.cpus: 1-3\ncpus/b/cpuset.cpus: 0-3\n"
     "pass\n= /a 1000\n= /b 0\n"},
    {"Android", V1, V1, V1,
     MACHINE("0-7") "+ /background\ncpus/cpus: 0-7\ncpus/effective_cpus: 0-7\n"
                    "cpus/background/cpus: 0-6\n"
                    "cpus/background/effective_cpus: 0-2\n"
                    "pass\n= / 0\n= /background 3000\n"},
    {"old Android", V1, V1, V1,
     MACHINE("0-7") "+ /background\ncpus/cpus: 0-7\ncpus/background/cpus: 0-1\n"
                    "pass\n= /background 2000\n"},
    {"an empty cpuset of v1", V1, V1, V1,
     MACHINE("0-3") "+ /a\n+ /a/b\ncpus/a/cpuset.effective_cpus: 0-1\n"
                    "cpus/a/b/cpuset.effective_cpus: \npass\n= /a/b 2000\n"},
    {"v1 without cpu and cpuset", V1, 0, 0,
     MACHINE("0-3") "+ /a\nquota/a/cpu.cfs_quota_us: 50000\n"
                    "quota/a/cpu.cfs_period_us: 100000\npass\n= /a 0\n"},

    {"usage in v2, quota in v1", V2, V1, V2,
     MACHINE("0-3") "+ /a\n+ /b\nquota/a/cpu.cfs_quota_us: 20000\n"
                    "quota/a/cpu.cfs_period_us: 100000\n"
                    "usage/b/cpu.max: 10000 100000\n"
                    "usage/b/cpuset.cpus.effective: 2\npass\n"
                    "= /a 200\n= /b 1000\n"},
    {"usage in v2, cpusets in v1", V2, V2, V1,
     MACHINE("0-3") "+ /a\n+ /b\nusage/a/cpu.max: 20000 100000\n"
                    "cpus/b/cpuset.cpus: 2\n"
                    "usage/b/cpuset.cpus.effective: 2-3\npass\n"
                    "= /a 200\n= /b 1000\n"},
    {"usage in v1, quota in v2", V1, V2, V1,
     MACHINE("0-3") "+ /a\nquota/a/cpu.max: 20000 100000\n"
                    "quota/a/cpu.cfs_quota_us: 10000\n"
                    "quota/a/cpu.cfs_period_us: 100000\npass\n= /a 200\n"},

    {"lxcfs", V1, V1, V1,
     "cpu/online: 0\ncpu/present: 0-1\ncpu/cpu1/online: 1\n+ /a\n+ /q\n"
     "cpus/cpuset.cpus: 0-1\ncpus/a/cpuset.cpus: 0\n"
     "quota/q/cpu.cfs_quota_us: 300000\nquota/q/cpu.cfs_period_us: 100000\n"
     "pass\n= / 0\n= /a 1000\n= /q 2000\n"},
    {"lxcfs hides CPUs without a file of their own", V1, V1, V1,
     "cpu/online: 1\ncpu/present: 0-1\ncpu/cpu1/online: 1\n+ /a\n"
     "cpus/a/cpuset.cpus: 1\npass\n= /a 1000\n"},
    {"lxcfs, and a CPU is taken offline", V1, V1, V1,
     "cpu/online: 0\ncpu/present: 0-1\ncpu/cpu1/online: 1\n+ /a\n"
     "cpus/a/cpuset.cpus: 0\npass\n= /a 1000\n"
     "cpu/cpu1/online: 0\nround\n= /a 0\n"},
    {"no simultaneous multithreading", V2, V2, V2,
     "cpu/online: 0,2\ncpu/present: 0-3\ncpu/cpu1/online: 0\n"
     "cpu/cpu3/online: 0\n+ /a\n+ /q\nusage/cpuset.cpus.effective: 0,2\n"
     "usage/a/cpuset.cpus.effective: 2\nusage/q/cpu.max: 300000 100000\n"
     "pass\n= / 0\n= /a 1000\n= /q 2000\n"},
    {"present cannot be read", V2, V2, V2,
     "cpu/online: 0-1\ncpu/present: nonsense\n+ /q\n"
     "usage/q/cpu.max: 300000 100000\npass\n= /q 2000\n"},

    {"processes in another cpuset", V1, V1, V1,
     MACHINE("0-3") "+ /a\n+ /b\n+ /b/c\ncpus/a/cpuset.cpus: 0\n"
                    "cpus/b/cpuset.cpus: 1\ncpus/b/c/cpuset.cpus: 1\n"
                    "usage/a/cgroup.procs: 7\\n8\ncpus/a/cgroup.procs: 6\\n7\n"
                    "usage/b/cgroup.procs: 0\\n10\\n11\n"
                    "cpus/b/cgroup.procs: 1\\n101\n"
                    "usage/b/c/cgroup.procs: 20\ncpus/b/c/cgroup.procs: 20\n"
                    "pass\n= /a 1000\n= /b 0\n= /b/c 1000\nlevel /b/c 1\n"
                    "cpus/b/cgroup.procs: 1\\n10\nround\n= /b 1000\n"},
    {"no process to go by", V1, V1, V1,
     MACHINE("0-3") "+ /a\n+ /a/b\n+ /a/b/c\ncpus/a/cpuset.cpus: 0\n"
                    "usage/a/cgroup.procs: 7\ncpus/a/cgroup.procs: 8\n"
                    "usage/a/b/cgroup.procs: \npass\n= /a 0\n= /a/b 0\n"
                    "= /a/b/c 0\n"},
    {"processes stay in the cpuset above", V1, V1, V1,
     MACHINE("0-3") "+ /a\n+ /a/b\ncpus/a/cpuset.cpus: 0\n"
                    "usage/a/b/cgroup.procs: 7\ncpus/a/cgroup.procs: 7\n"
                    "pass\n= /a 1000\n= /a/b 1000\n"},
    {"processes below are elsewhere", V1, V1, V1,
     MACHINE("0-3") "+ /a\n+ /a/b\ncpus/a/cpuset.cpus: 0\n"
                    "usage/a/b/cgroup.procs: 7\ncpus/a/cgroup.procs: 8\n"
                    "pass\n= /a 0\n= /a/b 0\n"},
    {"processes with another quota", V2, V1, V2,
     MACHINE("0-3") "+ /a\n+ /b\nquota/a/cpu.cfs_quota_us: 20000\n"
                    "quota/a/cpu.cfs_period_us: 100000\n"
                    "usage/a/cgroup.procs: 7\nquota/a/cgroup.procs: 8\n"
                    "quota/b/cpu.cfs_quota_us: 30000\n"
                    "quota/b/cpu.cfs_period_us: 100000\n"
                    "usage/b/cgroup.procs: 7\nquota/b/cgroup.procs: 7\n"
                    "pass\n= /a 0\n= /b 300\n"},

    {"a quota is raised", V2, V2, V2,
     MACHINE("0-3") "+ /a\nusage/a/cpu.max: 20000 100000\nuse /a 200\npass\n"
                    "= /a 200\nusage/a/cpu.max: 90000 100000\nuse /a 500\n"
                    "pass\n= /a 900\n"},
    {"a cpuset grows", V2, V2, V2,
     MACHINE("0-3") "+ /a\nusage/a/cpuset.cpus.effective: 0\npass\n= /a 1000\n"
                    "usage/a/cpuset.cpus.effective: 0-1\nuse /a 1500\npass\n"
                    "= /a 2000\n"},
    {"a quota is lowered and throttles", V2, V2, V2,
     MACHINE("0-3") "+ /a\n+ /a/b\nusage/a/cpu.max: 90000 100000\n"
                    "throttle /a 5\npass\n= /a/b 900\n"
                    "usage/a/cpu.max: 20000 100000\n"
                    "throttle /a 6\npass\n= /a 200\n= /a/b 200\n"},
    {"a quota is lowered above what is selected", V2, V2, V2,
     MACHINE("0-3") "- /a\n+ /a/b\nusage/a/cpu.max: 90000 100000\npass\n"
                    "= /a/b 900\nusage/a/cpu.max: 20000 100000\npass\n"
                    "= /a/b 200\n"},
    {"a quota is lowered and holds nothing back", V2, V2, V2,
     MACHINE("0-3") "+ /a\nusage/a/cpu.max: 90000 100000\nthrottle /a 5\n"
                    "pass\n= /a 900\nusage/a/cpu.max: 20000 100000\nround\n"
                    "= /a 200\n"},
    {"what cannot be read hides limits below", V2, V2, V2,
     MACHINE(
         "0-3") "+ /a\n+ /a/b\nusage/a/cpu.max/file: 1\n"
                "usage/a/b/cpu.max: 20000 100000\npass\nfailed 1\n"
                "= /a 0\n= /a/b 0\n!usage/a/cpu.max/file\n!usage/a/cpu.max\n"
                "usage/a/cpu.max: 90000 100000\npass\nfailed 0\n"
                "= /a 900\n= /a/b 200\n"},
};

static char *directory;
static char *machine;
static struct selection selection;
static struct tree tree;
static struct sampler sampler;
static struct cgroup_limits limits;
static struct failure failure;
static size_t failed;
static int fds[CGROUP_CONTROLLER_COUNT];
static struct place {
  char path[64];
  struct cgroup *cgroup;
  bool selected;
  double use;
  struct cpu_stat sample;
} places[CGROUPS_MAX];
static size_t place_count;

static void forget(void *context, struct cgroup *cgroup) {
  (void)context;
  cgroup_limits_forget(cgroup);
  sampler_forget(&sampler, cgroup);
}

static void setup(void) {
  directory = make_tree();
  machine = path_in(directory, "cpu");
  tree = (struct tree){.selection = &selection, .on_remove = forget};
  place_count = 0;
}

static void teardown(void) {
  tree_release(&tree);
  cgroup_limits_close(&limits);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    if (fds[i] >= 0)
      (void)close(fds[i]);
  free(machine);
  remove_tree(directory);
}

static struct place *find(const char *path) {
  for (size_t i = 0; i < place_count; i++)
    if (strcmp(places[i].path, path) == 0)
      return &places[i];
  ck_abort_msg("there is no %s", path);
  return NULL;
}

static void add(const char *path, bool selected) {
  const char *slash = strrchr(path, '/');
  struct place *place = &places[place_count];
  struct cgroup *above = NULL;

  ck_assert_uint_lt(place_count, CGROUPS_MAX);
  if (place_count > 0) {
    char parent[64];
    (void)snprintf(parent, sizeof(parent), "%.*s",
                   slash > path ? (int)(slash - path) : 1, path);
    above = find(parent)->cgroup;
  }
  *place = (struct place){.selected = selected};
  (void)snprintf(place->path, sizeof(place->path), "%s", path);
  place_count++;
  ck_assert_int_eq(tree_add(&tree, above, above != NULL ? slash + 1 : "",
                            place_count, &place->cgroup),
                   0);
}

static void write_text(const char *file, const char *text) {
  char lines[256];
  size_t length = 0;

  for (; *text != '\0'; text++) {
    bool newline = text[0] == '\\' && text[1] == 'n';
    lines[length] = *text;
    if (newline)
      lines[length] = '\n';
    length++;
    text += newline;
  }
  lines[length++] = '\n';
  lines[length] = '\0';
  write_file(directory, file, lines);
}

static void open_directories(int host) {
  const char *const names[] = {USAGE, CPU, CPUSET};
  enum cgroup_version versions[] = {hosts[host].usage, hosts[host].cpu,
                                    hosts[host].cpuset};
  bool separate[CGROUP_CONTROLLER_COUNT];

  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++) {
    bool own = versions[i] == V1 || versions[i] != versions[0];
    CLEANUP_FREE char *path = path_in(directory, own ? names[i] : names[0]);
    fds[i] =
        versions[i] != 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    separate[i] = own && i != CGROUP_CPUACCT;
    if (versions[i] == 0)
      versions[i] = versions[0];
  }
  sampler_open(&sampler, versions, names, VALUE_GROUP_LIMIT, 100);
  cgroup_limits_open(&limits, &sampler, separate, machine);
  for (size_t i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
    sampler.root_fds[i] = fds[i] >= 0 ? fds[i] : -ENOENT;
}

static bool is_sampled(const void *context, const struct cgroup *cgroup) {
  ck_assert_ptr_eq(context, &tree);
  return cgroup->selected;
}

static void run_pass(void) {
  for (size_t i = 0; i < place_count; i++)
    places[i].cgroup->selected = places[i].selected;
  tree.changed = true;
  struct cgroup *const *order = tree_order(&tree);
  ck_assert_ptr_nonnull(order);
  sampler.pass++;
  failure.error = 0;
  failed = cgroup_limits_begin(&limits, order, tree.count, true, is_sampled,
                               &tree, &failure);
  for (size_t i = 0; i < place_count; i++)
    cgroup_limits_update(&limits, places[i].cgroup,
                         places[i].selected ? &places[i].sample : NULL,
                         places[i].use, &failure);
}

static void check_limit(const char *path, double millicores) {
  const struct cgroup_details *details = find(path)->cgroup->details;
  double limit = details != NULL ? details->limit.millicores : 0;

  if (limit < millicores || limit > millicores)
    ck_abort_msg("the limit of %s is %g instead of %g", path, limit,
                 millicores);
}

static void check_level(const char *path, int64_t level) {
  const struct cgroup_details *details = find(path)->cgroup->details;

  ck_assert_ptr_nonnull(details);
  ck_assert(details->limit.millicores > 0);
  if (details->limit.level != level)
    ck_abort_msg("the limit of %s is set %lld levels above it, not %lld", path,
                 (long long)details->limit.level, (long long)level);
}

static void throttle(const char *path, unsigned periods) {
  struct cpu_stat *sample = &find(path)->sample;

  sample->present = 1U << CPU_NR_THROTTLED;
  sample->counters[CPU_NR_THROTTLED] = periods;
}

/* "word path number" */
static bool is_order(const char *line, const char *word, char path[64],
                     unsigned *number) {
  size_t length = strlen(word);

  if (strncmp(line, word, length) != 0 || line[length] != ' ')
    return false;
  const char *blank = strchr(line + length + 1, ' ');
  const char *end = blank != NULL ? blank : line + strlen(line);
  (void)snprintf(path, 64, "%.*s", (int)(end - line - (int)length - 1),
                 line + length + 1);
  *number = blank != NULL ? (unsigned)strtoul(blank + 1, NULL, 10) : 0;
  return true;
}

static void remove_path(const char *path) {
  CLEANUP_FREE char *whole = path_in(directory, path);
  ck_assert_int_eq(remove(whole), 0);
}

static void step(const char *line) {
  char path[64] = "";
  unsigned number = 0;

  if (strcmp(line, "pass") == 0) {
    run_pass();
  } else if (strcmp(line, "round") == 0) {
    for (int i = 0; i < SAMPLER_ROUND; i++)
      run_pass();
  } else if (line[0] == '!') {
    remove_path(line + 1);
  } else if (is_order(line, "+", path, &number)) {
    add(path, true);
  } else if (is_order(line, "-", path, &number)) {
    add(path, false);
  } else if (is_order(line, "=", path, &number)) {
    check_limit(path, number);
  } else if (is_order(line, "level", path, &number)) {
    check_level(path, number);
  } else if (is_order(line, "nowhere", path, &number)) {
    check_level(path, CGROUP_LEVEL_NONE);
  } else if (is_order(line, "unlisted", path, &number)) {
    find(path)->cgroup->discovery.error = -EACCES;
  } else if (is_order(line, "closed", path, &number)) {
    find(path)->cgroup->discovery.closed = true;
  } else if (is_order(line, "use", path, &number)) {
    find(path)->use = number;
  } else if (is_order(line, "throttle", path, &number)) {
    throttle(path, number);
  } else if (is_order(line, "failed", path, &number)) {
    ck_assert_uint_eq(failed, strtoul(path, NULL, 10));
    ck_assert_int_eq(failure.error<0, failed> 0);
  } else {
    const char *colon = strstr(line, ": ");
    ck_assert_ptr_nonnull(colon);
    (void)snprintf(path, sizeof(path), "%.*s", (int)(colon - line), line);
    write_text(path, colon + 2);
  }
}

START_TEST(limits_of_hosts) {
  CLEANUP_FREE char *script = strdup(hosts[_i].script);
  char *rest = script;

  ck_assert_ptr_nonnull(script);
  /* The root and all directories. */
  add("/", true);
  write_file(directory, USAGE "/keep", "");
  write_file(directory, CPU "/keep", "");
  write_file(directory, CPUSET "/keep", "");
  open_directories(_i);
  for (char *line = strsep(&rest, "\n"); line != NULL && *line != '\0';
       line = strsep(&rest, "\n"))
    step(line);
}
END_TEST

Suite *cgroup_limits_suite(void) {
  return suite_of("cgroup_limits", setup, teardown,
                  FOR_EACH(limits_of_hosts, hosts));
}
