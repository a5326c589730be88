# SPDX-License-Identifier: Apache-2.0
"""Makes one HTML document of the status page's parts, and a C++ source that holds it.

    assemble.py --output page.cpp index.html page.css SCRIPT.js…

The document is the template with the style and the scripts, in the order given, in the place of its two marks. The same
input gives the same bytes.
"""

import argparse
import base64
import hashlib
import sys
from pathlib import Path

STYLE_MARK = "/* style */"
SCRIPT_MARK = "/* script */"
_BYTES_A_LINE = 32

_SOURCE = """// SPDX-License-Identifier: Apache-2.0
// Made by src/admin/page/assemble.py.
#include "page/page.hpp"

namespace adapter::admin {{
namespace {{

constexpr char document[] = {{
{document}
}};

}}  // namespace

std::string_view page_html() noexcept {{
  return {{document, sizeof(document)}};
}}

std::string_view page_content_security_policy() noexcept {{
  return "{policy}";
}}

}}  // namespace adapter::admin
"""


def body_of(path: Path) -> str:
    """The text of a style or script, without the licence line."""
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    if "SPDX-License-Identifier" not in first:
        sys.exit(f"{path}: the first line is not the licence")
    return rest


def script_of(paths: list[Path]) -> str:
    """All scripts as one, none of whose names is global."""
    return '"use strict";\n(() => {\n' + "".join(body_of(path) for path in paths) + "})();\n"


def put(template: str, mark: str, tag: str, text: str) -> str:
    """The template with the text in the place of its mark, which is all that its element holds."""
    element = f"<{tag}>{mark}</{tag}>"
    if template.count(mark) != 1 or element not in template:
        sys.exit(f"the template does not hold {element} once")
    if f"</{tag}" in text.lower() or "<!--" in text:
        sys.exit(f"the {tag} holds what would end or hide it")
    return template.replace(element, f"<{tag}>{text}</{tag}>")


def source_hash(text: str) -> str:
    """As a policy names an inline script or style: the hash of what is between the tags."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy_for(script: str, style: str) -> str:
    return "; ".join([
        "default-src 'none'",
        f"script-src {source_hash(script)}",
        f"style-src {source_hash(style)}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ])


def assemble(template: Path, style: Path, scripts: list[Path]) -> tuple[str, str]:
    """(document, policy)."""
    css, script = body_of(style), script_of(scripts)
    document = put(template.read_text(encoding="utf-8"), STYLE_MARK, "style", css)
    return put(document, SCRIPT_MARK, "script", script), policy_for(script, css)


def as_characters(data: bytes) -> str:
    """An array's elements: a string literal of this size is more than a compiler has to take."""
    lines = [data[begin:begin + _BYTES_A_LINE] for begin in range(0, len(data), _BYTES_A_LINE)]
    return "\n".join("".join("'\\x%02x'," % byte for byte in line) for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--output", type=Path, required=True, help="the C++ source")
    parser.add_argument("template", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("scripts", type=Path, nargs="+")
    options = parser.parse_args()
    document, policy = assemble(options.template, options.style, options.scripts)
    options.output.write_text(_SOURCE.format(document=as_characters(document.encode()), policy=policy), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
