"""One attempt at one API request with the official client, in a process with a deadline.

Run as `python -m kit.kaggle_client.worker`: one line of JSON on stdin is the request, one line on stdout the
response. The process also exits with its parent. Output of the client is discarded, as it may contain keys
and signed URLs. Nothing else imports `kaggle`.
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

from kit.kaggle_client.errors import Fault, redacted, retry_after_seconds

_last_response: deque[Any] = deque(maxlen=1)
"""The last HTTP response: the client's exceptions do not contain it."""
_CHUNK_BYTES = 2**16
"""An incomplete chunk is lost when the connection breaks."""


class _UploadError(Exception):
    """The client gave up the upload."""


class _NoSubmissionError(Exception):
    """Kaggle accepted the request but returned no ref."""


def main() -> None:
    """Handle the request on stdin, and write the response to stdout."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        import kagglesdk.kaggle_client  # noqa: F401 - slow, and sends nothing: imported before the timeout starts

        _record_responses()
        # Nothing handles this alarm, so it also ends loops and blocked reads of the client.
        signal.setitimer(signal.ITIMER_REAL, request.pop("timeout"))
        result = {"result": _CALLS[request.pop("call")](_client(), **request)}
    except BaseException as error:
        # BaseException: the client raises SystemExit if it finds no credentials.
        result = {"fault": asdict(fault_of(error))}
    output.write(json.dumps(result))
    output.flush()
    # Not sys.exit: it would wait for the client's open connections.
    os._exit(0)


def _exit_with_parent() -> None:
    # Not sys.stdin.read: without credentials the client calls exit(), which closes sys.stdin and would block.
    while os.read(0, 1):
        pass
    os._exit(1)


def _record_responses() -> None:
    import requests

    send = requests.Session.send

    def send_and_record(session: requests.Session, request: requests.PreparedRequest, **settings: Any) -> Any:
        response = send(session, request, **settings)
        _last_response.append(response)
        return response

    requests.Session.send = send_and_record  # type: ignore[assignment,method-assign]  # in this process only


def _client() -> Any:
    import kaggle
    import requests

    # The import tries to authenticate. Old versions raise the reason of a failure, new ones hide it.
    if not getattr(kaggle.api, "_authenticated", True):
        response = _last_response[0] if _last_response else None
        if response is not None and (response.status_code in (401, 408, 429) or response.status_code >= 500):
            # Retrying at once would ignore Retry-After.
            raise requests.HTTPError(response=response)
        kaggle.api.authenticate()
    return kaggle.api


def _service(api: Any) -> Any:
    return api.build_kaggle_client().competitions.competition_api_client


def _limits(api: Any, slug: str) -> dict[str, int] | None:
    import requests
    from kagglesdk.competitions.types import competition_api_service as types

    if not hasattr(types, "ApiGetSubmissionLimitsRequest"):
        return None  # kagglesdk before 0.1.35, as in Kaggle's image, does not know this request.
    request = types.ApiGetSubmissionLimitsRequest()
    request.competition_name = slug
    try:
        limits = _service(api).get_submission_limits(request)
    except requests.HTTPError as error:
        # Without a quota the kit can still submit; a wrong slug fails in the next request.
        if error.response.status_code in (404, 405, 501):
            return None
        raise
    return {"today": limits.num_today, "total": limits.num_total, "left": limits.num_allowed_now}


def _upload(api: Any, slug: str, path: str) -> str:
    """Upload a file, and return its upload token."""
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
    _last_response.clear()
    done = api.upload_complete(path, start.create_url, quiet=True) == ResumableUploadResult.COMPLETE
    if not done or _is_page(_last_response[0]):
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
        raise _NoSubmissionError(response.message)
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
        "submissions": [_submission(item) for item in response.submissions],
        "next": response.next_page_token,
    }


def _submission(item: Any) -> dict[str, Any]:
    return {
        "ref": item.ref,
        "status": item.status.name.lower(),
        "public_score": str(item.public_score or ""),
        "private_score": str(item.private_score or ""),
        "error": redacted(item.error_description or ""),
        "description": item.description or "",
    }


def _download(api: Any, slug: str, path: str) -> None:
    """Download the zip of all files to `path`, and resume a partial file of an earlier attempt."""
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

    request = ApiDownloadDataFilesRequest()
    request.competition_name = slug
    kaggle = api.build_kaggle_client()
    response = kaggle.competitions.competition_api_client.download_data_files(request)
    if _is_page(response):
        raise ValueError
    try:
        api.download_file(
            response,
            path,
            kaggle.http_client(),
            quiet=True,
            resume=True,
            chunk_size=_CHUNK_BYTES,
            max_retries=0,
        )
    except ValueError:
        raise ConnectionError("incomplete file") from None


_CALLS: dict[str, Callable[..., Any]] = {
    "limits": _limits,
    "upload": _upload,
    "create": _create,
    "get": _get,
    "page": _page,
    "download": _download,
}


def fault_of(error: BaseException) -> Fault:
    """Return the fault that the client's `error` means. Its text is not used: it may contain signed URLs."""
    if isinstance(error, ImportError):
        return Fault("not_installed", message=redacted(str(error)))
    import requests

    from kit.kaggle_client import causes

    response = _last_response[0] if _last_response else None
    if isinstance(error, SystemExit):
        # The client exits on invalid credentials, and on a web page, which it mistakes for these.
        page = response is not None and _is_page(response)
        fault = Fault("page", message="a web page") if page else Fault("credentials")
    elif isinstance(error, _NoSubmissionError):
        fault = Fault("no_submission", message=redacted(str(error)))
    elif isinstance(error, _UploadError):
        connected = response is not None
        fault = _response_fault("upload", response) if connected else Fault("upload", message="no connection")
    elif isinstance(error, requests.HTTPError) and error.response is not None:
        fault = _response_fault("status", error.response)
    elif known := causes.fault_of(error):
        fault = known
    elif isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        path = f": {error.filename}" if error.filename else ""
        fault = Fault(
            "client", message=f"{type(error).__name__}: {error.strerror or 'no reason given'}{path}"
        )
    elif response is None:
        fault = Fault("client", message=type(error).__name__)
    else:
        # The client could not parse the response, and its exception lacks the status.
        fault = _response_fault("status", response)
    return fault


def _is_page(response: Any) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower()


def _response_fault(kind: Literal["status", "upload"], response: Any) -> Fault:
    """Parse both forms of Kaggle's error body: `{"error": {"code", "message"}}` and `{"code", "message"}`."""
    try:
        body = response.json()
        body = body.get("error", body)
        code, message = int(body.get("code", 0)), str(body.get("message", ""))
    except (ValueError, AttributeError, TypeError):
        code, message = 0, ""
    # The flat form may have HTTP status 200; the code of the nested form may not be an HTTP status.
    status = code if 400 <= code < 600 else response.status_code
    if status < 400 and (kind == "status" or _is_page(response)):
        return Fault("page", message="a web page" if _is_page(response) else "an unexpected response")
    return Fault(kind, status, redacted(message), retry_after_seconds(response.headers.get("Retry-After")))


if __name__ == "__main__":
    main()
