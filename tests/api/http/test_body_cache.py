from api.http.body_cache import BodyCache


def test_the_latest_bodies_are_kept_up_to_some_bytes() -> None:
    cache = BodyCache(10)

    cache.put("a", b"12345")
    cache.put("b", b"1234")
    assert cache.get("a") == b"12345"
    cache.put("c", b"12")
    cache.put("too large", b"12345678901")

    assert {tag: cache.get(tag) for tag in ("a", "b", "c", "too large")} == {
        "a": b"12345",
        "b": None,
        "c": b"12",
        "too large": None,
    }
