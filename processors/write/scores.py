"""From columns of evidence to encoded Score records: the last step of scoring.

A Score is encoded from columns, not from its struct. At a hundred thousand scores per second the struct would
cost as much as the models. tests/processors/test_scoring.py decodes the result with the record's type.
"""

from __future__ import annotations

import numpy as np

from processors.columns import Floats, Rows
from processors.decode.identities import Identities
from processors.decode.sizes import LIMIT_NAMES, OWN
from processors.evidence.findings import TrendFindings
from processors.evidence.signature import KINDS
from processors.methods.base import MethodFindings, Opinion
from processors.place.placed import Placed
from processors.write.details import Details
from processors.write.pieces import Pieces

# Share of the time spent waiting for memory from which a score reports it.
_STALLED = 0.01
_KINDS = [b'},"kind":"%s","confidence":' % kind.encode() for kind in KINDS]
_LIMITS = [b'"%s"' % name.encode() for name in LIMIT_NAMES]
_UNMEASURED = b',"reasons":["neither a limit nor a total is known, so nothing can be said"]}'


def write(
    placed: Placed, identities: Identities, trend: TrendFindings, methods: MethodFindings, details: Details
) -> list[bytes]:
    """Return one encoded Score per snapshot of a batch, all of known sizes.

    Parameters
    ----------
    details
        What only some of the scores have.
    """
    pieces = _begin(placed, identities)
    _add_sizes(pieces, placed, identities)
    pieces.text(b',"methods":{')
    for number, (name, opinion) in enumerate(methods.opinions.items()):
        _add_opinion(pieces, b"," if number else b"", name, opinion)
    pieces.each(details.methods)
    pieces.choice(_KINDS, trend.kind.astype(np.int64))
    pieces.decimal(b"", trend.confidence, 4)
    pieces.each(details.others)
    scores = pieces.join()
    if methods.opinions:
        _mend_commas(scores, next(iter(methods.opinions.values())))
    return scores


def write_unmeasured(placed: Placed, identities: Identities) -> list[bytes]:
    """Return the encoded Scores of snapshots that cannot be measured."""
    pieces = _begin(placed, identities)
    pieces.text(_UNMEASURED)
    return pieces.join()


def _begin(placed: Placed, identities: Identities) -> Pieces:
    """Return the fields of a Score that come from its snapshot."""
    pieces, snapshots = Pieces(len(placed)), placed.snapshots
    pieces.choice(identities.heads, placed.identities)
    pieces.real(b"", placed.time)
    pieces.whole(b',"input_partition":', np.array(snapshots.records.partitions))
    pieces.whole(b',"input_offset":', np.array(snapshots.records.offsets))
    pieces.choice(identities.middles, placed.identities)
    pieces.real(b',"started":', placed.started)
    for name in ("used", "total", "oom_kills"):
        pieces.whole(b',"%s":' % name.encode(), snapshots.whole(name))
    if (placed.stalled > _STALLED).any():
        pieces.real(b',"stalled":', _worth_telling(placed.stalled))
    return pieces


def _worth_telling(stalled: Floats) -> Floats:
    told = np.full(len(stalled), np.nan)
    for at in np.flatnonzero(stalled > _STALLED).tolist():
        told[at] = round(float(stalled[at]), 3)
    return told


def _add_sizes(pieces: Pieces, placed: Placed, identities: Identities) -> None:
    sizes = placed.sizes
    pieces.whole(b',"memory":', sizes.memory)
    pieces.whole(b',"limit":', sizes.end)
    pieces.text(b',"limit_name":')
    if (sizes.name == OWN).all():
        pieces.choice(identities.limit_names, placed.identities)
    else:
        pieces.each(_limit_names(sizes.name, placed.identities, identities))
    pieces.whole(b',"left":', sizes.left)
    pieces.decimal(b',"room_used":', np.minimum(sizes.used / sizes.limit, 1.0), 6)


def _limit_names(codes: Rows, numbers: Rows, identities: Identities) -> list[bytes]:
    known = zip(codes.tolist(), numbers.tolist(), strict=True)
    return [identities.limit_names[at] if code == OWN else _LIMITS[code] for code, at in known]


def _add_opinion(pieces: Pieces, comma: bytes, name: str, opinion: Opinion) -> None:
    """Add one method's part of each score: without probability while unknown, nothing without a raw score."""
    known = np.isfinite(opinion.raw)
    pieces.decimal(b'%s"%s":{"raw":' % (comma, name.encode()), np.where(known, opinion.raw, np.nan), 6)
    pieces.decimal(b',"p":', opinion.p, 9)
    pieces.flag(b',"detected":true', opinion.detected)
    pieces.decimal(b',"confidence":', 1.0 - opinion.p, 4)
    pieces.flag(b"}", known)


def _mend_commas(scores: list[bytes], first: Opinion) -> None:
    """Take away the comma that the second method leaves where the first has no raw score."""
    for at in np.flatnonzero(~np.isfinite(first.raw)).tolist():
        scores[at] = scores[at].replace(b'"methods":{,', b'"methods":{', 1)
