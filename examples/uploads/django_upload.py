"""A Django upload endpoint that asks Safehold before anybody can see the file."""

import uuid

from django.core.files.storage import default_storage
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from safehold.client import Safehold, Unavailable

safehold = Safehold("https://safety.example", "shk_your_key")
WHERE = {"surface": "public_uploads", "jurisdiction": "US"}


@require_POST
def upload(request: HttpRequest) -> JsonResponse:
    """Kept out of sight first, published when it is clear; else it stays hidden, because it must be preserved."""
    file, item, member = request.FILES["file"], str(uuid.uuid4()), request.user.get_username()
    hidden = default_storage.save(f"hidden/{item}", file)
    try:
        verdict = safehold.screen_file(file.file, item_id=item, account_id=member, record=True, **WHERE)
    except Unavailable:
        default_storage.delete(hidden)
        return JsonResponse({"error": "Uploads are closed for a moment. Try again."}, status=503)
    if not verdict.clear:
        return JsonResponse({"error": "This cannot be posted."}, status=422)
    with default_storage.open(hidden) as kept:
        return JsonResponse({"id": item, "file": default_storage.save(f"public/{item}", kept)})
