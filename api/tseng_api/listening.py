"""The sockets that a server listens on, and the line that says where."""

import resource
import socket
from collections.abc import Sequence


def allow_many_files() -> None:
    """Raise the number of files this process may open as far as it may: every connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def listen(host: str, *ports: int | None) -> list[socket.socket]:
    """Return a listening socket for each port; None stands for none.

    Raises:
        OSError: an address is taken or not ours.
    """
    listeners: list[socket.socket] = []
    try:
        for port in ports:
            if port is not None:
                listeners.append(_listen(host, port))
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def announce(listeners: Sequence[socket.socket], *, secure: bool) -> None:
    """Print the one line that scripts wait for."""
    schemes = ("https", "wss", "tls") if secure else ("http", "ws", "tcp")
    # HTTP and WebSocket share the first socket.
    bound = (listeners[0], *listeners)
    urls = [f"{scheme}://{_address(each)}" for scheme, each in zip(schemes, bound, strict=False)]
    print(f"listening {' '.join(urls)}", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listener = socket.socket(family, kind)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # What is accepted inherits these: peers that vanished are noticed, and small messages leave at once.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"{f'[{host}]' if ':' in host else host}:{port}"
