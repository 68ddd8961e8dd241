import hashlib

import numpy as np
import pytest
from unreliable_server import endless, redirected, shifted, stalled, status, truncated, whole

from coursekit.datasets import DataError
from coursekit.datasets.download import CHUNK, MAX_REDIRECTS, download

CONTENT = np.random.default_rng(0).bytes(5 * CHUNK + 123)
OTHER = np.random.default_rng(1).bytes(5 * CHUNK + 123)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = 2 * CHUNK + 50


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data.zip"


def get(target, *urls, progress=False):
    return download(urls, target, sha256=SHA256, size=len(CONTENT), progress=progress)


def part_of(target):
    return target.with_name("data.zip.part")


def assert_whole(target):
    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()


def test_file_arrives_whole_and_nothing_else_stays(server, target):
    assert get(target, server.at("/a", whole(CONTENT))) == target
    assert_whole(target)
    assert [path.name for path in target.parent.iterdir()] == ["data.zip"]


def test_file_that_is_there_is_not_fetched_again(server, target):
    target.write_bytes(b"mine")
    get(target, server.at("/a", whole(CONTENT)))
    assert target.read_bytes() == b"mine"
    assert server.calls == []


@pytest.mark.parametrize("announce", [True, False], ids=["with length", "without length"])
def test_truncated_answer_is_continued_where_it_stopped(server, target, announce):
    url = server.at("/a", truncated(CONTENT, HALF, announce), whole(CONTENT))
    get(target, url)
    assert_whole(target)
    first, second = server.ranges("/a")
    assert first is None
    # With a length announced, the last incomplete chunk may be lost with the broken connection.
    assert second in (f"bytes={HALF}-", f"bytes={2 * CHUNK}-")


def test_server_that_always_truncates_leaves_a_part_and_no_file(server, target):
    url = server.at("/a", truncated(CONTENT, HALF, announce=False))
    with pytest.raises(
        DataError, match=rf"data\.zip could not.*\n.*/a: stopped after {HALF:,} of {len(CONTENT):,} bytes"
    ):
        get(target, url)
    assert not target.exists()
    assert part_of(target).read_bytes() == CONTENT[:HALF]


def test_next_call_continues_a_part(server, target):
    part_of(target).write_bytes(CONTENT[:HALF])
    get(target, server.at("/a", whole(CONTENT)))
    assert_whole(target)
    assert server.ranges("/a") == [f"bytes={HALF}-"]


def test_complete_part_needs_no_request(server, target):
    part_of(target).write_bytes(CONTENT)
    get(target, server.at("/a", whole(CONTENT)))
    assert_whole(target)
    assert server.calls == []


def test_server_that_ignores_range_starts_over(server, target):
    part_of(target).write_bytes(CONTENT[:HALF])
    get(target, server.at("/a", whole(CONTENT, ranges=False)))
    assert_whole(target)
    assert server.ranges("/a") == [f"bytes={HALF}-"]


def test_answer_that_begins_elsewhere_is_never_appended(server, target):
    part_of(target).write_bytes(CONTENT[:HALF])
    get(target, server.at("/a", shifted(CONTENT, HALF + 7), whole(CONTENT)))
    assert_whole(target)
    assert server.ranges("/a") == [f"bytes={HALF}-", None]


def test_refused_range_deletes_the_part_and_starts_over(server, target):
    part_of(target).write_bytes(CONTENT[:HALF])
    get(target, server.at("/a", status(416), whole(CONTENT)))
    assert_whole(target)
    assert server.ranges("/a") == [f"bytes={HALF}-", None]


def test_corrupt_part_is_deleted_and_fetched_afresh_from_the_same_address(server, target):
    part_of(target).write_bytes(OTHER[:HALF])
    get(target, server.at("/a", whole(CONTENT)))
    assert_whole(target)
    assert server.ranges("/a") == [f"bytes={HALF}-", None]


def test_part_that_is_too_long_is_deleted(server, target):
    part_of(target).write_bytes(CONTENT + b"more")
    get(target, server.at("/a", whole(CONTENT)))
    assert_whole(target)
    assert server.ranges("/a") == [None]


def test_corrupt_content_is_refused_and_the_next_address_tried(server, target):
    bad, good = server.at("/bad", whole(OTHER)), server.at("/good", whole(CONTENT))
    get(target, bad, good)
    assert_whole(target)
    assert server.ranges("/good") == [None]  # nothing of the corrupt file was kept


def test_corrupt_content_everywhere_leaves_nothing(server, target):
    with pytest.raises(DataError, match=rf"wrong checksum: SHA-256 .* where {SHA256[:12]}… is published"):
        get(target, server.at("/bad", whole(OTHER)))
    assert list(target.parent.iterdir()) == []
    assert len(server.calls) == 1


def test_stall_ends_by_timeout_and_the_retry_continues(server, target):
    url = server.at("/a", stalled(CONTENT, HALF), whole(CONTENT))
    get(target, url)
    assert_whole(target)
    assert server.ranges("/a")[1] in (f"bytes={HALF}-", f"bytes={2 * CHUNK}-")


def test_stalling_server_is_named_as_such(server, target):
    with pytest.raises(DataError, match=r"/a: stalled after [\d,]+ of [\d,]+ bytes \(kept"):
        get(target, server.at("/a", stalled(CONTENT, HALF)))
    assert not target.exists()


def test_stall_before_the_first_byte_is_named_as_such(server, target):
    with pytest.raises(DataError, match=r"/a: stalled$"):
        get(target, server.at("/a", lambda request: request.server.behaviour.released.wait(10)))


def test_redirect_is_followed(server, target):
    server.at("/b", whole(CONTENT))
    get(target, server.at("/a", redirected("/b")))
    assert_whole(target)


def test_redirect_keeps_the_range(server, target):
    part_of(target).write_bytes(CONTENT[:HALF])
    server.at("/b", whole(CONTENT))
    get(target, server.at("/a", redirected("/b")))
    assert_whole(target)
    assert server.ranges("/b") == [f"bytes={HALF}-"]


def test_redirect_in_a_circle_ends_and_the_next_address_is_tried(server, target):
    circle = server.at("/a", redirected("/a"))
    get(target, circle, server.at("/good", whole(CONTENT)))
    assert_whole(target)
    assert len(server.ranges("/a")) == MAX_REDIRECTS + 1


def test_redirect_to_a_local_file_is_refused(server, target):
    with pytest.raises(DataError, match="No connection adapters"):
        get(target, server.at("/a", redirected("file:///etc/hostname")))


def test_login_page_instead_of_the_file_is_recognised(server, target):
    page = whole(b"<html>Please log in</html>", kind="text/html; charset=utf-8")
    with pytest.raises(
        DataError, match=r"it is a web page \(text/html; charset=utf-8\), perhaps a login page"
    ):
        get(target, server.at("/a", page))
    assert list(target.parent.iterdir()) == []


def test_endless_answer_is_cut_off(server, target):
    sent = []
    with pytest.raises(DataError, match="does not send"):
        get(target, server.at("/a", endless(sent, most=64 << 20)))
    assert sum(sent) < 32 << 20  # the socket's buffers, not all that the server would give
    assert list(target.parent.iterdir()) == []


def test_answer_that_is_too_long_is_refused(server, target):
    with pytest.raises(DataError, match=f"does not send the {len(CONTENT):,} bytes expected"):
        get(target, server.at("/a", whole(CONTENT + OTHER)))
    assert list(target.parent.iterdir()) == []


def test_missing_file_is_not_asked_for_twice(server, target):
    with pytest.raises(DataError, match="answered 404 Not Found"):
        get(target, server.at("/a", status(404)))
    assert len(server.calls) == 1


def test_busy_server_is_asked_again(server, target):
    get(target, server.at("/a", status(503), status(503), whole(CONTENT)))
    assert_whole(target)


def test_every_address_is_named_with_its_fault(server, target):
    urls = server.at("/a", status(404)), server.at("/b", whole(OTHER)), "http://127.0.0.1:9/c"
    with pytest.raises(DataError) as caught:
        get(target, *urls)
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(": ")[0].strip() for line in lines] == list(urls)
    assert "404" in lines[0]
    assert "checksum" in lines[1]
    assert "refused" in lines[2].lower()


def test_part_from_one_address_is_continued_at_the_next(server, target):
    first = server.at("/a", truncated(CONTENT, HALF, announce=False), status(404))
    get(target, first, server.at("/b", whole(CONTENT)))
    assert_whole(target)
    assert server.ranges("/b") == [f"bytes={HALF}-"]


def test_interruption_keeps_the_part(server, target, monkeypatch):
    import requests

    pieces = requests.Response.iter_content

    def interrupted(self, size):
        for number, piece in enumerate(pieces(self, size)):
            if number == 2:
                raise KeyboardInterrupt
            yield piece

    url = server.at("/a", whole(CONTENT))
    with monkeypatch.context() as patch:
        patch.setattr(requests.Response, "iter_content", interrupted)
        with pytest.raises(KeyboardInterrupt):
            get(target, url)
    assert not target.exists()
    assert part_of(target).read_bytes() == CONTENT[: 2 * CHUNK]
    get(target, url)
    assert_whole(target)


def test_expired_certificate_is_named_and_the_next_address_tried(server, target, monkeypatch):
    import requests

    ask = requests.Session.get

    def expired(self, url, **options):
        if url.startswith("https"):
            raise requests.exceptions.SSLError("certificate has expired")
        return ask(self, url, **options)

    monkeypatch.setattr(requests.Session, "get", expired)
    with pytest.raises(DataError, match=r"its certificate is not valid \(certificate has expired\)"):
        get(target, "https://127.0.0.1/a")
    get(target, "https://127.0.0.1/a", server.at("/b", whole(CONTENT)))
    assert_whole(target)


def test_bar_counts_from_what_is_there_to_the_end(server, target, capsys):
    part_of(target).write_bytes(CONTENT[:HALF])
    get(target, server.at("/a", whole(CONTENT)), progress=True)
    shown = capsys.readouterr().err
    assert "data.zip" in shown
    assert "100%" in shown


def test_no_bar_without_progress(server, target, capsys):
    get(target, server.at("/a", whole(CONTENT)))
    assert capsys.readouterr().err == ""
