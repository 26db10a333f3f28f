"""Check what ruff and pylint do not look at: ``check_format.py FILE...``.

* XML: well-formed, starts with an XML declaration, indented by multiples of four spaces.
* YAML: can be loaded.
* Both, and everything else of text: no tabs, no space at the end of a line, one newline at the end.
"""

import re
import sys
from pathlib import Path

import yaml
from lxml import etree

TABS_ALLOWED = {"Makefile"}
XML_DECLARATION = re.compile(r"""<\?xml version=["']1\.0["'] encoding=["']utf-8["'] ?\?>""", re.IGNORECASE)


def check_text(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield number, "white space at the end of the line"
        if "\t" in line and path.name not in TABS_ALLOWED:
            yield number, "a tab; use spaces"
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield text.count("\n") + 1, "the file must end with exactly one newline"


def check_xml(path, text):
    try:
        root = etree.fromstring(text.encode())
    except etree.XMLSyntaxError as error:
        yield error.lineno or 1, f"not well-formed: {error.msg}"
        return
    if path.suffix == ".xml" and not XML_DECLARATION.match(text):
        yield 1, 'must start with <?xml version="1.0" encoding="utf-8"?>'
    for element in root.iter():
        # The text before an element's tag is its parent's text or its elder sibling's tail.
        before = element.getprevious().tail if element.getprevious() is not None else None
        if element.getprevious() is None and element.getparent() is not None:
            before = element.getparent().text
        if before and "\n" in before and not before.strip():
            indent = len(before.rpartition("\n")[2])
            depth = sum(1 for _ in element.iterancestors())
            if indent != 4 * depth:
                yield element.sourceline, f"indented by {indent} spaces instead of {4 * depth}"


def check_yaml(path, text):
    try:
        list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        yield 1, f"not valid YAML: {error}"


CHECKS = {".xml": [check_xml], ".svg": [check_xml], ".yaml": [check_yaml], ".yml": [check_yaml]}


def main(names):
    found = 0
    for path in map(Path, names):
        text = path.read_text(encoding="utf-8")
        for check in [check_text, *CHECKS.get(path.suffix, [])]:
            for line, message in check(path, text):
                print(f"{path}:{line}: {message}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
