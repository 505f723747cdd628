"""What Schemathesis has to know about the service that no OpenAPI document can say. Nothing is left out by it: each
operation is called in each phase, and each answer is checked."""

import base64
import datetime
import itertools
import json
import os
import re
import time
import uuid

import requests
import schemathesis
import yaml
from hypothesis import strategies as st
from schemathesis.core.jsonschema import make_validator
from schemathesis.generation.meta import TestPhase

# A receiver on this machine that takes every delivery: no other address may ever be called.
RECEIVER = os.environ["FUZZ_RECEIVER"]
# Ids of the keys that the run itself uses.
OWN_KEYS = frozenset(os.environ.get("FUZZ_OWN_KEYS", "").split())
# An endless answer that has been silent for this long has told what it has to tell now.
QUIET_SECONDS = 0.25
# What was to be deleted has gone within this, also on a busy machine.
DELETION_SECONDS = 20
# The ids of sandboxes that were seen in answers.
known: set[str] = set()
turn = itertools.count()

NDJSON = "application/x-ndjson"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The spaces are those that the document's own pattern knows.
URL = re.compile(
    r"(?is)https?://[^ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff/?#@\\]*((?:[/?#].*)?)"
)
UNRESOLVABLE = re.compile(r"(?s)https://[a-z0-9.-]+\.invalid([/?#].*)?")
PROJECT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
SANDBOX_ID = re.compile(r"sb-[0-9a-z]{20}")


# --- What the formats of the document mean -------------------------------------------------------------------------

word = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?", fullmatch=True)
value = st.one_of(st.just(""), word)
key = st.one_of(word, st.builds("{}/{}".format, st.sampled_from(["a", "x-y.example"]), word))
values = st.lists(value, min_size=1, max_size=3).map(",".join)
term = st.one_of(
    key,
    st.builds("!{}".format, key),
    st.builds("{}{}{}".format, key, st.sampled_from(["=", "==", "!=", " = ", " != "]), value),
    st.builds("{} {} ({})".format, key, st.sampled_from(["in", "notin"]), values),
)
schemathesis.openapi.format("label-selector", st.lists(term, max_size=2).map(",".join))

# Versions are small numbers here: some of these are the version of what is asked for.
etag = st.builds('"{}"'.format, st.integers(1, 6))
schemathesis.openapi.format("etags", st.one_of(st.just("*"), etag, st.lists(etag, min_size=1).map(", ".join)))
schemathesis.openapi.format("event-id", st.builds("{}-{}".format, st.integers(0, 10**15 - 1), st.integers(0, 9)))

# Where a page ended: the score and the name of its last item.
schemathesis.openapi.format(
    "cursor",
    st.builds(
        lambda score, name: base64.urlsafe_b64encode(f"{score}:{name}".encode()).decode().rstrip("="),
        st.integers(0, 10**15 - 1),
        st.from_regex(r"[a-z0-9_.-]{1,80}", fullmatch=True),
    ),
)

# Days of the last months: of older ones there is no usage, and two days may be a year apart at most.
today = datetime.date.today()
schemathesis.openapi.format("date", st.dates(today - datetime.timedelta(300), today).map(str))

# The only times that are sent are those at which a key ends: in the future, and where all calendars still agree.
schemathesis.openapi.format(
    "date-time",
    st.builds(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}".format,
        st.integers(2100, 9998),
        st.integers(1, 12),
        st.integers(1, 28),
        st.integers(0, 23),
        st.integers(0, 59),
        st.integers(0, 59),
        st.sampled_from(["Z", ".5Z", ".123456789Z", "+00:00", "-23:59", "+14:00"]),
    ),
)


# --- What is sent --------------------------------------------------------------------------------------------------


@schemathesis.hook
def before_call(ctx, case, kwargs):
    kwargs["hooks"] = {"response": cut_endless}
    accept_by_turns(case)
    keep_own_key(case)
    bound_wait(case)
    renew_idempotency_key(case)
    renew_project_name(case)
    call_only_the_receiver(case)


def accept_by_turns(case):
    """OpenAPI has no parameter for Accept: where an operation has several representations, each gets its turn."""
    wanted = {
        "watchSandboxes": NDJSON,
        "watchSandbox": NDJSON,
        "getKubeconfig": "application/json",
    }.get(operation_id(case))
    if wanted and next(turn) % 2:
        case.headers["Accept"] = wanted


def keep_own_key(case):
    """Revoking the key of the run would end it: that one request goes to a key that there is not."""
    if case.method == "DELETE" and case.path_parameters.get("key") in OWN_KEYS:
        case.path_parameters["key"] = "0" * 12


def bound_wait(case):
    """A wait of minutes for a sandbox that is there would stall the run, and a second shows the same answers. Without a
    sandbox of that id, which is most often so, the time is sent as it was made, with the limits and beyond."""
    if operation_id(case) != "waitForSandbox" or case.path_parameters.get("id") not in known:
        return
    timeout = case.query.get("timeout", 60)
    try:
        seconds = float(timeout)
    except (TypeError, ValueError):
        return
    if 1 < seconds <= 300:
        case.query["timeout"] = "1"


def renew_idempotency_key(case):
    """A client makes an Idempotency-Key for each request. The document's example, a UUID, is one for all; and in a chain of
    requests, a key that another chain had used would be answered with what that one made, and perhaps deleted since.
    Elsewhere, what is generated is sent as it is: so keys are also used again, for the same request and for another."""
    given = (case.headers or {}).get("idempotency-key")
    if not isinstance(given, str) or not 1 <= len(given) <= 255:
        return
    if UUID.fullmatch(given) or (case.meta and case.meta.phase.name == TestPhase.STATEFUL):
        case.headers["idempotency-key"] = str(uuid.uuid5(uuid.NAMESPACE_URL, case.id))


def renew_project_name(case):
    """A name is taken once. Hypothesis sends a chain of requests again to vary it, and ends the whole phase when an answer
    is another than before, as that of a project whose name the first chain took. Elsewhere, names are sent as generated."""
    body = case.body
    if operation_id(case) != "createProject" or not (case.meta and case.meta.phase.name == TestPhase.STATEFUL):
        return
    if isinstance(body, dict) and isinstance(body.get("name"), str) and PROJECT_NAME.fullmatch(body["name"]):
        case.body = {**body, "name": f"p-{uuid.uuid5(uuid.NAMESPACE_URL, case.id)}"}


def call_only_the_receiver(case):
    """A webhook's URL names a host, which the service then calls. No document can say which hosts there are, and no test
    may call others: what could be a good URL keeps all but its host, which becomes that of the receiver. A host with a
    space or an @ is refused as it is."""
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("url"), str):
        rest = URL.fullmatch(body["url"])
        if rest and not UNRESOLVABLE.fullmatch(body["url"]):
            case.body = {**body, "url": RECEIVER + rest[1]}


def operation_id(case):
    return case.operation.definition.raw.get("operationId")


# --- What comes back -----------------------------------------------------------------------------------------------


def cut_endless(response, **_):
    """A watch and a followed log have no end. Their head has come and is checked as any other; of their body, what comes
    until it falls silent. Schemathesis reads event streams itself, and lets them end in this way too."""
    kind = response.headers.get("Content-Type", "").split(";", 1)[0]
    if kind not in (NDJSON, "text/plain", "text/event-stream"):
        return response
    connection = response.raw.connection
    if connection is not None and connection.sock is not None:
        connection.sock.settimeout(QUIET_SECONDS)
    if kind != "text/event-stream":
        parts = []
        try:
            for part in response.iter_content(None):
                parts.append(part)
        except requests.exceptions.ConnectionError as silence:
            if "timed out" not in str(silence):
                raise
            response.close()
        response._content = b"".join(parts)
        response._content_consumed = True
    return response


@schemathesis.hook
def after_call(ctx, case, response):
    known.update(SANDBOX_ID.findall(response.text))


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    """Whether it is one. Each case in which it is not is in the document."""
    match type(failure).__name__:
        case "UseAfterFree":
            return not tells_of_an_end(case, response)
        case "RejectedPositiveData":
            return not needs_the_state(case, response)
    return True


def tells_of_an_end(case, response):
    """How a sandbox ended can be asked for as long as it is remembered. Everything else of it goes with it."""
    match operation_id(case):
        case "listSandboxEvents":
            return True
        case "waitForSandbox":
            return response.json()["status"]["phase"] == "deleted"
        case "watchSandbox":
            # Who knows an earlier change is told what came after it; who knows none is told that there is nothing.
            return "since" in case.query or "last-event-id" in case.headers
    return False


def needs_the_state(case, response):
    """A request that keeps to the schema and is refused all the same is a failure, but for what only the state knows and
    what JSON Schema has no words for."""
    if response.status_code != 422:
        return False
    problem = response.json()
    pointers = {fault["pointer"] for fault in problem.get("errors", [])}
    return problem["code"] in STATE_CODES or (operation_id(case), *pointers) in RELATIONS


STATE_CODES = frozenset(
    [
        # An opaque text that the service made before; others are not told from it by a pattern.
        "invalid_cursor",
        # The key was used before, with another request.
        "idempotency_mismatch",
        # Which of the versions that are well written are offered is told by listVersions.
        "unsupported_version",
        # Values that contradict one another, or cannot be told by a pattern, as two ranges of different families.
        "arguments_conflict",
        # Where the host of a URL is, and whether it may be called, is told by the network and the settings.
        "webhook_unresolvable",
        "webhook_address_forbidden",
    ]
)
# An operation, and the fields it complains of.
RELATIONS = frozenset(
    [
        # One day must not be after another, nor more than a year before it.
        ("getUsage", "#query/from"),
        # A time that is past when it is asked for: as createdAt of a key that was made before.
        ("createKey", "/expiresAt"),
    ]
)


@schemathesis.deserializer("application/yaml")
def kubeconfig(ctx, response):
    """The document says string: what a client saves for kubectl. That it is a kubeconfig is checked here."""
    config = yaml.safe_load(response.text)
    assert config["kind"] == "Config" and config["apiVersion"] == "v1" and config["users"], "not a kubeconfig"
    return response.text


@schemathesis.check
def ndjson_conformance(ctx, response, case):
    """Each line is an event of the schema that the document has for the stream. Built-in checks know no NDJSON."""
    kind = (response.headers.get("content-type") or [""])[0].split(";", 1)[0]
    if kind != NDJSON:
        return
    schema = case.operation.responses.find_by_status_code(response.status_code).get_schema(NDJSON).schema
    validator = make_validator(schema, case.operation.schema.adapter.jsonschema_validator_cls)
    # The last part may have been cut within a line.
    for line in response.content.split(b"\n")[:-1]:
        error = next(validator.iter_errors(json.loads(line)), None)
        assert error is None, f"a line is not the event that the document describes: {error.message}\n{line!r}"


@schemathesis.check
def deletion_ends(ctx, response, case):
    """202 promises an end that has not come yet: until then, what is being deleted is told as that, with 200. Built-in
    checks take it for gone at once, so each deletion is seen to its end before the next request of its chain."""
    if case.method != "DELETE" or response.status_code != 202:
        return
    url = response.request.url.split("?", 1)[0]
    headers = {"Authorization": response.request.headers["Authorization"]}
    deadline = time.monotonic() + DELETION_SECONDS
    while (status := requests.get(url, headers=headers, timeout=DELETION_SECONDS).status_code) != 404:
        assert time.monotonic() < deadline, f"deleted {DELETION_SECONDS} s ago, and GET still answers {status}"
        time.sleep(0.02)
