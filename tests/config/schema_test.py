"""docs/notaus.schema.json knows exactly the keys the parser knows, and is closed wherever the parser is.

usage: schema_test.py CONFIG_KEYS SCHEMA
"""
import json
import subprocess
import sys


def keys(schema, prefix=""):
    """The paths under a schema, in the words of config::known_keys(); a map of free names is `*`, a list `[]`."""
    for name, value in schema.get("properties", {}).items():
        yield prefix + name
        yield from keys(value, f"{prefix}{name}.")
    if isinstance(free := schema.get("additionalProperties"), dict):
        yield from keys(free, f"{prefix}*.")
    if "items" in schema:
        yield from keys(schema["items"], prefix.removesuffix(".") + "[].")
    for branch in schema.get("anyOf", []):
        yield from keys(branch, prefix)


def open_maps(schema, where=""):
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield where or "the whole"
    for name, value in schema.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield from open_maps(part, f"{where}/{name}")


def complaints(known, schema):
    described = set(keys(schema))
    return ([f"{key}: the parser knows it, the schema does not" for key in sorted(known - described)]
            + [f"{key}: the schema knows it, the parser does not" for key in sorted(described - known)]
            + [f"{where}: takes unknown keys, which the parser refuses" for where in open_maps(schema)])


known = set(subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.split())
text = open(sys.argv[2], encoding="utf-8").read()
found = complaints(known, json.loads(text))

# A checker that cannot fail proves nothing.
assert complaints(known, json.loads(text.replace('"on_fence"', '"on_fense"')))
assert complaints(known, json.loads(text.replace('"token_sha256": {', '"token": {')))
assert complaints(known, json.loads(text.replace('"additionalProperties": false', '"additionalProperties": true', 1)))
assert complaints(known | {"servers.*.shell"}, json.loads(text))

sys.exit("\n".join(found) or 0)
