import gc
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from tests.faults.proxy import Proxy


def _echo(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        while piece := connection.recv(1024):
            connection.sendall(piece)


@contextmanager
def before_an_echo() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=_echo, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        with Proxy(listener.getsockname()[1]) as made:
            yield made


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that says back what it hears."""
    with before_an_echo() as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=2)


def ask(client: socket.socket) -> bytes:
    client.sendall(b"hello")
    return client.recv(1024)


def test_it_forwards_everything(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == b"hello"


def test_it_refuses_and_listens_again_on_the_same_port(proxy: Proxy) -> None:
    with connect(proxy) as client:
        ask(client)
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            ask(client)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)

    proxy.heal()

    with connect(proxy) as client:
        assert ask(client) == b"hello"


def test_it_swallows_and_delivers_later(proxy: Proxy) -> None:
    with connect(proxy) as before:
        ask(before)
        proxy.swallow()
        with connect(proxy) as client:
            client.settimeout(0.3)
            for one in (before, client):
                one.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    ask(one)
            proxy.heal()
            for one in (before, client):
                one.settimeout(2)
                assert one.recv(1024) == b"hello"


def test_it_resets_connections_and_serves_new_ones(proxy: Proxy) -> None:
    with connect(proxy) as client:
        ask(client)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            ask(client)
    with connect(proxy) as client:
        assert ask(client) == b"hello"


def test_it_delays(proxy: Proxy) -> None:
    proxy.delay(0.2)
    with connect(proxy) as client:
        begun = time.monotonic()
        ask(client)
        assert time.monotonic() - begun >= 0.4


def test_it_ends_while_clients_connect_and_leaves_nothing_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def come_again_and_again(port: int) -> None:
        while not is_over.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2) as client:
                client.settimeout(0.2)
                ask(client)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(20):
            is_over = threading.Event()
            with ThreadPoolExecutor(6) as pool:
                with before_an_echo() as proxy:
                    for _ in range(6):
                        pool.submit(come_again_and_again, proxy.port)
                    time.sleep(0.02)
                    proxy.refuse()
                    proxy.heal()
                    time.sleep(0.02)
                is_over.set()
        gc.collect()

    assert [str(warning.message) for warning in caught] == []
    assert caplog.messages == []
