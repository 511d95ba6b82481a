#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the documents with the sources. Each message that the plugin can log
has an entry under DIAGNOSTICS of the man page, and each entry has its message.
Relative links in Markdown lead to a file and, if they name one, to a
heading."""
import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
MANUAL = SOURCE / "plugin/collectd-cgroup_cpu.pod"
ONE = r'"(?:[^"\\]|\\.)*"'
LITERALS = re.compile(rf"'(?:[^'\\]|\\.)+'|(LOG_PREFIX\s*)?"
                      rf"({ONE}(?:\s*(?:PRI\w+\s*)?{ONE})*)")
CONVERSION = r"%[-+.*0-9]*(?:zu|lld|llx|[a-z]|$)"
# A shorter text that is not logged directly is part of another one, or the name
# of a file.
WORDS = 4


def text_of(literals):
    joined = re.sub(r'"\s*PRI\w+\s*"', "u", literals)
    joined = re.sub(r'"\s*"', "", joined)[1:-1]
    return joined.replace('\\"', '"').replace("\\\\", "\\").lstrip(".;: ")


def messages():
    """The logged messages and parts of messages, each with its file"""
    for file in sorted(SOURCE.glob("plugin/**/*.c")):
        if file.name == "cgroup_cpu_burn.c":
            continue
        code = re.sub(r"(?s)/\*.*?\*/|_Static_assert\(.*?\);", "",
                      file.read_text())
        for logged, literals in LITERALS.findall(code):
            text = text_of(literals)
            words = re.findall(r"\S*[A-Za-z]\S*", re.sub(CONVERSION, "", text))
            if (logged and text != "%s") or len(words) >= WORDS:
                yield file.relative_to(SOURCE), text


def matches(text, document):
    """Whether the document has this format, with any text for conversions"""
    at = 0
    for piece in re.split(CONVERSION, text):
        at = document.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def diagnostics():
    manual = MANUAL.read_text()
    text = manual.split("\n=head1 DIAGNOSTICS\n")[1].split("\n=head1 ")[0]
    return re.sub(r"[A-Z]<([^>]*)>", r"\1", text)


def check_messages():
    entries = diagnostics()
    whole = " ".join(entries.split())
    texts = set()
    for file, text in messages():
        texts.add(text)
        if not matches(text, whole):
            yield f"{file}: DIAGNOSTICS has no entry for: {text}"
    for item in re.findall(r"(?m)^=item (.*)$", entries):
        if not any(matches(text, item) for text in texts):
            yield f"{MANUAL.relative_to(SOURCE)}: nothing logs: {item}"


def anchors(file):
    for heading in re.findall(r"(?m)^#+ (.*)$", file.read_text()):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def documents():
    """The documents of the source tree, without those of a build"""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=SOURCE, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    names = listed.stdout.split() or SOURCE.rglob("*.md")
    return [SOURCE / name for name in names]


def check_links():
    for file in documents():
        for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)",
                                         file.read_text()):
            if re.match(r"\w+:", target):
                continue
            found = file.parent / target if target else file
            if not found.exists():
                yield f"{file.relative_to(SOURCE)}: leads nowhere: {target}"
            elif anchor and anchor not in anchors(found):
                yield f"{file.relative_to(SOURCE)}: no such heading: {anchor}"


def main():
    errors = [*check_messages(), *check_links()]
    print(*errors, sep="\n", end="\n" if errors else "")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
