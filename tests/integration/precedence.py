# SPDX-License-Identifier: MIT
"""What is measured, and what measures, comes before all else on the machine:
that is not what is tested."""

# Put before a command. Where sessions are scheduled as groups, nice(1) counts
# within the group only.
FIRST = ["setsid", "sh", "-c",
         "echo -20 >/proc/self/autogroup; exec nice -n -20 \"$@\"",
         "sh"]
