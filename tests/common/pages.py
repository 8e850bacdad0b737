"""HTML pages, read strictly."""

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "hr", "input"}
LOADING = {"src", "srcset", "href", "action", "data", "poster", "xlink:href", "background"}


class PageReader(HTMLParser):
    """Collects tags with their attributes, and text; every tag must be closed where it was opened."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += f" {data}"
