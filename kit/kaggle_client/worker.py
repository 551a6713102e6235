"""One attempt at one call, by the official client, in a process that ends at its deadline or with its parent.

Run as `python -m kit.kaggle_client.worker`; a line of JSON on stdin asks, a line of JSON on stdout answers.
What the client prints is thrown away: it may hold keys and signed addresses. Nothing else imports `kaggle`.
"""

import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from kit.kaggle_client.errors import Fault, redacted, seconds_asked

_heard: deque[Any] = deque(maxlen=1)
"""The last response that came in: the client loses it on its way to an error."""
_CHUNK = 2**16
"""Bytes; what is not a whole chunk is lost with a connection."""


class _UploadError(Exception):
    """The client gave the upload up."""


class _NothingError(Exception):
    """Kaggle said yes, and gave no ref."""


def main() -> None:
    """Answer the one request on stdin."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import kagglesdk.kaggle_client  # noqa: F401 - slow to import, and silent: before the clock starts

    _listen()
    # Nothing catches this alarm, so no loop, hanging read or handler of the client outlives it.
    signal.setitimer(signal.ITIMER_REAL, request.pop("timeout"))
    try:
        result = {"result": _CALLS[request.pop("call")](_client(), **request)}
    except BaseException as error:
        # BaseException: the client raises SystemExit where it finds no credentials.
        result = {"fault": asdict(fault_of(error))}
    answer.write(json.dumps(result))
    answer.flush()
    # Not sys.exit: it would wait for connections that the client left open.
    os._exit(0)


def _end_with_parent() -> None:
    # Not sys.stdin.read: without credentials the client calls exit(), which closes sys.stdin, and would wait.
    while os.read(0, 1):
        pass
    os._exit(1)


def _listen() -> None:
    import requests

    send = requests.Session.send

    def listening(session: requests.Session, request: requests.PreparedRequest, **settings: Any) -> Any:
        response = send(session, request, **settings)
        _heard.append(response)
        return response

    requests.Session.send = listening  # type: ignore[assignment,method-assign]  # in this process alone


def _client() -> Any:
    import kaggle
    import requests

    # The import tries to authenticate, and keeps to itself why it could not.
    if not kaggle.api._authenticated:
        if _heard and (_heard[0].status_code in (401, 408, 429) or _heard[0].status_code >= 500):
            # Asking again at once would pass over Retry-After.
            raise requests.HTTPError(response=_heard[0])
        kaggle.api.authenticate()
    return kaggle.api


def _service(api: Any) -> Any:
    return api.build_kaggle_client().competitions.competition_api_client


def _limits(api: Any, slug: str) -> dict[str, int] | None:
    import requests

    try:
        limits = api.competition_get_submission_limits(slug)
    except requests.HTTPError as error:
        # No quota to be had is no reason not to submit; a wrong slug shows at the next call.
        if error.response.status_code in (404, 405, 501):
            return None
        raise
    return {"today": limits.num_today, "total": limits.num_total, "left": limits.num_allowed_now}


def _upload(api: Any, slug: str, path: str) -> str:
    """Upload a file, and return the token that stands for it."""
    from kaggle.models.kaggle_models_extended import ResumableUploadResult
    from kagglesdk.competitions.types.competition_api_service import ApiStartSubmissionUploadRequest

    request = ApiStartSubmissionUploadRequest()
    request.competition_name = slug
    request.file_name = os.path.basename(path)  # noqa: PTH119 - as the client does
    request.content_length = os.path.getsize(path)  # noqa: PTH202 - as the client does
    request.last_modified_epoch_seconds = int(os.path.getmtime(path))  # noqa: PTH204 - as the client does
    start = _service(api).start_submission_upload(request)
    if not (start.token and start.create_url):
        raise ValueError("no token")
    _heard.clear()
    done = api.upload_complete(path, start.create_url, quiet=True) == ResumableUploadResult.COMPLETE
    if not done or _is_page(_heard[0]):
        raise _UploadError
    return str(start.token)


def _create(api: Any, slug: str, token: str, description: str) -> int:
    from kagglesdk.competitions.types.competition_api_service import ApiCreateSubmissionRequest

    request = ApiCreateSubmissionRequest()
    request.competition_name = slug
    request.blob_file_tokens = token
    request.submission_description = description
    response = _service(api).create_submission(request)
    if not response.ref:
        raise _NothingError(response.message)
    return int(response.ref)


def _get(api: Any, slug: str, ref: int) -> dict[str, Any]:  # noqa: ARG001 - every call takes a slug
    from kagglesdk.competitions.types.competition_api_service import ApiGetSubmissionRequest

    request = ApiGetSubmissionRequest()
    request.ref = ref
    return _submission(_service(api).get_submission(request))


def _page(api: Any, slug: str, token: str) -> dict[str, Any]:
    """Return one page of submissions, newest first, and the token of the next."""
    from kagglesdk.competitions.types.competition_api_service import ApiListSubmissionsRequest

    request = ApiListSubmissionsRequest()
    request.competition_name = slug
    request.page_size = 100
    request.page_token = token
    if not token:
        request.page = 1
    response = _service(api).list_submissions(request)
    return {
        "submissions": [_submission(one) for one in response.submissions],
        "next": response.next_page_token,
    }


def _submission(one: Any) -> dict[str, Any]:
    return {
        "ref": one.ref,
        "status": one.status.name.lower(),
        "public_score": str(one.public_score or ""),
        "private_score": str(one.private_score or ""),
        "error": redacted(one.error_description or ""),
        "description": one.description or "",
    }


def _download(api: Any, slug: str, path: str) -> None:
    """Download the zip of all files to `path`, going on with what an earlier attempt left there."""
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

    request = ApiDownloadDataFilesRequest()
    request.competition_name = slug
    kaggle = api.build_kaggle_client()
    response = kaggle.competitions.competition_api_client.download_data_files(request)
    if _is_page(response):
        raise ValueError
    try:
        api.download_file(
            response, path, kaggle.http_client(), quiet=True, resume=True, chunk_size=_CHUNK, max_retries=0
        )
    except ValueError:
        raise ConnectionError("not the whole file") from None


_CALLS: dict[str, Callable[..., Any]] = {
    "limits": _limits,
    "upload": _upload,
    "create": _create,
    "get": _get,
    "page": _page,
    "download": _download,
}


def fault_of(error: BaseException) -> Fault:
    """Return what `error` of the client means. Its own text is not used: it may hold signed addresses."""
    import requests

    from kit.kaggle_client import causes

    heard = _heard[0] if _heard else None
    if isinstance(error, SystemExit):
        # Of credentials that are not taken; or of a web page, which the client takes for that.
        page = heard is not None and _is_page(heard)
        fault = Fault("page", message="a web page") if page else Fault("credentials")
    elif isinstance(error, _NothingError):
        fault = Fault("nothing", message=redacted(str(error)))
    elif isinstance(error, _UploadError):
        fault = _answered("upload", heard) if heard is not None else Fault("upload", message="no connection")
    elif isinstance(error, requests.HTTPError) and error.response is not None:
        fault = _answered("answer", error.response)
    elif known := causes.fault_of(error):
        fault = known
    elif isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        place = f": {error.filename}" if error.filename else ""
        fault = Fault(
            "client", message=f"{type(error).__name__}: {error.strerror or 'no reason given'}{place}"
        )
    elif heard is None:
        fault = Fault("client", message=type(error).__name__)
    else:
        # The client could not read the answer, and lost its status on the way.
        fault = _answered("answer", heard)
    return fault


def _is_page(response: Any) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower()


def _answered(kind: Literal["answer", "upload"], response: Any) -> Fault:
    """Read both forms of Kaggle's error bodies: `{"error": {"code", "message"}}`, `{"code", "message"}`."""
    try:
        body = response.json()
        body = body.get("error", body)
        code, message = int(body.get("code", 0)), str(body.get("message", ""))
    except (ValueError, AttributeError, TypeError):
        code, message = 0, ""
    # The flat form may come with status 200; the code of the other may be no HTTP status.
    status = code if 400 <= code < 600 else response.status_code
    if status < 400 and (kind == "answer" or _is_page(response)):
        return Fault("page", message="a web page" if _is_page(response) else "something else")
    return Fault(kind, status, redacted(message), seconds_asked(response.headers.get("Retry-After")))


if __name__ == "__main__":
    main()
