"""For load balancers and supervisors: is the process alive, and can it work?"""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from safehold.work.models import Worker

SILENT = timedelta(seconds=60)  # a worker says that it is alive every few seconds


@never_cache
@require_safe
def alive(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """The process answers. Looks at nothing else: a broken database must not have it restarted."""
    return JsonResponse({"alive": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """503 where the database does not answer. A silent worker is told, and does not make the web unready:
    reports must be taken and receipts given all the same; they are worked on when it is back."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        beat = Worker.objects.order_by("-beat_at").values_list("beat_at", flat=True).first()
    except DatabaseError:
        return JsonResponse({"ready": False, "database": "does not answer"}, status=503)
    age = None if beat is None else max(0.0, round((timezone.now() - beat).total_seconds(), 1))
    worker = "never seen" if age is None else "alive" if age <= SILENT.total_seconds() else "silent"
    return JsonResponse({"ready": True, "database": "answers", "worker": worker, "worker_beat_age_seconds": age})
