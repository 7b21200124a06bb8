"""The little of curl that the pages use, for machines that have none: `-H`, `-X`, `-d`, `--data-binary @file`."""

import argparse
import sys
from pathlib import Path

import httpx


def main() -> None:
    """Send one request and print the body of the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-X", dest="method")
    parser.add_argument("-d", dest="body")
    parser.add_argument("--data-binary", dest="file", type=lambda name: Path(name.removeprefix("@")).read_bytes())
    parser.add_argument("url")
    asked = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in asked.headers)
    body = asked.body if asked.file is None else asked.file
    method = asked.method or ("GET" if body is None else "POST")
    answer = httpx.request(method, asked.url, headers=headers, content=body)
    sys.stdout.write(answer.text)


if __name__ == "__main__":
    main()
