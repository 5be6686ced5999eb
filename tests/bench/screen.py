"""A terminal's screen, as much of one as it takes to read what the console has painted."""

import codecs
import re

TOKEN = re.compile(r"\x1b\[[?>=]?([\d;]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b[^\[\]()]|[\r\n\b]|[^\x1b\r\n\b]+", re.S)


class Screen:
    """Characters by row and column; colours are passed over. No wrapping: the console switches it off."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.rest = ""
        self.x = self.y = 0
        self.blank()

    def blank(self):
        self.cells = [[" "] * self.columns for _ in range(self.rows)]

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def shows(self, pattern):
        """The first line on which `pattern` is."""
        return next((line for line in self.lines() if pattern.search(line)), None)

    def feed(self, data):
        text = self.rest + self.decode(data)
        at = 0
        while at < len(text) and (token := TOKEN.match(text, at)):
            at = token.end()
            self.take(token)
        self.rest = text[at:]

    def take(self, token):
        text, letter = token.group(0), token.group(2)
        if text == "\r":
            self.x = 0
        elif text == "\n":
            self.y = min(self.y + 1, self.rows - 1)
        elif text == "\b":
            self.x = max(self.x - 1, 0)
        elif letter:
            self.control(letter, [int(number or 0) for number in token.group(1).split(";")], text)
        elif text[0] != "\x1b":
            self.write(text)

    def write(self, text):
        for character in text:
            self.cells[self.y][self.x] = character
            self.x = min(self.x + 1, self.columns - 1)

    def control(self, letter, numbers, text):
        by = numbers[0] or 1
        if letter == "H":
            row, column = (numbers + [0])[:2]
            self.y, self.x = max(row, 1) - 1, max(column, 1) - 1
        elif letter == "A":
            self.y -= by
        elif letter == "B":
            self.y += by
        elif letter == "C":
            self.x += by
        elif letter == "D":
            self.x -= by
        elif letter == "G":
            self.x = by - 1
        elif letter == "d":
            self.y = by - 1
        elif letter == "J" or text == "\x1b[?1049h":
            self.blank()
        elif letter == "K":
            self.cells[self.y][self.x :] = [" "] * (self.columns - self.x)
        elif letter == "X":
            self.cells[self.y][self.x : self.x + by] = [" "] * min(by, self.columns - self.x)
        self.x, self.y = min(max(self.x, 0), self.columns - 1), min(max(self.y, 0), self.rows - 1)
