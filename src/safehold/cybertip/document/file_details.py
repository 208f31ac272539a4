"""The `fileDetails` document. Order and types: NCMEC XSD of November 2025. Rules: ISPWS documentation of 2025-06-11."""

from datetime import datetime
from typing import Annotated, ClassVar

from safehold.cybertip.document import codes
from safehold.cybertip.document.accounts import REPORT_ID
from safehold.cybertip.document.common import DeviceId, IpCaptureEvent, never_together
from safehold.cybertip.document.element import Element, Nested, attribute, content, part, to_bytes
from safehold.cybertip.document.errors import DOCS, XSD, DocumentError
from safehold.cybertip.document.report import check_past
from safehold.cybertip.document.values import Bool, Choice, Flags, Link, Pattern, Text, When

_MEME_MARKS = {"viral", "potentialMeme"}
_AGREEMENT = "is only for operators that have executed the agreement of the Industry Hash Sharing Platform"


class FileHash(Element, frozen=True, kw_only=True):
    """A hash of the original file and the name of its algorithm."""

    TYPE: ClassVar[str] = "originalFileHash"

    value: Annotated[str, content(Text())]
    hash_type: Annotated[str, attribute("hashType", Text(64), required=True)]


class NameValue(Element, frozen=True, kw_only=True):
    """One named value of the file's details."""

    TYPE: ClassVar[str] = "nameValuePair"

    name: Annotated[str, part("name", Text(64), required=True)]
    value: Annotated[str, part("value", Text(), required=True)]


class Details(Element, frozen=True, kw_only=True):
    """A group of named values: EXIF or hashes. The type stands on the group, not on its pairs."""

    TYPE: ClassVar[str] = "details"

    type: Annotated[str | None, attribute("type", Choice(codes.DETAIL_TYPES))] = None
    pairs: Annotated[tuple[NameValue, ...], part("nameValuePair", Nested(NameValue), many=True, required=True)]


class FileDetails(Element, frozen=True, kw_only=True):
    """What is known of one uploaded file.

    `viewed` is true only where staff saw the whole file (design: invariant 8). `as_of`, `batched` and
    `agreement` say when the details are made, for what kind of report, and whether the operator has executed
    the agreement of NCMEC's Industry Hash Sharing Platform; they are not written. `file_name` is in the
    schema but not in the documentation: `build` never fills it.
    """

    TYPE: ClassVar[str] = "fileDetails"

    as_of: datetime
    batched: bool = False
    agreement: bool = False
    report_id: Annotated[int, part("reportId", REPORT_ID, required=True)]
    file_id: Annotated[str, part("fileId", Pattern(r"\S+", "must not hold blanks"), required=True)]
    file_name: Annotated[str | None, part("fileName", Text())] = None
    original_name: Annotated[str | None, part("originalFileName", Text(2056))] = None
    uploaded_at: Annotated[datetime | None, part("uploadedToEspTimestamp", When())] = None
    location: Annotated[str | None, part("locationOfFile", Link())] = None
    viewed: Annotated[bool | None, part("fileViewedByEsp", Bool())] = None
    exif_viewed: Annotated[bool | None, part("exifViewedByEsp", Bool())] = None
    public: Annotated[bool | None, part("publiclyAvailable", Bool())] = None
    relevance: Annotated[str | None, part("fileRelevance", Choice(codes.RELEVANCE))] = None
    potential_meme: Annotated[bool | None, part("potentialMeme", Bool())] = None
    annotations: Annotated[tuple[str, ...] | None, part("fileAnnotations", Flags(codes.FILE_ANNOTATIONS))] = None
    classification: Annotated[str | None, part("industryClassification", Choice(codes.CLASSIFICATIONS))] = None
    hashes: Annotated[tuple[FileHash, ...], part("originalFileHash", Nested(FileHash), many=True)] = ()
    ip_event: Annotated[IpCaptureEvent | None, part("ipCaptureEvent", Nested(IpCaptureEvent))] = None
    device_ids: Annotated[tuple[DeviceId, ...], part("deviceId", Nested(DeviceId), many=True)] = ()
    details: Annotated[tuple[Details, ...], part("details", Nested(Details), many=True)] = ()
    additional_info: Annotated[tuple[str, ...], part("additionalInfo", Text(), many=True)] = ()

    def rules(self) -> None:
        check_past(self, self.as_of)
        if self.exif_viewed and not self.viewed:
            raise DocumentError("fileDetails/exifViewedByEsp", "may be true only where fileViewedByEsp is", DOCS)
        if self.potential_meme is not None and self.annotations is not None:
            raise never_together("fileDetails", "potentialMeme", "fileAnnotations")
        if self.classification is not None and not self.agreement:
            raise DocumentError("fileDetails/industryClassification", _AGREEMENT, XSD)
        if self.relevance == "Supplemental Reported":
            self._only_what_a_supplement_may_hold()
        if self.batched:
            self._only_what_a_batch_may_hold()

    def to_bytes(self) -> bytes:
        """The document as it is sent."""
        return to_bytes(self.render("fileDetails"))

    def _only_what_a_supplement_may_hold(self) -> None:
        if self.potential_meme or "potentialMeme" in (self.annotations or ()):
            raise DocumentError("fileDetails/potentialMeme", "is not allowed on a supplemental file", DOCS)
        if self.classification is not None:
            raise DocumentError("fileDetails/industryClassification", "is not allowed on a supplemental file", DOCS)

    def _only_what_a_batch_may_hold(self) -> None:
        marks = set(self.annotations or ()) | ({"potentialMeme"} if self.potential_meme else set())
        if not marks or marks - _MEME_MARKS:
            raise DocumentError(
                "fileDetails/fileAnnotations", "must be viral, potentialMeme or both in a batched report", DOCS
            )
        if self.relevance not in (None, "Reported"):
            raise DocumentError("fileDetails/fileRelevance", "must be Reported in a batched report", DOCS)
        absent = {
            "fileName": self.file_name,
            "originalFileName": self.original_name,
            "locationOfFile": self.location,
            "originalFileHash": self.hashes,
            "ipCaptureEvent": self.ip_event,
            "deviceId": self.device_ids,
            "details": self.details,
            "additionalInfo": self.additional_info,
        }
        for name, value in absent.items():
            if value:
                raise DocumentError(f"fileDetails/{name}", "is not allowed in a batched report", DOCS)
