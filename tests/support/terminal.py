# SPDX-License-Identifier: Apache-2.0
"""What a terminal shows of what a program wrote to it: as much of a VT100 as the program uses."""

import re

_SEQUENCE = re.compile(r"\x1b(?:([78])|\[([0-9;]*)([A-Za-z]))|[\r\n]|[^\x1b\r\n]+", re.S)


class Terminal:
    """`lines` are the rows, `history` those that scrolled off the top."""

    def __init__(self, rows=24, columns=200):
        self.rows, self.columns = rows, columns
        self.lines, self.history = [""] * rows, []
        self.row = self.column = 0
        self.saved = (0, 0)
        self.region = (0, rows - 1)

    def feed(self, text):
        for found in _SEQUENCE.finditer(text):
            if found[1]:
                self._cursor(found[1])
            elif found[3]:
                self._control(found[3], [int(each) if each else 0 for each in found[2].split(";")])
            elif found[0] == "\r":
                self.column = 0
            elif found[0] == "\n":
                self._line_feed()
            else:
                self._write(found[0])
        return self

    def text(self):
        """All that a reader who scrolls up sees."""
        return "\n".join(line.rstrip() for line in self.history + self.lines)

    def _cursor(self, what):
        if what == "7":
            self.saved = (self.row, self.column)
        else:
            self.row, self.column = self.saved

    def _control(self, what, numbers):
        first = numbers[0]
        if what == "A":
            self.row = max(self.region[0], self.row - max(first, 1))
        elif what == "H":
            self.row, self.column = max(first, 1) - 1, max((numbers + [1])[1], 1) - 1
        elif what == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            self.lines[self.row + 1 :] = [""] * (self.rows - self.row - 1)
        elif what == "K":
            self.lines[self.row] = ""
        elif what == "r":
            self.region = (max(first, 1) - 1, (numbers[1] if len(numbers) > 1 else self.rows) - 1)
            self.row = self.column = 0
        elif what != "m":
            raise ValueError("a sequence that no test knows: %s %s" % (numbers, what))

    def _line_feed(self):
        top, bottom = self.region
        if self.row != bottom:
            self.row = min(self.row + 1, self.rows - 1)
            return
        if top == 0:
            self.history.append(self.lines[0])
        self.lines[top : bottom + 1] = self.lines[top + 1 : bottom + 1] + [""]

    def _write(self, text):
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = (line[: self.column] + text + line[self.column + len(text) :])[: self.columns]
        self.column = min(self.column + len(text), self.columns)
