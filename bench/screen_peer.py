"""The peer of the bench `screen`: the PDQ index of the package `threatexchange` behind Flask, for gunicorn.

Run by an interpreter that has those packages (SAFEHOLD_BENCH_PEERS); knows nothing of Safehold. The file that
BENCH_PEER_HASHES names holds the hashes, 32 bytes each. One lookup in one request, no database, no authentication.
"""

import os

from flask import Flask, jsonify, request
from threatexchange.signal_type.pdq.pdq_index import PDQIndex

with open(os.environ["BENCH_PEER_HASHES"], "rb") as _file:  # noqa: PTH123
    _raw = _file.read()
index = PDQIndex(entries=[(_raw[at : at + 32].hex(), at // 32) for at in range(0, len(_raw), 32)])
del _raw
app = Flask(__name__)


@app.get("/")
def up() -> str:
    """That it is up."""
    return "up"


@app.get("/lookup")
def lookup() -> object:
    """The entries near one hash."""
    found = index.query(request.args["hash"])
    return jsonify([{"entry": one.metadata, "distance": one.similarity_info.distance} for one in found])
