"""A dataset's description in Croissant 1.1, the JSON-LD that dataset search engines read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from nndata.manifest import Manifest, Shard

__all__ = ["croissant", "published"]

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    "str": "sc:Text",
    "json": "sc:Text",
    "bytes": "sc:Text",
    "int": "cr:Int64",
    "float": "cr:Float32",
    "bool": "sc:Boolean",
}
_PROVENANCE = {
    "id": ("sc:Text", "The example's id."),
    "url": ("sc:URL", "The published file that the example was cut from."),
    "offset": ("cr:Int64", "The first byte, in that file."),
    "length": ("cr:Int64", "How many bytes."),
    "license": ("sc:Text", "Under which the record was published."),
}
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")


def croissant(manifest: Manifest) -> dict[str, Any]:
    """Return the description, as far as the manifest knows."""
    name = str(manifest.source["name"])
    host = urlsplit(manifest.homepage).hostname or name
    date = published(manifest)
    fields = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": name,
        "description": f"{manifest.examples:,} examples made by nndata from {manifest.homepage}.",
        "license": _license(manifest.license),
        "url": manifest.homepage,
        "creator": {"@type": "sc:Organization", "name": host, "url": manifest.homepage},
        "datePublished": date,
        "version": ".".join(str(int(part)) for part in date.split("-")) if date else "1.0.0",
        "isLiveDataset": False,
        "citeAs": manifest.citation,
        "keywords": [name, "nndata"],
        "identifier": manifest.digest,
        "distribution": [*_files(manifest), *_sets(manifest)],
        "recordSet": [_examples(manifest), _provenance()],
        "prov:wasDerivedFrom": [_raw(file) for file in manifest.files],
        "prov:wasGeneratedBy": _activity(manifest),
    }
    return {key: value for key, value in fields.items() if value not in (None, "", [])}


def published(manifest: Manifest) -> str:
    """Return the day of the source's files as `2026-11-01`, or nothing where it isn't known."""
    date = _DATE.fullmatch(str(manifest.source.get("options", {}).get("date") or ""))
    return "-".join(date.groups()) if date else ""


def _license(name: str) -> str:
    known = name and re.fullmatch(r"[A-Za-z0-9.+-]+", name)
    return f"https://spdx.org/licenses/{name}.html" if known else name


def _files(manifest: Manifest) -> Iterator[dict[str, Any]]:
    for shard in manifest.shards:
        yield _file(f"{shard.name}.tfrecord", shard)


def _file(name: str, shard: Shard) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{shard.bytes} B",
        "encodingFormat": "application/x-tfrecord",
        "sha256": shard.tfrecord,
    }


def _sets(manifest: Manifest) -> Iterator[dict[str, Any]]:
    yield _set("examples", "*.tfrecord", "application/x-tfrecord", "tf.train.Example records.")
    for split in manifest.splits:
        about = f"The split {split}."
        yield _set(f"split-{split}", f"{split}-[0-9]*.tfrecord", "application/x-tfrecord", about)
    about = "Where each record comes from, in the order of the records."
    yield _set("tables", "*.provenance.parquet", "application/x-parquet", about)


def _set(name: str, glob: str, format: str, about: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": about,
        "encodingFormat": format,
        "includes": glob,
    }


def _examples(manifest: Manifest) -> dict[str, Any]:
    fields = [
        _field("example", name, _TYPES[feature.kind], feature.description, "examples", feature.many)
        for name, feature in manifest.features.items()
    ]
    about = "The examples; a column is a feature of tf.train.Example."
    return _records("example", about, fields)


def _provenance() -> dict[str, Any]:
    fields = [
        _field("provenance", name, kind, about, "tables")
        for name, (kind, about) in _PROVENANCE.items()
    ]
    return _records("provenance", "Where each example comes from.", fields)


def _records(name: str, about: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": about,
        "key": {"@id": f"{name}/id"},
        "field": fields,
    }


def _field(
    table: str, name: str, kind: str, about: str, files: str, many: bool = False
) -> dict[str, Any]:
    field = {
        "@type": "cr:Field",
        "@id": f"{table}/{name}",
        "name": name,
        "description": about or name,
        "dataType": kind,
        "source": {"fileSet": {"@id": files}, "extract": {"column": name}},
    }
    return {**field, "isArray": True, "arrayShape": "-1"} if many else field


def _raw(file: Mapping[str, Any]) -> dict[str, Any]:
    known = {"contentSize": f"{file['size']} B"} if file.get("size") is not None else {}
    digest = {"sha256": file["sha256"]} if file.get("sha256") else {}
    return {"@type": "prov:Entity", "@id": file["url"], **known, **digest}


def _activity(manifest: Manifest) -> dict[str, Any]:
    steps = [transform["name"] for transform in manifest.transforms]
    return {
        "@type": "prov:Activity",
        "name": "nndata prepare",
        "description": f"Parsed, then transformed by: {', '.join(steps) or 'nothing'}.",
        "softwareVersion": [f"{name} {version}" for name, version in manifest.versions.items()],
    }
