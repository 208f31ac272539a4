"""The interlock between environments, and what a person decides about a filing."""

from typing import Any

import msgspec
import pytest
from django.utils import timezone

from safehold.audit import service as audit
from safehold.audit.models import FailedAttempt
from safehold.cybertip import service
from safehold.cybertip.client import Client
from safehold.cybertip.models import FILING, Exchange, Filing
from safehold.cybertip.progress import Progress
from tests.cybertip import samples
from tests.cybertip.filings import Ended, a_filing, read, run, states
from tests.cybertip.simulated import Simulator

pytestmark = [pytest.mark.django_db, pytest.mark.network]


class TestInterlock:
    """What was made for one environment never reaches another."""

    @pytest.mark.parametrize(
        ("drafted", "installation", "changes"),
        [
            ("practice", "practice", {"environment": "test", "url": "https://exttest.cybertip.org/ispws"}),
            ("test", "production", {"environment": "production", "url": "https://report.cybertip.org/ispws"}),
            ("production", "practice", {"environment": "production", "url": "https://report.cybertip.org/ispws"}),
            ("production", "test", {"environment": "production", "url": "https://report.cybertip.org/ispws"}),
            ("production", "production", {"environment": "production", "url": "https://exttest.cybertip.org/ispws"}),
            ("production", "production", {"environment": "production", "url": "https://report.example.test/ispws"}),
            ("test", "test", {"environment": "test", "url": "https://report.cybertip.org/ispws"}),
            ("practice", "practice", {"environment": "practice", "url": "https://exttest.cybertip.org/ispws"}),
            ("practice", "practice", {"environment": "practice", "url": "https://REPORT.cybertip.org/ispws"}),
            ("practice", "practice", {"environment": "practice", "url": "https://report.cybertip.org./ispws"}),
            ("practice", "practice", {"environment": "practice", "url": ""}),
        ],
    )  # fmt: skip
    def test_refused(self, settings: Any, drafted: str, installation: str, changes: dict[str, str]) -> None:
        filing = a_filing(files=0)
        Filing.objects.filter(pk=filing.pk).update(environment=drafted)
        tip = msgspec.structs.replace(settings.SAFEHOLD.cybertip, **changes)
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip, environment=installation)

        def never() -> Client:
            raise AssertionError("a line was opened")

        with pytest.raises(service.WrongEnvironment):
            service.advance(filing.pk, worker="t", on_finished=Ended(), read=read, line=never)
        assert FailedAttempt.objects.filter(about=audit.ref(filing)).count() == 1
        assert not Exchange.objects.exists()

    def test_production_where_everything_agrees(self, settings: Any) -> None:
        filing = a_filing(files=0)
        Filing.objects.filter(pk=filing.pk).update(environment="production")
        filing.refresh_from_db()
        tip = msgspec.structs.replace(
            settings.SAFEHOLD.cybertip, environment="production", url="https://report.cybertip.org/ispws"
        )
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, cybertip=tip, environment="production")
        service.check_environment(filing)


class TestDecisions:
    """What a person decides about a filing."""

    def test_not_reportable_before_any_draft(self) -> None:
        row = service.never_reportable("subject:none", because="law 1", actor="staff:1")
        assert (row.state, row.because) == ("not_reportable", "law 1")
        assert service.never_reportable("subject:none", because="law 1", actor="staff:1").pk == row.pk
        assert service.advance(row.pk, worker="t", on_finished=Ended(), read=read).kind == "done"

    @pytest.mark.usefixtures("service_at")
    def test_ruled_out_then_considered_anew(self) -> None:
        service.never_reportable("subject:anew", because="law 1", actor="staff:1")
        filing = service.draft(samples.record(ref="subject:anew", as_of=timezone.now()))
        assert filing.state == "drafted"
        assert run(filing, Ended())[-1].kind == "done"
        filing.refresh_from_db()
        assert filing.state == "finished"
        with pytest.raises(service.NotNow):
            service.never_reportable("subject:anew", because="law 1", actor="staff:1")

    def test_ruled_out_while_open_is_left_to_expire(self, service_at: Simulator) -> None:
        filing = a_filing(files=1)
        service.advance(filing.pk, worker="t", on_finished=Ended(), read=read)
        service.not_reportable(filing.pk, because="law 1", actor="staff:1")
        assert run(filing, Ended()) == [Progress("done")]
        assert states(service_at, filing) == ["open"]
        assert filing.submissions.get().state == "left"

    def test_abandoned_is_retracted(self, service_at: Simulator) -> None:
        filing, ended = a_filing(files=1), Ended()
        service.advance(filing.pk, worker="t", on_finished=ended, read=read)
        service.abandon(filing.pk, because="double", actor="staff:1")
        assert run(filing, ended) == [Progress("done")]
        assert states(service_at, filing) == ["retracted"]
        assert (filing.state, ended.filings) == ("retracted", [])
        unopened = a_filing(files=0)
        service.abandon(unopened.pk, because="double", actor="staff:1")
        assert run(unopened, ended) == [Progress("done")]
        assert states(service_at, unopened) == []

    def test_filed_by_hand_ends_it_with_its_number(self, service_at: Simulator) -> None:
        filing = a_filing(files=0)
        seen: list[Filing] = []
        service.filed_by_hand(filing.pk, report_id=987, actor="staff:1", on_finished=seen.append)
        filing.refresh_from_db()
        assert (filing.state, filing.report_id, len(seen)) == ("by_hand", 987, 1)
        assert run(filing, Ended()) == [Progress("done")]
        assert states(service_at, filing) == []
        with pytest.raises(ValueError, match="number"):
            service.filed_by_hand(filing.pk, report_id=0, actor="staff:1", on_finished=seen.append)
        with pytest.raises(service.NotNow):
            service.filed_by_hand(filing.pk, report_id=1, actor="staff:1", on_finished=seen.append)

    def test_only_a_failed_filing_is_tried_again(self) -> None:
        with pytest.raises(service.NotNow):
            service.retry(a_filing(files=0).pk, actor="staff:1")

    def test_a_correction_belongs_to_its_filing(self) -> None:
        filing = a_filing(files=0)
        with pytest.raises(ValueError, match="another ref"):
            service.retry(filing.pk, actor="staff:1", corrected=samples.record(ref="subject:other"))

    def test_the_machine_has_no_silent_end(self) -> None:
        assert FILING.final == {"finished", "recovered", "retracted", "by_hand"}
        assert set(FILING.states) == set(Filing.State.values)
