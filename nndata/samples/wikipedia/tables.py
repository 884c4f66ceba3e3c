"""Two small files of a run beside the texts: the page table in SQL, and the list of titles."""

from __future__ import annotations

from collections.abc import Sequence

from nndata.samples.wikipedia.pages import Revision

__all__ = ["page_table", "page_titles"]

HEAD = """/*M!999999\\- enable the sandbox mode */
-- MariaDB dump 10.19  Distrib 10.5.29-MariaDB
DROP TABLE IF EXISTS `page`;
CREATE TABLE `page` (
  `page_id` int(8) unsigned NOT NULL AUTO_INCREMENT,
  `page_namespace` int(11) NOT NULL DEFAULT 0,
  `page_title` varbinary(255) NOT NULL DEFAULT '',
  `page_is_redirect` tinyint(1) unsigned NOT NULL DEFAULT 0,
  `page_is_new` tinyint(1) unsigned NOT NULL DEFAULT 0,
  `page_latest` int(8) unsigned NOT NULL DEFAULT 0,
  `page_len` int(8) unsigned NOT NULL DEFAULT 0,
  `page_content_model` varbinary(32) DEFAULT NULL,
  PRIMARY KEY (`page_id`)
) ENGINE=InnoDB DEFAULT CHARSET=binary;
"""


def page_table(revisions: Sequence[Revision]) -> bytes:
    """Return the table of all pages as the database's own dump writes it."""
    rows = ",".join(map(_row, revisions))
    tail = "-- Dump completed on 2026-09-01 10:11:12\n"
    return f"{HEAD}INSERT INTO `page` VALUES {rows};\n{tail}".encode()  # noqa: S608 - a file, not a query


def page_titles(revisions: Sequence[Revision]) -> bytes:
    """Return the titles of the main namespace, one a line, below a heading."""
    titles = sorted(_stored(one.page.title) for one in revisions if one.page.ns == 0)
    return "\n".join(["page_title", *titles, ""]).encode()


def _row(revision: Revision) -> str:
    about = revision.page
    name = about.title if about.ns == 0 else about.title.partition(":")[2]
    quoted = _stored(name).replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')
    return (
        f"({revision.page_id},{about.ns},'{quoted}',{int(bool(about.redirect))},"
        f"{int(revision.parent is None)},{revision.id},{revision.bytes},'{about.model}')"
    )


def _stored(title: str) -> str:
    return title.replace(" ", "_")
