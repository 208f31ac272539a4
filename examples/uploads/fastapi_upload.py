"""A FastAPI upload endpoint that asks Safehold before anybody can see the file."""

import shutil
import uuid
from pathlib import Path

from fastapi import FastAPI, HTTPException, UploadFile

from safehold.client import AsyncSafehold, Unavailable

app = FastAPI()
safehold = AsyncSafehold("https://safety.example", "shk_your_key")
WHERE = {"surface": "public_uploads", "jurisdiction": "US"}
FOLDER = Path("uploads")


@app.post("/upload")
async def upload(file: UploadFile, member: str) -> dict[str, str]:
    """Kept out of sight first, published when it is clear; else it stays hidden, because it must be preserved."""
    item = str(uuid.uuid4())
    hidden = FOLDER / "hidden" / item
    hidden.write_bytes(await file.read())
    try:
        verdict = await safehold.screen_file(hidden, item_id=item, account_id=member, record=True, **WHERE)
    except Unavailable:
        hidden.unlink()
        raise HTTPException(503, "Uploads are closed for a moment. Try again.") from None
    if not verdict.clear:
        raise HTTPException(422, "This cannot be posted.")
    shutil.copy(hidden, FOLDER / "public" / item)
    return {"id": item}
