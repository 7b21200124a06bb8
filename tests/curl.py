"""The little of curl that the pages use, for machines that have none: `-H -X -d -G -s --data-binary @file`."""

import argparse
import sys
from pathlib import Path

import httpx


def main() -> None:
    """Send one request and print the body of the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-X", dest="method")
    parser.add_argument("-d", dest="body", action="append", default=[])
    parser.add_argument("-s", dest="silent", action="store_true")
    parser.add_argument("-G", dest="get", action="store_true")
    parser.add_argument("--data-binary", dest="file", type=lambda name: Path(name.removeprefix("@")).read_bytes())
    parser.add_argument("url")
    asked = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in asked.headers)
    body = asked.file or "&".join(asked.body).encode()
    if asked.get:
        asked.url, body = f"{asked.url}?{body.decode()}", b""
    method = asked.method or ("POST" if body else "GET")
    answer = httpx.request(method, asked.url, headers=headers, content=body or None)
    sys.stdout.write(answer.text)


if __name__ == "__main__":
    main()
